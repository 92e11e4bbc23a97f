"""Calibration files of others, in small."""

import json

import numpy as np
import pytest
import yaml

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.projection import load_rig
from mmseg_ros.projection.summary import rig_summary
from mmseg_ros.projection.transforms import transform_points

AHEAD = np.array([[10.0, 1.0, 0.5]])
# A camera that looks along the LiDAR's x axis, 0.3 m before and 0.1 m under it.
T_LIDAR_CAMERA_QUATERNION = [0.3, 0.0, -0.1, -0.5, 0.5, -0.5, 0.5]
EXPECTED = [[-1.0, -0.6, 9.7]]


def test_koide3(tmp_path):
    path = tmp_path / 'calib.json'
    data = {
        'camera': {
            'camera_model': 'plumb_bob',
            'intrinsics': [800.0, 810.0, 640.0, 360.0],
            'distortion_coeffs': [0.1, -0.05, 0.001, 0.0, 0.0],
        },
        'meta': {'data_path': '/data'},
        'results': {'T_lidar_camera': T_LIDAR_CAMERA_QUATERNION},
    }
    path.write_text(json.dumps(data))
    rig = load_rig(path, image_size=(720, 1280))
    np.testing.assert_allclose(transform_points(rig.T('rgb', 'lidar'), AHEAD), EXPECTED)
    assert (rig.camera('rgb').width, rig.camera('rgb').K[1, 1]) == (1280, 810.0)
    waiting = load_rig(path)
    with pytest.raises(CalibrationError, match="image size of 'rgb'"):
        waiting.camera('rgb')
    assert waiting.with_image_size('rgb', 720, 1280).camera('rgb') == rig.camera('rgb')
    with pytest.raises(CalibrationError, match=r'rgb: .*principal point'):
        waiting.with_image_size('rgb', 240, 320)
    data['camera']['camera_model'] = 'omnidir'
    path.write_text(json.dumps(data))
    with pytest.raises(CalibrationError, match='omnidir'):
        load_rig(path, image_size=(720, 1280))
    data['camera']['camera_model'] = 'fisheye'
    data['results'] = {}
    path.write_text(json.dumps(data))
    with pytest.raises(CalibrationError, match='not finished'):
        load_rig(path, image_size=(720, 1280))


def kalibr_camera(topic, **changes):
    return {
        'camera_model': 'pinhole',
        'intrinsics': [400.0, 401.0, 320.0, 240.0],
        'distortion_model': 'radtan',
        'distortion_coeffs': [0.1, -0.05, 0.001, 0.0],
        'resolution': [640, 480],
        'rostopic': topic,
        **changes,
    }


def test_kalibr(tmp_path):
    step = np.eye(4)
    step[0, 3] = -0.2
    chain = {
        'cam0': kalibr_camera('/left/image_raw'),
        'cam1': kalibr_camera('/dvs/events', T_cn_cnm1=step.tolist()),
        'cam2': kalibr_camera('/x', T_cn_cnm1=step.tolist(), distortion_model='equidistant'),
    }
    path = tmp_path / 'camchain.yaml'
    path.write_text(yaml.safe_dump(chain))
    rig = load_rig(path)
    assert list(rig.cameras) == ['rgb', 'event', 'cam2']
    np.testing.assert_allclose(rig.T('event', 'rgb'), step, atol=1e-12)
    np.testing.assert_allclose(rig.T('cam2', 'rgb')[0, 3], -0.4)
    assert rig.camera('cam2').distortion_model == 'equidistant'
    chain['cam0']['camera_model'] = 'omni'
    path.write_text(yaml.safe_dump(chain))
    with pytest.raises(CalibrationError, match='cam0: omni'):
        load_rig(path)


KITTI = """P2: 700 0 600 45 0 700 180 -0.3 0 0 1 0.005
R0_rect: 0.9999 0.0100 -0.0085 -0.0101 0.99994 -0.0040 0.0085 0.0041 0.99996
Tr_velo_to_cam: 0.0069 -0.99997 -0.0028 -0.0246 -0.0012 0.0027 -0.99999 -0.0613 0.99998 0.0069 -0.0011 -0.332
"""  # noqa: E501


def test_kitti_object_is_the_published_product(tmp_path):
    path = tmp_path / '000000.txt'
    path.write_text(KITTI)
    rig = load_rig(path, image_size=(370, 1224))
    values = {line.split(':')[0]: np.array(line.split()[1:], float) for line in KITTI.splitlines()}
    rectify = np.eye(4)
    rectify[:3, :3] = values['R0_rect'].reshape(3, 3)
    move = np.vstack([values['Tr_velo_to_cam'].reshape(3, 4), [0, 0, 0, 1]])
    u, v, w = values['P2'].reshape(3, 4) @ rectify @ move @ [10, 1, 0.5, 1]
    uv, valid = rig.camera('rgb').project(transform_points(rig.T('rgb', 'lidar'), AHEAD))
    assert valid[0]
    np.testing.assert_allclose(uv[0], [u / w, v / w], atol=0.15)
    assert rig.T_base('lidar')[2, 3] == 1.73


def test_kitti_raw(tmp_path):
    (tmp_path / 'calib_velo_to_cam.txt').write_text(
        'calib_time: 15-Mar-2012 11:37:16\nR: 0 -1 0 0 0 -1 1 0 0\nT: 0 -0.1 -0.3\n'
    )
    (tmp_path / 'calib_cam_to_cam.txt').write_text(
        'S_rect_02: 1242 375\nR_rect_00: 1 0 0 0 1 0 0 0 1\n'
        'P_rect_02: 700 0 600 42 0 700 180 0 0 0 1 0\n'
    )
    rig = load_rig(tmp_path)
    np.testing.assert_allclose(
        transform_points(rig.T('rgb', 'lidar'), AHEAD), [[-1 + 42 / 700, -0.6, 9.7]]
    )
    assert rig.camera('rgb').width == 1242
    (tmp_path / 'calib_velo_to_cam.txt').unlink()
    with pytest.raises(CalibrationError, match='cannot read'):
        load_rig(tmp_path)


def test_muses(tmp_path):
    lidar2rgb = [[0, -1, 0, 0], [0, 0, -1, -0.1], [1, 0, 0, -0.3], [0, 0, 0, 1]]
    event2rgb = np.eye(4)
    event2rgb[0, 3] = 0.05
    K = [[1000.0, 0, 960], [0, 1000, 540], [0, 0, 1]]
    data = {
        'intrinsics': {'rgb': {'K': K}, 'event': {'K': K}},
        'extrinsics': {'lidar2rgb': lidar2rgb, 'event2rgb': event2rgb.tolist()},
    }
    path = tmp_path / 'calib.json'
    path.write_text(json.dumps(data))
    rig = load_rig(path)
    np.testing.assert_allclose(transform_points(rig.T('rgb', 'lidar'), AHEAD), [[-1, -0.6, 9.7]])
    np.testing.assert_allclose(rig.T('rgb', 'event'), event2rgb, atol=1e-12)


def test_unknown_formats_list_the_known_ones(tmp_path):
    path = tmp_path / 'other.yaml'
    path.write_text('transform: [1, 2]')
    with pytest.raises(CalibrationError, match=r'other\.yaml: unknown.*transform.*koide3'):
        load_rig(path)
    path.write_text('cam0: {camera_model: pinhole}')
    with pytest.raises(CalibrationError, match=r'other\.yaml: not a complete'):
        load_rig(path)


def test_summary_names_every_sensor(rig):
    text = rig_summary(rig.with_registered('thermal'))
    assert 'rgb      camera_optical        xyz +1.200 +0.000 +1.500 m, rpy +0.00' in text
    assert '640 x 384, hfov 70.0 deg' in text
    assert 'thermal' in text
    assert 'pose unknown' in text
