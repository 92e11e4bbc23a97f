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


@pytest.mark.parametrize('order', ['rings', 'columns', 'shuffled'])
def test_outlines_are_found_in_any_order_and_move_when_turned(order):
    points, rgb = scene()
    cloud = points.reshape(-1, 3)
    if order == 'columns':
        cloud = points.transpose(1, 0, 2).reshape(-1, 3)
    if order == 'shuffled':
        cloud = cloud[np.random.default_rng(0).permutation(len(cloud))]
    _, report = check_projection(rgb, cloud, T_CAMERA_LIDAR, CAMERA)
    assert report.edges >= 16
    assert report.distance_px < 2.0
    assert min(report.disturbed_px.values()) > 5 * max(report.distance_px, 0.5)
