"""The rig of the node: file and CameraInfo."""

from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
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


def info(k, p, d=(0.0,) * 5):
    """Return a CameraInfo of 640 x 384."""
    return SimpleNamespace(
        header=SimpleNamespace(frame_id='camera', stamp=SimpleNamespace(sec=1, nanosec=0)),
        width=640, height=384, distortion_model='plumb_bob', d=list(d), k=list(k),
        r=[1.0, 0, 0, 0, 1, 0, 0, 0, 1], p=list(p), binning_x=0, binning_y=0,
        roi=SimpleNamespace(x_offset=0, y_offset=0, height=0, width=0),
    )  # fmt: skip


GOOD_P = (457.0, 0, 319.5, 0, 0, 457.0, 191.5, 0, 0, 0, 1, 0)


@pytest.mark.parametrize(
    ('k', 'named'),
    [
        ((457.0, 0, 0.499, 0, 457.0, 0.4987, 0, 0, 1), 'principal point at (0.499, 0.4987)'),
        ((1.0, 0, 0, 0, 1, 0, 0, 0, 1), 'set `rectified: true`'),
        ((600.0, 0, 319.5, 0, 600.0, 191.5, 0, 0, 1), ''),
    ],
)
def test_a_camera_of_the_file_stays_whatever_camera_info_says(k, named):
    known, said = calibration(load_rig()), []
    before = known.rig.cameras['rgb']
    Intake(known, lambda sample: None, lambda: 0, said.append).on_camera_info(
        'rgb', info(k, GOOD_P)
    )
    assert known.rig.cameras['rgb'].K.tolist() == before.K.tolist()
    assert named in ''.join(said)


def test_a_rectified_camera_of_the_file_stays_rectified_after_the_info_of_the_raw_one():
    P = (380.0, 0, 330.0, 0, 0, 390.0, 200.0, 0, 0, 0, 1, 0)
    k, d = (450.0, 0, 320.0, 0, 452.0, 190.0, 0, 0, 1), (-0.35, 0.12, 1e-3, -1e-3, 0.0)
    raw = replace(
        load_rig().cameras['rgb'],
        K=np.reshape(k, (3, 3)),
        D=np.array(d),
        P=np.reshape(P, (3, 4)),
    )
    known = calibration(load_rig().with_camera('rgb', replace(raw, rectified=True)))
    intake = Intake(known, lambda sample: None, lambda: 0, lambda text: None)
    intake.on_camera_info('rgb', info(k, P, d))
    points = np.array([[2.0, 1.0, 5.0], [-2.5, -1.2, 5.0]])
    truth, _ = cv2.projectPoints(
        points, np.zeros(3), np.zeros(3), np.reshape(P, (3, 4))[:, :3], None
    )
    assert known.rig.cameras['rgb'].rectified
    np.testing.assert_allclose(known.rig.cameras['rgb'].project(points)[0], truth[:, 0])
