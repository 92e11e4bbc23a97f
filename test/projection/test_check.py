"""The calibration check, on a drawn scene and on two real KITTI frames."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mmseg_ros.projection import CameraModel, load_rig
from mmseg_ros.projection.check import check_projection
from mmseg_ros.projection.cloud_files import read_cloud
from mmseg_ros.projection.transforms import pose, transform_points

KITTI = Path(__file__).parents[3] / 'shared' / 'kitti'
T_CAMERA_LIDAR = np.array([[0, -1.0, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])


@pytest.fixture
def scene():
    """A box 8 m ahead before a wall at 20 m, as image and as scan."""
    camera = CameraModel.from_fov(640, 384, 70)
    azimuth, elevation = np.meshgrid(
        np.radians(np.arange(30, -30, -0.2)), np.radians(np.arange(-15, 15, 0.5))
    )
    directions = np.stack(
        [np.ones_like(azimuth), np.tan(azimuth), np.tan(elevation) / np.cos(azimuth)], -1
    )
    box = (np.abs(directions[..., 1]) < 0.15) & (np.abs(directions[..., 2]) < 0.12)
    xyz = (directions * np.where(box, 8.0, 20.0)[..., None]).reshape(-1, 3).astype(np.float32)
    rgb = np.full((384, 640, 3), 90, np.uint8)
    corners, _ = camera.project(np.array([[-0.15, -0.12, 1], [0.15, 0.12, 1]]))
    (left, top), (right, bottom) = np.rint(corners).astype(int)
    rgb[top : bottom + 1, left : right + 1] = [230, 230, 200]
    return rgb, xyz, camera


def test_a_right_calibration_beats_its_disturbances(scene):
    picture, report = check_projection(*scene[:2], T_CAMERA_LIDAR, scene[2])
    assert picture.shape == scene[0].shape
    assert report.near_edge == 1.0
    assert report.edges > 20
    assert report.distance_px < min(report.disturbed_px.values()) / 3
    assert 'within 2 px of' in report.text().replace('\n', ' ')


def test_a_wrong_calibration_is_seen(scene):
    turned = pose([0, 0, 0], [0, np.sin(0.02), 0, np.cos(0.02)]) @ T_CAMERA_LIDAR
    _, report = check_projection(*scene[:2], turned, scene[2])
    assert report.near_edge < 0.5


def test_what_lies_in_the_dark_does_not_count(scene):
    rgb, xyz, camera = scene
    dark = np.where(np.arange(640)[:, None] < 320, rgb // 30, rgb).astype(np.uint8)
    _, lit = check_projection(rgb, xyz, T_CAMERA_LIDAR, camera)
    _, half = check_projection(dark, xyz, T_CAMERA_LIDAR, camera)
    assert 0.3 < half.edges / lit.edges < 0.7
    assert half.near_edge == 1.0


def test_clouds_survive_their_files(tmp_path):
    points = np.ones(4, [('x', '<f4'), ('y', '<f4'), ('z', '<f4'), ('label', 'u1')])
    np.save(tmp_path / 'a.npy', points)
    np.testing.assert_array_equal(read_cloud(tmp_path / 'a.npy').points, points)
    np.arange(8, dtype='<f4').tofile(tmp_path / 'b.bin')
    assert read_cloud(tmp_path / 'b.bin').points['intensity'].tolist() == [3, 7]


def kitti_values(frame):
    lines = (KITTI / 'calib' / f'{frame}.txt').read_text().splitlines()
    return {k: np.array(v.split(), float) for k, _, v in (s.partition(':') for s in lines) if k}


@pytest.mark.skipif(not KITTI.exists(), reason='the two frames are not part of the project')
@pytest.mark.parametrize('frame', ['000000', '000001'])
def test_points_of_kitti_objects_lie_in_their_hand_drawn_boxes(frame):
    """Points inside a 3-D box, chosen without our code, must project into its 2-D box."""
    image = cv2.imread(str(KITTI / 'image_2' / f'{frame}.png'))
    rig = load_rig(KITTI / 'calib' / f'{frame}.txt', image.shape[:2])
    xyz = read_cloud(KITTI / 'velodyne' / f'{frame}.bin').xyz()
    values = kitti_values(frame)
    T = values['Tr_velo_to_cam'].reshape(3, 4)
    rect = (xyz @ T[:, :3].T + T[:, 3]) @ values['R0_rect'].reshape(3, 3).T
    inside_2d = inside_3d = turned_2d = 0
    half = np.radians(1.0) / 2
    turn = pose([0, 0, 0], [0, np.sin(half), 0, np.cos(half)])
    for line in (KITTI / 'label_2' / f'{frame}.txt').read_text().splitlines():
        name, *numbers = line.split()
        if name == 'DontCare':
            continue
        left, top, right, bottom, height, width, length, x, y, z, angle = map(float, numbers[3:14])
        offset = rect - [x, y, z]
        forward = offset[:, 0] * np.cos(angle) - offset[:, 2] * np.sin(angle)
        across = offset[:, 0] * np.sin(angle) + offset[:, 2] * np.cos(angle)
        chosen = (np.abs(forward) < length / 2) & (np.abs(across) < width / 2)
        chosen &= (offset[:, 1] < -0.1) & (offset[:, 1] > -height)
        inside_3d += chosen.sum()
        for move, into in ((np.eye(4), 'right'), (turn, 'turned')):
            points = transform_points(move @ rig.T('rgb', 'lidar'), xyz[chosen])
            u, v = rig.camera('rgb').project(points)[0].T
            count = ((u > left - 2) & (u < right + 2) & (v > top - 2) & (v < bottom + 2)).sum()
            inside_2d, turned_2d = (
                (inside_2d + count, turned_2d)
                if into == 'right'
                else (inside_2d, turned_2d + count)
            )
    assert inside_3d >= 20
    assert inside_2d / inside_3d >= 0.95
    assert turned_2d < inside_2d


@pytest.mark.skipif(not KITTI.exists(), reason='the two frames are not part of the project')
def test_kitti_depth_edges_lie_on_image_edges():
    """Stricter than within 5 px, where nine of ten pixels of these images are by chance."""
    edges = near = 0.0
    for frame in ('000000', '000001'):
        rgb = cv2.imread(str(KITTI / 'image_2' / f'{frame}.png'), cv2.IMREAD_COLOR_RGB)
        rig = load_rig(KITTI / 'calib' / f'{frame}.txt', rgb.shape[:2])
        xyz = read_cloud(KITTI / 'velodyne' / f'{frame}.bin').xyz()
        _, report = check_projection(rgb, xyz, rig.T('rgb', 'lidar'), rig.camera('rgb'))
        edges, near = edges + report.edges, near + report.edges * report.near_edge
        assert report.distance_px < 0.85 * min(report.disturbed_px.values())
    assert edges > 500
    assert near / edges > 0.95
