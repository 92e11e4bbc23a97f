"""Poses of sensors from transforms of any root."""

from types import SimpleNamespace

import numpy as np
import pytest

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.messages.sensor_poses import base_frame, sensor_poses, with_transform_poses
from mmseg_ros.messages.transforms import FrameTree
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.projection.transforms import T_OPTICAL_BODY_ROTATION, invert, pose

UNIT = (0.0, 0.0, 0.0, 1.0)
OPTICAL = (-0.5, 0.5, -0.5, 0.5)


def message(*items):
    def one(parent, child, xyz=(0, 0, 0), q=UNIT):
        names = dict(zip('xyzw', q, strict=True))
        return SimpleNamespace(
            header=SimpleNamespace(frame_id=parent),
            child_frame_id=child,
            transform=SimpleNamespace(
                translation=SimpleNamespace(**dict(zip('xyz', map(float, xyz), strict=True))),
                rotation=SimpleNamespace(**names),
            ),
        )

    return SimpleNamespace(transforms=[one(*item) for item in items])


def tree(*items, is_static=True):
    frames = FrameTree()
    assert frames.add(message(*items), is_static) == []
    return frames


@pytest.mark.parametrize('root', ['base_link', 'ego_vehicle', 'base', 'roof', '/base_link'])
def test_any_common_root_places_both(root):
    frames = tree((root, 'camera', (1.2, 0, 1.5), OPTICAL), (root, '/lidar', (0.8, 0, 1.9)))
    poses = sensor_poses(frames, {'rgb': 'camera', 'lidar': '/lidar'}, ['rgb'])
    np.testing.assert_allclose(poses['lidar'], pose([0.8, 0, 1.9]))
    T = invert(poses['rgb']) @ poses['lidar']
    np.testing.assert_allclose(T[:3, 3], [0, -0.4, -0.4], atol=1e-12)


def test_a_sensor_as_root():
    frames = tree(('lidar', 'camera', (0.4, 0, -0.4), OPTICAL))
    poses = sensor_poses(frames, {'rgb': 'camera', 'lidar': 'lidar'}, ['rgb'])
    np.testing.assert_allclose(poses['lidar'], np.eye(4))
    upright = tree(('camera', 'lidar', (0, 0, 0), tuple(np.multiply(OPTICAL, [-1, -1, -1, 1]))))
    poses = sensor_poses(upright, {'rgb': 'camera', 'lidar': 'lidar'}, ['rgb'])
    np.testing.assert_allclose(poses['rgb'][:3, :3], T_OPTICAL_BODY_ROTATION.T, atol=1e-12)
    np.testing.assert_allclose(poses['lidar'], np.eye(4), atol=1e-12)


def test_the_world_is_no_base_and_other_trees_do_not_matter():
    frames = tree(
        ('map', 'car', (50, 0, 0)), ('car', 'lidar', (0, 0, 2)), ('car', 'camera', (1, 0, 1)),
        ('arm', 'base_link'), ('x', 'y'), ('y', 'x'),
    )  # fmt: skip
    assert base_frame(frames, ['camera', 'lidar']) == 'car'
    assert base_frame(frames, ['nowhere']) == ''
    assert sensor_poses(frames, {'rgb': 'nowhere'}, ['rgb']) == {}
    with pytest.raises(CalibrationError, match='loop'):
        base_frame(frames, ['x'])


def test_a_bad_transform_costs_itself_alone():
    frames = FrameTree()
    nan = float('nan')
    skipped = frames.add(
        message(
            ('base', 'zero', (0, 0, 0), (0.0, 0.0, 0.0, 0.0)),
            ('base', 'nan', (0, 0, 0), (nan, nan, nan, nan)),
            ('base', 'long', (0, 0, 0), (0.0, 0.0, 0.0, 2.0)),
            ('base', 'far', (nan, 0, 0)),
            ('base', ''),
            ('self', 'self'),
            ('base', 'lidar', (1, 0, 0), (0.0, 0.0, 0.7071, 0.7071)),
        )
    )
    assert len(skipped) == 6
    for name, text in zip(('zero', 'nan', 'long', 'far', '?', 'self'), skipped, strict=True):
        assert name in text
    assert frames.T('base', 'lidar')[0, 3] == 1.0
    assert frames.T('base', 'zero') is None


def test_constant_transforms_on_tf_count_and_moving_ones_do_not():
    frames = tree(('base', 'lidar', (1, 0, 0)), ('odom', 'base', (5, 0, 0)), is_static=False)
    frames.add(message(('base', 'lidar', (1, 0, 0)), ('odom', 'base', (5.1, 0, 0))), False)
    assert frames.moving == {'base': 'odom'}
    assert frames.T('odom', 'base')[0, 3] == 5.1
    assert frames.fixed().T('base', 'lidar')[0, 3] == 1.0
    assert frames.fixed().T('odom', 'base') is None
    frames.add(message(('odom', 'base', (7, 0, 0))))
    frames.add(message(('odom', 'base', (9, 0, 0))), False)
    assert frames.fixed().T('odom', 'base')[0, 3] == 7.0


def test_the_base_stands_below_a_world_in_which_it_moves():
    frames = tree(('car', 'lidar', (0, 0, 2)), ('car', 'camera', (1, 0, 1)))
    for x in (0.0, 1.0):
        frames.add(message(('start', 'car', (x, 0, 0))), is_static=False)
    assert base_frame(frames, ['camera', 'lidar']) == 'car'


def test_poses_of_a_file_stay_and_others_hang_on_them():
    rig = Rig().with_pose('rgb', pose([10.0, 0, 0], OPTICAL))
    poses = {'rgb': pose([0, 0, 1.0], OPTICAL), 'lidar': pose([0, 0, 2.0])}
    placed = with_transform_poses(rig, ('rgb',), poses)
    np.testing.assert_array_equal(placed.T_base('rgb'), rig.T_base('rgb'))
    np.testing.assert_allclose(placed.T_base('lidar')[:3, 3], [10, 0, 1])
    assert with_transform_poses(rig, ('rgb',), {'lidar': poses['lidar']}) is rig
    moved = with_transform_poses(with_transform_poses(Rig(), (), poses), (), {'rgb': poses['rgb']})
    with pytest.raises(CalibrationError):
        moved.T_base('lidar')
