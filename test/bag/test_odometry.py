"""Poses of a bag bring points to the camera's time, as they do in the node."""

import numpy as np
import pytest

from mmseg_ros.bag import replay
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.types import CloseReason, CloudData, FrameSet, ImageData, SensorSample
from mmseg_ros.projection.frame_geometry import FrameGeometry
from mmseg_ros.projection.odometry import Odometry
from mmseg_ros.projection.seen import seen_points
from mmseg_ros.projection.transforms import pose, transform_points

S = 1_000_000_000
TURN_RADPS = 0.5
CLOUD_DTYPE = [('x', 'f4'), ('y', 'f4'), ('z', 'f4'), ('time', 'f4')]


def heading(stamp_ns, start_ns):
    half = TURN_RADPS * (stamp_ns - start_ns) / S / 2
    return pose([0, 0, 0], [0, 0, np.sin(half), np.cos(half)])


@pytest.fixture
def turning_bag(tmp_path, rig):
    """A vehicle that turns; its LiDAR looks 90 ms before the camera, straight ahead of that."""
    start_ns = 1_700_000_000 * S
    ahead = transform_points(np.linalg.inv(rig.T_base('lidar')), np.array([[20.0, 0, 1.5]]))
    points = np.zeros(1, CLOUD_DTYPE)
    for axis, name in enumerate('xyz'):
        points[name] = ahead[:, axis]
    path = tmp_path / 'bag'
    with BagWriter(path) as bag:
        bag.write_calibration(start_ns, rig)
        for k in range(20):
            stamp_ns = start_ns + k * S // 20
            bag.write_odometry(stamp_ns, heading(stamp_ns, start_ns))
            if k % 4 == 0:
                cloud_ns = stamp_ns - 90_000_000
                cloud = CloudData(points, 1, 1)
                bag.write_sample(SensorSample('lidar', cloud_ns, 'lidar', cloud, stamp_ns + 1))
                image = ImageData(np.zeros((32, 48, 3), np.uint8))
                bag.write_sample(SensorSample('rgb', stamp_ns, 'rgb_optical', image, stamp_ns + 2))
    return path


def test_points_land_where_the_camera_sees_them_while_turning(turning_bag, rig):
    odometry = Odometry()
    columns = {}
    with BagReader(turning_bag) as reader:
        topics = replay.sensor_topics(reader)
        cloud = None
        for sample in replay.samples(reader, topics, odometry=odometry):
            if sample.modality == 'lidar':
                cloud = sample
                continue
            names = ('rgb', 'lidar')
            frame_set = FrameSet(
                'rgb', sample.stamp_ns, {'rgb': sample, 'lidar': cloud}, names,
                CloseReason.COMPLETE,
            )  # fmt: skip
            camera = rig.camera('rgb').resized(320, 480)
            for name, poses in (('moved', odometry), ('still', None)):
                geometry = FrameGeometry(rig, frame_set.stamp_ns, poses)
                projection = seen_points(cloud, frame_set, geometry, camera)
                columns.setdefault(name, []).append(int(projection.u[0]))
    # In 90 ms the vehicle turns left by 2.6 degrees: what was ahead is right of the middle then.
    expected_px = 239.5 + rig.camera('rgb').resized(320, 480).K[0, 0] * np.tan(0.045)
    assert len(columns['moved']) == 5
    np.testing.assert_allclose(columns['moved'][1:], expected_px, atol=3)
    np.testing.assert_allclose(columns['still'], 239.5, atol=1)


def test_poses_are_read_only_where_they_are_asked_for(turning_bag):
    odometry = Odometry()
    with BagReader(turning_bag) as reader:
        topics = replay.sensor_topics(reader)
        with_poses = list(replay.samples(reader, topics, odometry=odometry))
        without = list(replay.samples(reader, topics))
    assert odometry.is_known
    assert [s.stamp_ns for s in with_poses] == [s.stamp_ns for s in without]
