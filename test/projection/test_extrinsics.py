"""The rig and its file."""

import numpy as np
import pytest
import yaml

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.projection import CameraModel, Mount, Rig, load_rig
from mmseg_ros.projection.transforms import pose, transform_points


def test_default_rig_looks_forward(rig):
    ahead = transform_points(rig.T('rgb', 'lidar'), np.array([[10.0, 0, 0], [10, 1, 0]]))
    np.testing.assert_allclose(ahead, [[0, -0.4, 9.6], [-1, -0.4, 9.6]], atol=1e-12)


def test_transforms_of_a_loop_cancel(rig):
    loop = rig.T('rgb', 'depth') @ rig.T('depth', 'event') @ rig.T('event', 'rgb')
    np.testing.assert_allclose(loop, np.eye(4), atol=1e-12)


def test_rig_survives_its_file(rig, tmp_path):
    path = tmp_path / 'rig.yaml'
    path.write_text(yaml.safe_dump(rig.with_registered('depth').to_dict()))
    again = load_rig(path)
    assert again.cameras == rig.cameras
    assert again.mounts['depth'].registered
    np.testing.assert_array_equal(again.T('rgb', 'lidar'), rig.T('rgb', 'lidar'))


def test_camera_info_and_tf_fill_an_empty_rig():
    camera = CameraModel.from_fov(64, 48, 90, 'cam')
    T = pose([1, 2, 3])
    rig = Rig().with_camera('rgb', camera).with_pose('rgb', T).with_pose('lidar', np.eye(4))
    assert rig.camera('rgb') is camera
    assert rig.mounts['rgb'].frame_id == 'cam'
    np.testing.assert_array_equal(rig.T('lidar', 'rgb'), T)


def test_what_is_missing_is_named():
    rig = Rig({'rgb': Mount('cam', np.eye(4))})
    with pytest.raises(CalibrationError, match=r"extrinsics of 'lidar'.*known: rgb"):
        rig.T('rgb', 'lidar')
    with pytest.raises(CalibrationError, match="intrinsics of 'rgb'"):
        rig.camera('rgb')


@pytest.mark.parametrize(
    'text',
    [
        'a: [',
        '[]',
        'sensors: {rgb: {pose: 3}}',
        'sensors: {rgb: {T_base_sensor: [1, 2]}}',
        'sensors: {rgb: {camera: {width: 3}}}',
        'sensors: {rgb: {camera: {width: 3, height: 3, K: [0, 0, 0, 0, 0, 0, 0, 0, 0]}}}',
        'sensors: 3',
    ],
)
def test_damaged_files_are_rejected_with_their_name(text, tmp_path):
    path = tmp_path / 'broken.yaml'
    path.write_text(text)
    with pytest.raises(CalibrationError, match=r'broken\.yaml'):
        load_rig(path)
