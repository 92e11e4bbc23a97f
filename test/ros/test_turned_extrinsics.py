"""A running node whose calibration file is wrong says so in /diagnostics, with the angle."""

import numpy as np
import pytest
import yaml

pytest.importorskip('rclpy')

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from drawn_boxes import CAMERA, T_CAMERA_LIDAR, boxes, picture, scan, turned

from mmseg_ros.ros.conversions import cloud_message, header_of, image_message

STATUS = 'mmseg: calibration'


@pytest.fixture(scope='module')
def scenes():
    """Return image and cloud of some places."""
    drawn = [boxes(seed) for seed in range(4)]
    clouds = [np.array([tuple(p) for p in scan(d)], [(n, '<f4') for n in 'xyz']) for d in drawn]
    return list(zip(map(picture, drawn), clouds, strict=True))


def rig_file(folder, turn_deg):
    """Write a calibration whose LiDAR is turned about the camera's axes."""
    T_base_camera = np.linalg.inv(T_CAMERA_LIDAR)
    poses = {'rgb': T_base_camera, 'lidar': T_base_camera @ turned(turn_deg) @ T_CAMERA_LIDAR}
    frames = {'rgb': 'camera_optical', 'lidar': 'lidar'}
    camera = {'width': CAMERA.width, 'height': CAMERA.height, 'K': CAMERA.K.ravel().tolist()}
    sensors = {
        name: {'frame_id': frames[name], 'T_base_sensor': T.tolist()} for name, T in poses.items()
    }
    sensors['rgb']['camera'] = camera
    path = folder / 'rig.yaml'
    path.write_text(yaml.safe_dump({'reference': 'rgb', 'sensors': sensors}))
    return str(path)


@pytest.mark.parametrize('turn_deg', [(0, 0, 0), (0, 1.5, 0)])
def test_a_turned_lidar_is_a_warning_with_its_angle(
    make_node, make_bundle, sensors, listener, scenes, tmp_path, turn_deg
):
    listener.listen(DiagnosticArray, '/diagnostics')
    make_node(
        bundle=str(make_bundle(modalities=('rgb', 'lidar')).path),
        sensor_names=['rgb', 'lidar'],
        calibration__file=rig_file(tmp_path, turn_deg),
        calibration__intrinsics='file',
        diagnostics__misalignment_rate_hz=10.0,
    )
    sent = [0]

    def messages(modality, stamp_ns):
        """Return the present scene; the camera comes first and chooses the next."""
        sent[0] += modality == 'rgb'
        pixels, points = scenes[sent[0] // 2 % len(scenes)]
        if modality == 'rgb':
            header = header_of(stamp_ns, 'camera_optical')
            return {'rgb/image_raw': image_message(header, pixels, 'rgb8')}
        return {
            'lidar/points': cloud_message(header_of(stamp_ns, 'lidar'), points, 1, len(points))
        }

    sensors.messages = messages

    def said():
        """Return the newest status that judges enough frames."""
        found = [
            s for m in listener.messages['/diagnostics'] for s in m.status if s.name == STATUS
        ]
        values = {v.key: v.value for v in found[-1].values} if found else {}
        enough = int(values.get('lidar frames', 0)) >= 12 and values['lidar angle_deg'] != 'None'
        return (found[-1], values) if enough else None

    status, values = sensors.play_until(('rgb', 'lidar'), said, 120.0)
    angle_deg = float(np.linalg.norm(turn_deg))
    assert float(values['lidar angle_deg']) == pytest.approx(angle_deg, abs=0.3)
    assert status.level == (DiagnosticStatus.WARN if angle_deg else DiagnosticStatus.OK)
    if angle_deg:
        assert 'The extrinsics of lidar seem to be off by more than 0.5 deg' in status.message
        assert f'{float(values["lidar angle_deg"]):.2f} deg off' in status.message
