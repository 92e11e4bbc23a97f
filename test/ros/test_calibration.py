"""The rig of the node: file, CameraInfo, /tf_static."""

from types import SimpleNamespace

import numpy as np
import pytest

from mmseg_ros.core.config import CalibrationConfig
from mmseg_ros.core.errors import CalibrationError, ConfigError
from mmseg_ros.projection.extrinsics import Rig, load_rig
from mmseg_ros.ros import static_frames
from mmseg_ros.ros.calibration import Calibration, find_rig
from mmseg_ros.ros.static_frames import StaticFrames

KINDS = {'rgb': 'rgb', 'depth': 'depth', 'event': 'event', 'lidar': 'lidar', 'thermal': 'image'}


def calibration(rig, **options):
    return Calibration(
        rig, CalibrationConfig(**options), KINDS, lambda name: f'/{name}/camera_info'
    )


def test_rig_is_found_by_name_and_by_path(tmp_path):
    assert set(find_rig('demo_rig').mounts) == {'rgb', 'depth', 'event', 'lidar'}
    path = tmp_path / 'mine.yaml'
    path.write_text('{reference: rgb, sensors: {lidar: {frame_id: top}}}')
    assert find_rig(str(path)).mounts['lidar'].frame_id == 'top'
    assert not find_rig('').mounts


def test_absent_rig_is_named():
    with pytest.raises(ConfigError, match='demo_rig'):
        find_rig('no_such_rig')
    with pytest.raises(CalibrationError, match=r'/nowhere/rig\.yaml'):
        find_rig('/nowhere/rig.yaml')


def test_what_is_missing_is_named_with_its_topic():
    empty = calibration(Rig())
    assert empty.missing('rgb') == ''
    assert empty.missing('thermal') == ''
    assert '/rgb/camera_info' in empty.missing('lidar')
    for name in ('depth', 'event'):
        assert f'/{name}/camera_info' in empty.missing(name)
        assert '/rgb/camera_info' in empty.missing(name)
    full = calibration(load_rig())
    assert not any(full.missing(name) for name in KINDS)


def test_registered_depth_needs_no_intrinsics():
    registered = calibration(Rig(), depth_registered=True)
    assert registered.missing('depth') == ''
    assert registered.rig.mounts['depth'].registered


def transforms(*items):
    return SimpleNamespace(
        transforms=[
            SimpleNamespace(
                header=SimpleNamespace(frame_id=parent),
                child_frame_id=child,
                transform=SimpleNamespace(
                    translation=SimpleNamespace(x=x, y=0.0, z=0.0),
                    rotation=SimpleNamespace(x=0.0, y=0.0, z=0.0, w=w),
                ),
            )
            for parent, child, x, w in items
        ]
    )


@pytest.fixture
def frames(monkeypatch):
    monkeypatch.setattr(static_frames, 'message_class_of', lambda _: object)
    node = SimpleNamespace(create_subscription=lambda *_, **options: None)
    warned = []
    rig = calibration(Rig())
    return StaticFrames(node, rig, warned.append), rig, warned


def test_pose_is_set_when_frame_and_transforms_are_known(frames):
    reader, rig, _ = frames
    reader.on_frame('lidar', 'top')
    assert 'lidar' not in rig.rig.mounts
    reader.on_transforms(transforms(('base_link', 'mast', 1.0, 1.0)))
    assert 'lidar' not in rig.rig.mounts
    reader.on_transforms(transforms(('mast', 'top', 2.0, 1.0)))
    assert rig.rig.T_base('lidar')[0, 3] == 3.0
    reader.on_frame('rgb', 'mast')
    assert np.allclose(rig.rig.T('rgb', 'lidar')[:3, 3], [2, 0, 0])


def test_bad_transforms_are_named(frames):
    reader, _, warned = frames
    reader.on_frame('lidar', 'a')
    reader.on_transforms(transforms(('a', 'b', 0.0, 1.0), ('b', 'a', 0.0, 1.0)))
    assert any('loop' in text for text in warned)


def test_without_tf2_msgs_the_remedy_is_named(monkeypatch):
    monkeypatch.setattr(static_frames, 'message_class_of', lambda _: None)
    warned = []
    reader = StaticFrames(SimpleNamespace(), calibration(Rig()), warned.append)
    assert 'set calibration.file' in reader.problem
    assert warned == [reader.problem]
    reader.close()
