"""The numeric check of a calibration works on clouds of any order."""

import numpy as np
import pytest

from mmseg_ros.projection import CameraModel
from mmseg_ros.projection.check import check_projection
from mmseg_ros.projection.transforms import T_OPTICAL_BODY_ROTATION

RINGS, COLUMNS = 32, 720
CAMERA = CameraModel.from_fov(1280, 720, 70)
T_CAMERA_LIDAR = np.eye(4)
T_CAMERA_LIDAR[:3, :3] = T_OPTICAL_BODY_ROTATION


def scene():
    """Return rings x columns x 3 points of a box 8 m ahead of a wall at 20 m, and their image."""
    azimuth = np.radians(np.linspace(-60, 60, COLUMNS))
    elevation = np.radians(np.linspace(-15, 15, RINGS))[:, None]
    ray = np.stack(
        np.broadcast_arrays(
            np.ones((RINGS, COLUMNS)), np.tan(azimuth), np.tan(elevation) / np.cos(azimuth)
        ),
        axis=-1,
    )
    hits = (np.abs(8 * ray[..., 1]) < 1.5) & (np.abs(8 * ray[..., 2]) < 1.2)
    points = (ray * np.where(hits, 8.0, 20.0)[..., None]).astype(np.float32)
    half_u, half_v = CAMERA.K[0, 0] * 1.5 / 8, CAMERA.K[1, 1] * 1.2 / 8
    v, u = np.mgrid[:720, :1280]
    inside = (np.abs(u - CAMERA.K[0, 2]) < half_u) & (np.abs(v - CAMERA.K[1, 2]) < half_v)
    rgb = np.where(inside[..., None], np.uint8(60), np.uint8(190)).repeat(3, axis=-1)
    return points, np.ascontiguousarray(rgb, np.uint8)


def in_order(grid, order):
    """Return a cloud of rings x columns x 3 points as one kind of sensor writes it."""
    random = np.random.default_rng(0)
    lost = random.random(grid.shape[:2]) < 0.15
    columns = grid.transpose(1, 0, 2)
    if order == 'shuffled':
        cloud = grid.reshape(-1, 3)
        return cloud[random.permutation(len(cloud))]
    if order == 'by distance':
        cloud = grid.reshape(-1, 3)
        return cloud[np.argsort(np.linalg.norm(cloud, axis=1), kind='stable')]
    if order == 'lasers as they fire':  # nuScenes: a low and a high one in turn
        return grid[np.arange(RINGS).reshape(2, -1).T.ravel()].transpose(1, 0, 2)
    if order == 'columns, lost ones left out':
        return columns[~lost.T]
    if order in ('columns, lost ones zero', 'columns, lost ones NaN'):  # Ouster
        return np.where(lost.T[..., None], np.float32(0 if 'zero' in order else np.nan), columns)
    if order == 'staggered columns':  # Ouster, before it is destaggered
        shifted = [np.roll(row, 6 * (k % 4), axis=0) for k, row in enumerate(grid)]
        return np.stack(shifted).transpose(1, 0, 2)
    return {'rings': grid, 'rings from the top': grid[::-1], 'columns': columns}[order]


@pytest.mark.parametrize(
    'order',
    ['rings', 'rings from the top', 'columns', 'shuffled', 'by distance', 'lasers as they fire',
     'columns, lost ones left out', 'columns, lost ones zero', 'columns, lost ones NaN',
     'staggered columns'],
)  # fmt: skip
def test_outlines_are_found_in_any_order_and_move_when_turned(order):
    points, rgb = scene()
    cloud = np.ascontiguousarray(in_order(points, order).reshape(-1, 3))
    _, report = check_projection(rgb, cloud, T_CAMERA_LIDAR, CAMERA)
    assert report.edges >= 16
    assert report.distance_px < 2.0
    assert min(report.disturbed_px.values()) > 5 * max(report.distance_px, 0.5)
