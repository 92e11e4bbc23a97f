"""Calibration of one camera, of nuScenes and of KITTI's other benchmarks; intrinsics' rule."""

import json

import numpy as np
import pytest
import yaml

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.projection import CameraModel, load_rig
from mmseg_ros.projection.intrinsics_rule import chosen_intrinsics, difference_text
from mmseg_ros.projection.sensor_words import modality_of
from mmseg_ros.projection.transforms import transform_points

OST = {
    'image_width': 1280,
    'image_height': 720,
    'camera_name': 'front',
    'camera_matrix': {'rows': 3, 'cols': 3, 'data': [900.0, 0, 640, 0, 905, 360, 0, 0, 1]},
    'distortion_model': 'plumb_bob',
    'distortion_coefficients': {'rows': 1, 'cols': 5, 'data': [-0.3, 0.1, 0.001, -0.001, 0]},
    'rectification_matrix': {'rows': 3, 'cols': 3, 'data': [1.0, 0, 0, 0, 1, 0, 0, 0, 1]},
    'projection_matrix': {
        'rows': 3, 'cols': 4, 'data': [800.0, 0, 640, 0, 0, 850, 360, 0, 0, 0, 1, 0],
    },
}  # fmt: skip
OST_TEXT = """# oST version 5.0 parameters


[image]

width
1280

height
720

[front]

camera matrix
900.0 0 640
0 905 360
0 0 1

distortion
-0.3 0.1 0.001 -0.001 0

rectification
1 0 0
0 1 0
0 0 1

projection
800 0 640 0
0 850 360 0
0 0 1 0
"""


def write(path, data):
    path.write_text(data if isinstance(data, str) else yaml.safe_dump(data))
    return path


def test_the_same_camera_in_three_files(tmp_path):
    rig = load_rig(write(tmp_path / 'ost.yaml', OST))
    camera = rig.camera('rgb')
    assert (camera.width, camera.height, camera.K[1, 1], camera.P[1, 1]) == (1280, 720, 905, 850)
    assert rig.mounts['rgb'].T_base_sensor is None
    assert load_rig(write(tmp_path / 'ost.txt', OST_TEXT)).camera('rgb') == camera
    info = {
        'header': {'frame_id': 'front'},
        'width': 1280,
        'height': 720,
        'distortion_model': 'plumb_bob',
        **{key: OST[name]['data'] for key, name in
           zip('kdrp', ('camera_matrix', 'distortion_coefficients', 'rectification_matrix',
                        'projection_matrix'), strict=True)},
    }  # fmt: skip
    assert load_rig(write(tmp_path / 'info.yaml', info)).camera('rgb') == camera


def test_the_name_of_the_camera_tells_another_sensor(tmp_path):
    rig = load_rig(write(tmp_path / 'ost.yaml', {**OST, 'camera_name': 'flir_left'}))
    assert list(rig.cameras) == ['thermal']


def test_an_ost_of_another_image_is_implausible(tmp_path):
    with pytest.raises(CalibrationError, match='principal point'):
        load_rig(write(tmp_path / 'ost.yaml', {**OST, 'image_width': 320, 'image_height': 240}))


RECORDS = {
    'CAM_BACK': {
        'translation': [0.0, 0, 1.5],
        'rotation': [0.5, -0.5, 0.5, 0.5],
        'camera_intrinsic': [[800.0, 0, 790], [0, 800, 430], [0, 0, 1]],
    },
    'CAM_FRONT': {
        'translation': [1.7, 0.0, 1.5],
        'rotation': [0.5, -0.5, 0.5, -0.5],
        'camera_intrinsic': [[1266.0, 0, 816], [0, 1266, 491], [0, 0, 1]],
    },
    'LIDAR_TOP': {
        'translation': [0.9, 0.0, 1.8],
        'rotation': [1.0, 0, 0, 0],
        'camera_intrinsic': [],
    },
    'RADAR_FRONT': {'translation': [3.4, 0, 0.5], 'rotation': [1.0, 0, 0, 0]},
}


def check_nuscenes(rig):
    assert set(rig.mounts) == {'rgb', 'cam_back', 'lidar'}
    rig = rig.with_image_size('rgb', 900, 1600)
    ahead = transform_points(rig.T('rgb', 'lidar'), np.array([[10.0, 1.0, 0.5]]))
    np.testing.assert_allclose(ahead, [[-1.0, -0.8, 9.2]], atol=1e-12)
    uv, _ = rig.camera('rgb').project(ahead)
    np.testing.assert_allclose(uv, [[816 - 1266 / 9.2, 491 - 1266 * 0.8 / 9.2]])


def test_nuscenes_records_lists_and_tables(tmp_path):
    path = tmp_path / 'calib.json'
    path.write_text(json.dumps(RECORDS))
    check_nuscenes(load_rig(path))
    path.write_text(json.dumps([{'channel': name, **item} for name, item in RECORDS.items()]))
    check_nuscenes(load_rig(path))
    path.write_text(json.dumps(list(RECORDS.values())))
    with pytest.raises(CalibrationError, match='which one'):
        load_rig(path)
    tables = tmp_path / 'v1.0-mini'
    tables.mkdir()
    sensors = [{'token': f's{name}', 'channel': name} for name in RECORDS]
    items = [{'token': name, 'sensor_token': f's{name}', **RECORDS[name]} for name in RECORDS]
    (tables / 'sensor.json').write_text(json.dumps(sensors))
    (tables / 'calibrated_sensor.json').write_text(json.dumps(items))
    check_nuscenes(load_rig(tables))
    check_nuscenes(load_rig(tmp_path))
    check_nuscenes(load_rig(tables / 'calibrated_sensor.json'))


def test_kitti_odometry_and_tracking_agree(tmp_path):
    P2 = 'P2: 700 0 600 45 0 700 180 -0.3 0 0 1 0.005\n'
    move = '0 -1 0 0 0 0 -1 -0.1 1 0 0 -0.3'
    one = load_rig(write(tmp_path / 'calib.txt', f'{P2}Tr: {move}\n'), (370, 1224))
    other = load_rig(
        write(tmp_path / '0000.txt', f'{P2}R_rect 1 0 0\nTr_velo_cam: {move}\n'), (370, 1224)
    )
    np.testing.assert_array_equal(one.T('rgb', 'lidar'), other.T('rgb', 'lidar'))
    with pytest.raises(CalibrationError, match='P2 and Tr_velo_to_cam'):
        load_rig(write(tmp_path / 'stamps.txt', '0.1\n0.2\n'))


def test_kalibr_with_imu_and_without_a_baseline(tmp_path):
    def camera(x, **more):
        T = np.eye(4)
        T[0, 3] = x
        return {
            'camera_model': 'pinhole',
            'intrinsics': [400.0, 401.0, 320.0, 240.0],
            'distortion_model': 'radtan',
            'distortion_coeffs': [0.1, -0.05, 0.001, 0.0],
            'resolution': [640, 480],
            'rostopic': '/x',
            'T_cam_imu': T.tolist(),
            **more,
        }

    chain = {'cam0': camera(0.0), 'cam1': camera(-0.3), 'imu0': {'rate': 200}}
    rig = load_rig(write(tmp_path / 'camchain-imucam.yaml', chain))
    assert rig.T('cam1', 'rgb')[0, 3] == pytest.approx(-0.3)
    del chain['cam1']['T_cam_imu']
    with pytest.raises(CalibrationError, match='cam1 has no T_cn_cnm1'):
        load_rig(write(tmp_path / 'camchain.yaml', chain))


def test_our_own_file_may_lack_the_size_and_hold_topics(tmp_path):
    camera = {'K': [900.0, 0, 640, 0, 905, 360, 0, 0, 1], 'distortion_model': 'radtan'}
    sensor = {'topic': '/cam/image_raw', 'window_s': 0.03, 'camera': camera}
    rig = load_rig(write(tmp_path / 'rig.yaml', {'sensors': {'rgb': sensor}}))
    again = type(rig).from_dict(rig.to_dict())
    for known in (rig, again):
        with pytest.raises(CalibrationError, match='image size'):
            known.camera('rgb')
        assert known.with_image_size('rgb', 720, 1280).camera('rgb').width == 1280
    with pytest.raises(CalibrationError, match='unknown keys: windw_s'):
        load_rig(write(tmp_path / 'rig.yaml', {'sensors': {'rgb': {'windw_s': 0.03}}}))


def test_one_rule_says_whose_intrinsics_count():
    file, info = CameraModel.from_fov(640, 384, 70), CameraModel.from_fov(640, 384, 72)
    assert chosen_intrinsics('auto', file, info) is file
    assert chosen_intrinsics('auto', None, info) is info
    assert chosen_intrinsics('file', None, info) is None
    assert chosen_intrinsics('camera_info', file, info) is info
    assert chosen_intrinsics('camera_info', file, None) is None
    assert 'differ by up to' in difference_text('auto', file, info)
    assert 'the file is used' in difference_text('auto', file, info)
    assert 'CameraInfo is used' in difference_text('camera_info', file, info)
    assert difference_text('auto', file, CameraModel.from_fov(640, 384, 70.01)) == ''


def test_a_file_for_another_resolution_is_scaled_and_for_another_shape_left():
    file = CameraModel.from_fov(640, 384, 70)
    half, tall = CameraModel.from_fov(320, 192, 72), CameraModel.from_fov(640, 480, 70)
    assert chosen_intrinsics('auto', file, half) == file.resized(192, 320)
    assert difference_text('auto', file, file.resized(192, 320)) == ''
    assert chosen_intrinsics('auto', file, tall) is tall
    assert chosen_intrinsics('file', file, tall) is file
    text = difference_text('auto', file, tall)
    assert '640 x 384' in text
    assert 'CameraInfo is used' in text


@pytest.mark.parametrize(
    ('name', 'modality'),
    [
        ('/prophesee/camera/events', 'event'),
        ('/camera/depth/image_rect_raw', 'depth'),
        ('/velodyne_points', 'lidar'),
        ('CAM_FRONT', 'rgb'),
        ('/flir_boson/image_raw', 'thermal'),
        ('/imu/data', None),
    ],
)
def test_words_in_names(name, modality):
    assert modality_of(name) == modality
