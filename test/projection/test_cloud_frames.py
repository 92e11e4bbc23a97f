"""Two LiDARs on one topic: each has its own pose, or the second is rejected by name."""

import numpy as np
import pytest

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import CloudData, ImageData, SensorSample
from mmseg_ros.projection.cloud_frames import CloudFrames
from mmseg_ros.projection.transforms import pose

# Four meters behind the first LiDAR and turned by 90 degrees to the left.
T_FRONT_REAR = pose([-4.0, 0.0, 0.0], [0, 0, np.sqrt(0.5), np.sqrt(0.5)])


def sample(frame_id, xyz, modality='lidar'):
    points = np.zeros(len(xyz), [(kind, 'f4') for kind in 'xyz'] + [('ring', 'u2')])
    for column, name in enumerate('xyz'):
        points[name] = np.asarray(xyz)[:, column]
    points['ring'] = 7
    return SensorSample(modality, 0, frame_id, CloudData(points, 1, len(points)))


def joined(target, source):
    return T_FRONT_REAR if (target, source) == ('front', 'rear') else None


def test_the_second_is_moved_into_the_frame_of_the_first():
    frames = CloudFrames(joined)
    first = sample('front', [[1, 2, 3]])
    assert frames.unified(first) is first
    rear = sample('rear', [[1, 0, 0], [np.nan, 0, 0]])
    moved = frames.unified(rear)
    assert moved.frame_id == 'front'
    np.testing.assert_allclose(moved.payload.xyz()[0], [-4, 1, 0], atol=1e-6)
    assert np.isnan(moved.payload.xyz()[1]).any()
    assert moved.payload.points['ring'].tolist() == [7, 7]
    assert rear.payload.points['x'][0] == 1  # messages are never written to
    assert frames.main_frame('lidar', 'rear') == 'front'


def test_without_a_transform_the_second_is_rejected_by_name():
    frames = CloudFrames(lambda target, source: None)
    for _ in range(20):
        frames.unified(sample('front', [[1, 2, 3]]))
        with pytest.raises(
            SampleError, match="frame 'rear', earlier ones of 'lidar' are in 'front'"
        ):
            frames.unified(sample('rear', [[1, 2, 3]]))


def test_a_sensor_that_was_renamed_comes_back():
    frames = CloudFrames(lambda target, source: None)
    frames.unified(sample('old', [[1, 2, 3]]))
    rejected = 0
    for _ in range(20):
        try:
            frames.unified(sample('new', [[1, 2, 3]]))
        except SampleError:
            rejected += 1
    assert rejected == 10
    assert frames.main_frame('lidar', 'new') == 'new'


def test_other_sensors_and_other_lidars_are_left_alone():
    frames = CloudFrames(lambda target, source: None)
    frames.unified(sample('front', [[1, 2, 3]]))
    assert frames.unified(sample('rear', [[1, 2, 3]], 'lidar_rear')).frame_id == 'rear'
    for frame_id in 'ab':
        image = SensorSample('rgb', 0, frame_id, ImageData(np.zeros((2, 2), np.uint8)))
        assert frames.unified(image) is image
        assert frames.main_frame('rgb', frame_id) == frame_id
