"""Compressed twins of images, in and out, and what remapping does to them."""

import cv2
import numpy as np
import pytest
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage, Image

from mmseg_ros.core.errors import SampleError
from mmseg_ros.messages import decode_compressed_image
from mmseg_ros.ros.conversions import compressed_image_message, header_of, image_message
from mmseg_ros.ros.transports import transport_topic

pytestmark = pytest.mark.ros


@pytest.mark.parametrize(
    ('rules', 'topic'),
    [
        ([], '/rgb/image_raw/compressed'),
        (['rgb/image_raw:=/cam_rear/image'], '/cam_rear/image/compressed'),
        (['rgb/image_raw/compressed:=/jpeg'], '/jpeg'),
        (['rgb/image_raw:=/cam_rear/image', 'rgb/image_raw/compressed:=/jpeg'], '/jpeg'),
    ],
)
def test_remapping_an_image_moves_its_transports(graph, rules, topic):
    arguments = ['--ros-args', *(word for rule in rules for word in ('-r', rule))]
    node = graph.add(Node('remapped', context=graph.context, cli_args=arguments))
    found = transport_topic(node, 'rgb/image_raw', '/compressed')
    assert node.resolve_topic_name(found) == topic
    assert transport_topic(node, 'rgb/image_raw', '') == 'rgb/image_raw'


def test_the_node_takes_the_compressed_twin_of_a_remapped_camera(
    graph, sensors, listener, make_node
):
    node = make_node(arguments=('--ros-args', '-r', 'rgb/image_raw:=/cam_rear/image'))
    listener.listen(Image, '/mmseg/labels')
    publisher = sensors.node.create_publisher(CompressedImage, '/cam_rear/image/compressed', 5)

    def change(topic, message):
        if topic != 'rgb/image_raw':
            return message
        publisher.publish(compressed_image_message(message, 'jpeg', 90))
        return None

    assert sensors.play_until(
        ('rgb',), lambda: node.stream.intake.received['rgb'] > 2, change=change
    )
    assert node.stream.inputs['rgb'].topic == '/cam_rear/image/compressed'
    assert sensors.play_until(('rgb',), lambda: listener.messages['/mmseg/labels'], change=change)


def test_compressed_results_hold_what_the_plain_ones_hold(sensors, listener, make_node):
    make_node()
    plain = ('labels', 'confidence', 'color', 'overlay', 'debug/projection')
    for name in plain:
        listener.listen(Image, f'/mmseg/{name}')
        listener.listen(CompressedImage, f'/mmseg/{name}/compressed')
    assert sensors.play_until(
        ('rgb', 'lidar'),
        lambda: all(listener.messages[f'/mmseg/{name}/compressed'] for name in plain),
    )
    for name in plain:
        message = listener.messages[f'/mmseg/{name}/compressed'][-1]
        same = {m.header.stamp.nanosec: m for m in listener.messages[f'/mmseg/{name}']}
        whole = same[message.header.stamp.nanosec]
        assert message.header == whole.header
        expected = np.frombuffer(whole.data, np.uint8).reshape(whole.height, whole.width, -1)
        found = decode_compressed_image(message).pixels.reshape(expected.shape)
        is_exact = name in ('labels', 'confidence')
        assert message.format.startswith(
            'mono8; png compressed' if is_exact else 'rgb8; jpeg compressed bgr8'
        )
        if is_exact:
            assert np.array_equal(found, expected)
        else:  # JPEG loses noise of single pixels, but not the order of the colors
            far = np.abs(found[..., ::-1].astype(int) - expected).mean()
            assert np.abs(found.astype(int) - expected).mean() < far


def test_a_compressed_subscriber_alone_is_enough(sensors, listener, make_node):
    make_node()
    listener.listen(CompressedImage, '/mmseg/labels/compressed')
    assert sensors.play_until(('rgb',), lambda: listener.messages['/mmseg/labels/compressed'])


def test_color_keeps_its_order_and_quality_counts():
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:, :16] = (200, 30, 10)
    image = image_message(header_of(1, 'camera'), pixels, 'rgb8')
    message = compressed_image_message(image, 'jpeg', 95)
    found = decode_compressed_image(message).pixels
    assert np.abs(found.astype(int) - pixels)[:, :12].max() < 12
    stored = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR)
    assert stored[0, 0, 2] > 150  # OpenCV reads the file as blue, green, red
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    image = image_message(header_of(1, 'camera'), noise, 'rgb8')
    sizes = [len(compressed_image_message(image, 'jpeg', q).data) for q in (20, 95)]
    assert sizes[0] < sizes[1]


def test_sixteen_bit_ids_stay_exact_in_png():
    ids = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000
    message = compressed_image_message(image_message(header_of(1, ''), ids, '16UC1'), 'png', 95)
    assert message.format.startswith('16UC1; png compressed')
    assert np.array_equal(decode_compressed_image(message).pixels.reshape(8, 8), ids)


def test_the_quality_is_a_live_parameter(make_node):
    node = make_node()
    assert node.set_parameters([Parameter('output.jpeg_quality', value=30)])[0].successful
    assert node.session.outputs.config.jpeg_quality == 30


def test_an_encoder_that_fails_is_named(monkeypatch):
    monkeypatch.setattr(cv2, 'imencode', lambda *_: (False, None))
    image = image_message(header_of(1, ''), np.zeros((2, 2), np.uint8), 'mono8')
    with pytest.raises(SampleError, match='mono8 cannot be sent as png'):
        compressed_image_message(image, 'png', 95)
