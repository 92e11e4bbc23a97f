"""The rig of the node: file and CameraInfo."""

from dataclasses import replace

import pytest

from mmseg_ros.core.config import CalibrationConfig
from mmseg_ros.core.errors import CalibrationError, ConfigError
from mmseg_ros.projection.extrinsics import Rig, load_rig
from mmseg_ros.ros.calibration import Calibration, find_rig
from mmseg_ros.ros.intake import Intake

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


def test_a_file_without_a_pose_is_named_with_the_sensor_and_the_remedy():
    rig = load_rig()
    unplaced = replace(
        rig, mounts={**rig.mounts, 'lidar': replace(rig.mounts['lidar'], T_base_sensor=None)}
    )
    found = calibration(unplaced, file='/car/rig.yaml')
    assert 'No pose of lidar' in found.missing('lidar')
    assert '/car/rig.yaml' in found.missing('lidar')
    assert 'add it' in found.missing('lidar')
    assert not found.missing('depth')
    assert not found.missing('rgb')


def test_registered_depth_needs_no_intrinsics():
    registered = calibration(Rig(), depth_registered=True)
    assert registered.missing('depth') == ''
    assert registered.rig.mounts['depth'].registered


def test_an_absurd_camera_info_is_rejected_and_the_old_intrinsics_stay():
    from types import SimpleNamespace

    known = calibration(load_rig())
    before, warnings = known.rig, []
    intake = Intake(known, lambda sample: None, lambda: 0, warnings.append)
    for side in (14_000, 65_535):
        message = SimpleNamespace(
            header=SimpleNamespace(frame_id='event'), width=side, height=side,
            distortion_model='plumb_bob', d=[0.0] * 5,
            k=[500.0, 0, 320, 0, 500, 192, 0, 0, 1], r=[1.0, 0, 0, 0, 1, 0, 0, 0, 1],
            p=[500.0, 0, 320, 0, 0, 500, 192, 0, 0, 0, 1, 0], binning_x=0, binning_y=0,
            roi=SimpleNamespace(x_offset=0, y_offset=0, height=0, width=0),
        )  # fmt: skip
        intake.on_camera_info('event', message)
    assert known.rig is before
    assert 'event' in intake.info_problems
    assert 'event' not in intake.rejections
    assert 'limits.image_pixels' in intake.info_problems['event']
