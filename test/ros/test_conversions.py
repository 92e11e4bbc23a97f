import array

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus

from mmseg_ros.messages import decode_cloud, decode_image, stamp_ns
from mmseg_ros.ros.conversions import cloud_message, header_of, image_message, status_message


@pytest.mark.parametrize('stamp', [0, 1, 999_999_999, 1_700_000_000_123_456_789])
def test_header_keeps_nanoseconds(stamp):
    header = header_of(stamp, 'lidar')
    assert stamp_ns(header) == stamp
    assert header.frame_id == 'lidar'


def test_image_has_no_padding_and_comes_back():
    pixels = np.random.default_rng(1).integers(0, 255, (5, 7, 3), np.uint8)
    message = image_message(header_of(1, 'c'), pixels, 'rgb8')
    assert (message.height, message.width, message.step) == (5, 7, 21)
    assert isinstance(message.data, array.array)
    assert np.array_equal(decode_image(message).pixels, pixels)


def test_image_of_a_strided_view_comes_back():
    pixels = np.random.default_rng(1).integers(0, 255, (6, 8), np.uint8)[::2, ::2]
    message = image_message(header_of(1, 'c'), pixels, 'mono8')
    assert np.array_equal(decode_image(message).pixels, pixels)


def test_cloud_comes_back_with_all_fields():
    points = np.zeros(6, [('x', '<f4'), ('y', '<f4'), ('z', '<f4'), ('label', 'u1')])
    points['x'] = np.arange(6)
    points['label'] = np.arange(6) + 3
    message = cloud_message(header_of(1, 'lidar'), points, 2, 3)
    assert (message.height, message.width, message.row_step) == (2, 3, 3 * message.point_step)
    cloud = decode_cloud(message)
    assert (cloud.height, cloud.width) == (2, 3)
    assert np.array_equal(cloud.points['x'], points['x'])
    assert np.array_equal(cloud.points['label'], points['label'])


def test_status_values_are_text():
    status = status_message(DiagnosticStatus.WARN, 'a', 'b', {'n': 3, 't': 'x'}, 'hw')
    assert [(v.key, v.value) for v in status.values] == [('n', '3'), ('t', 'x')]
    assert status.level == DiagnosticStatus.WARN
