"""Odometry, and clouds taken while driving."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.core.types import (
    CloseReason,
    CloudData,
    DepthData,
    FrameSet,
    SensorSample,
)
from mmseg_ros.projection import align
from mmseg_ros.projection.motion import RigInMotion, deskewed
from mmseg_ros.projection.odometry import Odometry, add_odometry_message
from mmseg_ros.projection.transforms import invert, pose, transform_points

S = 1_000_000_000
SPEED_MPS, TURN_RADPS = 15.0, 0.4


def pose_at(stamp_ns):
    """An arc: the exact pose of a vehicle that drives and turns evenly."""
    t = stamp_ns / S
    radius, angle = SPEED_MPS / TURN_RADPS, TURN_RADPS * t
    position = [radius * np.sin(angle), radius * (1 - np.cos(angle)), 0]
    return pose(position, [0, 0, np.sin(angle / 2), np.cos(angle / 2)])


@pytest.fixture
def odometry():
    buffer = Odometry()
    for k in range(31):
        buffer.add(k * S // 50, pose_at(k * S // 50))
    return buffer


def test_pose_between_two_others(odometry):
    for stamp_ns in (0, S // 7, S // 3, 29 * S // 50):
        np.testing.assert_allclose(odometry.pose(stamp_ns), pose_at(stamp_ns), atol=3e-4)


def test_motion_goes_there_and_back(odometry):
    there, back = odometry.motion(S // 4, S // 3), odometry.motion(S // 3, S // 4)
    np.testing.assert_allclose(there @ back, np.eye(4), atol=1e-12)
    np.testing.assert_array_equal(odometry.motion(123, 123), np.eye(4))


def test_a_short_gap_is_bridged_and_a_long_one_rejected(odometry):
    late = 30 * S // 50 + S // 20
    np.testing.assert_allclose(odometry.pose(late), pose_at(late), atol=0.02)
    with pytest.raises(CalibrationError, match='400 ms away'):
        odometry.pose(S)
    with pytest.raises(CalibrationError, match='fewer than two'):
        Odometry().pose(0)


def test_a_loop_of_the_bag_starts_anew(odometry):
    odometry.add(5, np.eye(4))
    with pytest.raises(CalibrationError, match='fewer than two'):
        odometry.pose(5)


def test_old_poses_are_forgotten():
    buffer = Odometry(keep_s=1.0)
    for k in range(100):
        buffer.add(k * S // 10, np.eye(4))
    with pytest.raises(CalibrationError):
        buffer.pose(S)


def test_message_by_its_names(odometry):
    buffer = Odometry()
    for stamp_ns in (1, 4 * S // 10):
        point, turn = (1.0, 2.0, 3.0), (0.0, 0.0, 0.0, 1.0)
        position = SimpleNamespace(**dict(zip('xyz', point, strict=True)))
        orientation = SimpleNamespace(**dict(zip('xyzw', turn, strict=True)))
        inner = SimpleNamespace(position=position, orientation=orientation)
        add_odometry_message(buffer, stamp_ns, SimpleNamespace(pose=SimpleNamespace(pose=inner)))
    np.testing.assert_allclose(buffer.pose(S // 5)[:3, 3], [1, 2, 3])


def sweep(world, stamps, T_base_lidar):
    """What a LiDAR measures of world points, one after the other while driving."""
    points = [
        transform_points(invert(pose_at(t) @ T_base_lidar), p[None])[0]
        for p, t in zip(world, stamps, strict=True)
    ]
    return np.array(points, np.float32)


def test_deskewed_points_stand_still(odometry):
    rng = np.random.default_rng(0)
    T_base_lidar = pose([0.8, 0.1, 1.9], [0, 0, np.sin(0.2), np.cos(0.2)])
    world = rng.normal(size=(500, 3)) * [30, 30, 3]
    stamps = rng.integers(S // 10, 2 * S // 10, 500)
    target_ns = S // 4
    expected = transform_points(invert(pose_at(target_ns) @ T_base_lidar), world)
    measured = sweep(world, stamps, T_base_lidar)
    assert np.abs(measured - expected).max() > 1.0
    moved = deskewed(measured, stamps, target_ns, odometry, T_base_lidar)
    assert np.abs(moved - expected).max() < 0.01


def test_a_cloud_without_point_times_moves_as_one(rig, odometry):
    points = np.ones(3, [('x', '<f4'), ('y', '<f4'), ('z', '<f4')])
    cloud, stamp_ns, target_ns = CloudData(points, 1, 3), S // 10, S // 5
    xyz = RigInMotion(rig, target_ns, odometry).xyz('lidar', cloud, stamp_ns)
    T_base = rig.T_base('lidar')
    expected = transform_points(
        invert(pose_at(target_ns) @ T_base) @ pose_at(stamp_ns) @ T_base, cloud.xyz()
    )
    np.testing.assert_allclose(xyz, expected, atol=2e-3)


def test_without_reach_the_vehicle_counts_as_standing(rig, odometry):
    points = np.ones(3, [('x', '<f4'), ('y', '<f4'), ('z', '<f4')])
    motion = RigInMotion(rig, 9 * S, odometry)
    np.testing.assert_array_equal(motion.xyz('lidar', CloudData(points, 1, 3), 9 * S + 1), 1.0)
    np.testing.assert_allclose(motion.T_reference('lidar', 8 * S), rig.T('rgb', 'lidar'))
    assert odometry.misses == 2


def test_a_hole_in_the_odometry_is_rejected_and_told_once(rig, odometry, caplog):
    odometry.add(2 * S, pose_at(2 * S))
    with pytest.raises(CalibrationError, match='gap of 1400 ms'):
        odometry.pose(S)
    points = CloudData(np.ones(3, [('x', '<f4'), ('y', '<f4'), ('z', '<f4')]), 1, 3)
    with caplog.at_level('INFO'):
        for stamp_ns in (S, S + 1, S // 2, S // 2 + 1, S):
            RigInMotion(rig, stamp_ns, odometry).xyz('lidar', points, stamp_ns + 2)
    told = [record.levelname for record in caplog.records]
    assert told == ['WARNING', 'INFO', 'WARNING']
    assert 'gap of 1400 ms' in caplog.records[0].getMessage()


def test_stamps_since_1970_are_not_too_long(rig):
    buffer, start_ns = Odometry(), 1_700_000_000 * S + 123_456_789
    for k in range(5):
        buffer.add(start_ns + k * S // 10, pose([k, 0, 0]))
    cloud = CloudData(np.ones(3, [('x', '<f4'), ('y', '<f4'), ('z', '<f4')]), 1, 3)
    xyz = RigInMotion(rig, start_ns + S // 10, buffer).xyz('lidar', cloud, start_ns)
    np.testing.assert_allclose(xyz, [[0, 1, 1]] * 3, atol=1e-4)


def test_without_any_pose_there_is_nothing_to_tell(rig, caplog):
    points = CloudData(np.ones(3, [('x', '<f4'), ('y', '<f4'), ('z', '<f4')]), 1, 3)
    np.testing.assert_array_equal(RigInMotion(rig, S, Odometry()).xyz('lidar', points, 5), 1.0)
    assert not caplog.records


def test_a_pose_that_comes_twice_changes_nothing(odometry):
    odometry.add(30 * S // 50, np.eye(4))
    np.testing.assert_allclose(odometry.pose(S // 2), pose_at(S // 2), atol=3e-4)


def test_align_moves_lidar_and_depth_to_the_camera_stamp(rig, odometry):
    """A wall is 20 m ahead of the camera at 0.1 s; at 0.2 s the vehicle is 1.5 m nearer."""
    y, z = np.meshgrid(np.linspace(-2, 2, 50), np.linspace(-1, 1, 30))
    points = np.zeros(y.size, [('x', '<f4'), ('y', '<f4'), ('z', '<f4')])
    points['x'], points['y'], points['z'] = 20.4, y.ravel(), z.ravel()
    samples = {
        'lidar': SensorSample('lidar', S // 10, 'lidar', CloudData(points, 1, len(points))),
        'depth': SensorSample('depth', S // 10, 'd', DepthData(np.full((384, 640), 20.0, 'f4'))),
    }
    frame_set = FrameSet('rgb', S // 5, samples, ('lidar', 'depth'), CloseReason.COMPLETE)
    still, _ = align(frame_set, rig, 192, 320, 1)
    moved, rejected = align(frame_set, rig, 192, 320, 1, odometry)
    assert not rejected
    assert abs(np.median(still.planes['depth'].values[96, 150:170]) - 20.0) < 0.01
    assert abs(np.median(moved.planes['depth'].values[96, 150:170]) - 18.5) < 0.1
    lidar = moved.planes['lidar']
    assert abs(np.median(lidar.values[lidar.valid][:, 0]) - 18.95) < 0.15


@pytest.mark.parametrize('wrong', [math.nan, math.inf, 1e300])
def test_a_position_that_is_no_place_is_rejected_like_in_tf(wrong):
    buffer = Odometry()
    position, turn = SimpleNamespace(x=wrong, y=0.0, z=0.0), SimpleNamespace(x=0, y=0, z=0, w=1)
    inner = SimpleNamespace(position=position, orientation=turn)
    with pytest.raises(CalibrationError, match='finite'):
        add_odometry_message(buffer, 1, SimpleNamespace(pose=SimpleNamespace(pose=inner)))
    assert not buffer.is_known


def test_a_pose_that_is_no_number_moves_no_point():
    buffer = Odometry()
    for k in range(3):
        buffer.add(k * S // 10, pose([math.nan if k == 1 else 0.0, 0, 0]))
    with pytest.raises(CalibrationError, match='no finite position'):
        buffer.motion(S // 20, S // 10)
