"""project-check from end to end: bags with and without odometry, and what cannot be judged."""

import cv2
import numpy as np
import pytest
import yaml

from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.cli import main
from mmseg_ros.core.types import CloudData, ImageData, SensorSample
from mmseg_ros.projection import CameraModel
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.projection.mounts import Mount
from mmseg_ros.projection.transforms import T_OPTICAL_BODY_ROTATION, pose, transform_points

S = 1_000_000_000
START_NS = 1_700_000_000 * S
LATE_NS = 60_000_000
TURN_RADPS = 0.4
CAMERA = CameraModel.from_fov(640, 384, 70)


@pytest.fixture
def rig():
    T_base_camera = np.eye(4)
    T_base_camera[:3, :3] = T_OPTICAL_BODY_ROTATION.T
    return Rig(
        {
            'rgb': Mount('camera_optical', T_base_camera, CAMERA),
            'lidar': Mount('lidar', np.eye(4)),
        }
    )


def seen():
    """Return the points of a post 8 m ahead of a wall at 20 m, and the image of both."""
    azimuth, elevation = np.meshgrid(
        np.radians(np.arange(34, -34, -0.2)), np.radians(np.arange(-12, 12, 1.0))
    )
    ray = np.stack(
        [np.ones_like(azimuth), np.tan(azimuth), np.tan(elevation) / np.cos(azimuth)], -1
    )
    post = np.abs(8 * ray[..., 1]) < 0.6
    xyz = (ray * np.where(post, 8.0, 20.0)[..., None]).reshape(-1, 3)
    rgb = np.full((384, 640, 3), 190, np.uint8)
    half = CAMERA.K[0, 0] * 0.6 / 8
    columns = np.abs(np.arange(640) - CAMERA.K[0, 2]) < half
    rgb[:, columns] = 60
    return xyz, rgb


def heading(seconds):
    half = TURN_RADPS * seconds / 2
    return pose([0, 0, 0], [0, 0, np.sin(half), np.cos(half)])


@pytest.fixture
def make_bag(tmp_path, rig):
    """Return a function that writes a bag whose cloud was measured 60 ms before its image."""

    def make(odometry=True, behind=False):
        xyz, rgb = seen()
        # The vehicle turns: where a point was in the LiDAR 60 ms before the image.
        xyz = transform_points(np.linalg.inv(heading(-LATE_NS / S)), xyz)
        points = np.zeros(len(xyz), [(k, '<f4') for k in 'xyz'])
        for k, name in enumerate('xyz'):
            points[name] = -xyz[:, k] if behind else xyz[:, k]
        path = tmp_path / 'drive'
        with BagWriter(path) as bag:
            bag.write_calibration(START_NS, rig)
            for k in range(-5, 11):
                if odometry:
                    bag.write_odometry(START_NS + k * S // 20, heading(k / 20))
            cloud = CloudData(points, 1, len(points))
            stamp_ns = START_NS - LATE_NS
            bag.write_sample(SensorSample('lidar', stamp_ns, 'lidar', cloud, START_NS))
            image = ImageData(rgb)
            bag.write_sample(SensorSample('rgb', START_NS, 'camera_optical', image, START_NS))
        return path

    return make


def figures(text):
    """Return mean distance and the smallest of those of the turned camera."""
    head, _, rest = text.partition('mean distance ')[2].partition(' px (turned by ')
    turned = [float(part.split(': ')[1].split()[0]) for part in rest.split(')')[0].split(', ')]
    return float(head), min(turned)


def test_points_are_moved_by_odom_to_the_time_of_the_image(make_bag, tmp_path, capsys):
    picture = tmp_path / 'check.png'
    assert main(['project-check', str(make_bag()), '--output', str(picture)]) == 0
    text = capsys.readouterr().out
    assert 'cloud minus image stamp: -60.0 ms' in text
    assert 'points moved to the time of the image by /odom: at most 0.5' in text  # 20 m x 0.024
    distance, turned = figures(text)
    assert distance < 1.0
    assert turned > 2 * max(distance, 1.0)
    assert cv2.imread(str(picture)).shape == (384, 640, 3)


def test_without_odom_the_shift_is_seen(make_bag, tmp_path, capsys):
    picture = tmp_path / 'check.png'
    bag = make_bag(odometry=False)
    assert main(['project-check', str(bag), '--output', str(picture)]) == 0
    text = capsys.readouterr().out
    assert 'no /odom: points stay where they were measured' in text
    assert figures(text)[0] > 5.0  # 0.024 rad of a focal length of 457 px is 11 px


def test_points_beside_the_image_are_an_error(make_bag, tmp_path, capsys):
    picture = tmp_path / 'check.png'
    assert main(['project-check', str(make_bag(behind=True)), '--output', str(picture)]) == 1
    assert 'points falls into the image' in capsys.readouterr().err
    assert picture.exists()


def test_without_a_depth_edge_there_is_no_figure(tmp_path, capsys):
    cv2.imwrite(str(tmp_path / 'dark.png'), np.zeros((384, 640, 3), np.uint8))
    np.save(tmp_path / 'cloud.npy', seen()[0].astype(np.float32))
    sensors = {
        'rgb': {
            'frame_id': 'c',
            'T_base_sensor': np.eye(4).tolist(),
            'camera': {'width': 640, 'height': 384, 'K': CAMERA.K.ravel().tolist()},
        },
        'lidar': {'frame_id': 'l', 'T_base_sensor': _optical_lidar().tolist()},
    }
    (tmp_path / 'rig.yaml').write_text(yaml.safe_dump({'reference': 'rgb', 'sensors': sensors}))
    arguments = ['--image', 'dark.png', '--cloud', 'cloud.npy', '--calibration', 'rig.yaml']
    arguments = [str(tmp_path / a) if '.' in a else a for a in arguments]
    output = str(tmp_path / 'check.png')
    assert main(['project-check', *arguments, '--output', output]) == 1
    text = capsys.readouterr()
    assert 'no depth edges' in text.out
    assert 'No depth edge lies where the image is bright enough' in text.err
    assert 'nan' not in text.out + text.err


def _optical_lidar():
    T = np.eye(4)
    T[:3, :3] = T_OPTICAL_BODY_ROTATION
    return T


def test_a_bag_without_overlap_in_time_says_so(tmp_path, rig, capsys):
    xyz, rgb = seen()
    points = np.zeros(len(xyz), [(k, '<f4') for k in 'xyz'])
    path = tmp_path / 'apart'
    with BagWriter(path) as bag:
        bag.write_calibration(START_NS, rig)
        image = ImageData(rgb)
        bag.write_sample(SensorSample('rgb', START_NS, 'camera_optical', image, START_NS))
        late_ns = START_NS + 20 * S
        cloud = CloudData(points, 1, len(points))
        bag.write_sample(SensorSample('lidar', late_ns, 'lidar', cloud, late_ns))
    assert main(['project-check', str(path), '--output', str(tmp_path / 'check.png')]) == 1
    assert 'holds no image and cloud within 2 s after 0.0 s' in capsys.readouterr().err
