"""Replay chooses decoders by type, names other transports, and treats faults as the node does."""

import struct

import cv2
import numpy as np
import pytest

from mmseg_ros.bag import builders, replay
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.bag.rejected import Rejected
from mmseg_ros.bag.typestore import message_class
from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import CloudData
from mmseg_ros.projection.transforms import pose

COMPRESSED = 'sensor_msgs/msg/CompressedImage'
STRING = 'std_msgs/msg/String'
MM = np.arange(12, dtype=np.uint16).reshape(3, 4) * 100


def compressed(text, data):
    content = np.frombuffer(data, np.uint8)
    return message_class(COMPRESSED)(builders.header(5, 'camera'), text, content)


def taken(path, **options):
    with BagReader(path) as reader:
        topics = replay.sensor_topics(reader)
        return topics, list(replay.samples(reader, topics, **options))


@pytest.mark.parametrize(
    ('suffix', 'text', 'begin'),
    [
        ('/compressed', '16UC1; png compressed ', b''),
        ('/compressedDepth', '16UC1; compressedDepth png', struct.pack('<iff', 0, 0, 0)),
    ],
)
def test_depth_that_is_there_only_compressed(tmp_path, suffix, text, begin):
    data = begin + cv2.imencode('.png', MM)[1].tobytes()
    with BagWriter(tmp_path / 'b') as bag:
        bag.write('/depth/image' + suffix, COMPRESSED, 9, compressed(text, data))
    topics, (sample,) = taken(tmp_path / 'b')
    assert topics == {'depth': '/depth/image' + suffix}
    np.testing.assert_allclose(sample.payload.depth_m, np.where(MM, MM / 1000, np.nan))


def test_a_transport_that_nobody_reads_is_named(tmp_path, caplog):
    with BagWriter(tmp_path / 'b') as bag:
        bag.write('/rgb/image_raw/ffmpeg', STRING, 9, message_class(STRING)('x'))
    topics, _ = taken(tmp_path / 'b')
    assert topics == {}
    assert 'rgb is there only as /rgb/image_raw/ffmpeg (std_msgs/msg/String)' in caplog.text


def test_a_wrong_type_and_a_message_without_header_cost_only_themselves(tmp_path):
    with BagWriter(tmp_path / 'b') as bag:
        bag.write('/rgb/image_raw', STRING, 8, message_class(STRING)('x'))
        pixels = np.full((4, 4, 3), 9, np.uint8)
        image = builders.image_message(5, 'camera', pixels, 'rgb8')
        bag.write('/lidar/points', builders.IMAGE, 9, image)
        bag.write('/depth/image', builders.IMAGE, 9, image)
    rejected = Rejected()
    _, samples = taken(tmp_path / 'b', on_rejected=rejected)
    assert samples == []
    assert set(rejected.causes) == {'rgb', 'lidar', 'depth'}
    assert 'lidar sensor cannot come as sensor_msgs/msg/Image' in rejected.text()
    with pytest.raises(SampleError):
        taken(tmp_path / 'b')


def cloud_message(stamp_ns, frame_id, x):
    points = np.zeros(2, [(kind, 'f4') for kind in 'xyz'] + [('intensity', 'f4')])
    points['x'], points['intensity'] = x, [0.0, 200.0]
    return builders.cloud_message(stamp_ns, frame_id, points)


@pytest.mark.parametrize('has_transform', [True, False])
def test_two_lidars_on_one_topic(tmp_path, has_transform):
    T_base = {'front': pose([1, 0, 0], [0, 0, 0, 1]), 'rear': pose([-3, 0, 0], [0, 0, 0, 1])}
    with BagWriter(tmp_path / 'b') as bag:
        if has_transform:
            bag.write('/tf_static', builders.TF_MESSAGE, 1,
                      builders.tf_message(1, 'base_link', T_base), latched=True)  # fmt: skip
        bag.write('/lidar/points', builders.POINT_CLOUD, 5, cloud_message(5, 'front', 10.0))
        bag.write('/lidar/points', builders.POINT_CLOUD, 6, cloud_message(6, 'rear', 14.0))
    rejected = Rejected()
    _, samples = taken(tmp_path / 'b', on_rejected=rejected)
    if has_transform:
        assert [sample.frame_id for sample in samples] == ['front', 'front']
        assert [float(sample.payload.points['x'][0]) for sample in samples] == [10.0, 10.0]
    else:
        assert len(samples) == 1
        assert "in frame 'rear'" in rejected.text()


def test_what_was_lost_can_be_asked_for_afterwards(tmp_path):
    with BagWriter(tmp_path / 'b') as bag:
        bag.write('/lidar/points', builders.POINT_CLOUD, 5, cloud_message(5, 'front', 10.0))
    decoders = replay.decoders_of(['lidar'])
    _, (sample,) = taken(tmp_path / 'b', decoders=decoders)
    assert isinstance(sample.payload, CloudData)
    assert sample.payload.intensity_max == 255.0
    assert str(decoders['lidar'].intensity) == 'intensity 0..255 (by its values)'
    assert decoders['lidar'].losses == {}
