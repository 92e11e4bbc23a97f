"""Boxes before a wall, as a camera and a LiDAR in one place see them."""

import cv2
import numpy as np

from mmseg_ros.projection import CameraModel

T_CAMERA_LIDAR = np.array([[0, -1.0, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
CAMERA = CameraModel.from_fov(640, 384, 70)


def turned(turn_deg):
    T = np.eye(4)
    T[:3, :3] = cv2.Rodrigues(np.radians(np.array(turn_deg, float)))[0]
    return T


def boxes(seed, count=14):
    """Return boxes before a wall at 25 m: left, right, top, bottom as slopes, and range."""
    rng = np.random.default_rng(seed)
    center = np.stack([rng.uniform(-0.55, 0.55, count), rng.uniform(-0.3, 0.3, count)], 1)
    half = rng.uniform(0.02, 0.06, (count, 2))
    return np.c_[center - half, center + half, rng.uniform(6, 14, count)]


def depth_at(x, y, scene):
    """Return depth along the optical axis in the directions with slopes x and y."""
    depth = np.full(np.shape(x), 25.0)
    for left, top, right, bottom, z in scene:
        hit = (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
        depth = np.where(hit, np.minimum(depth, z), depth)
    return depth


def picture(scene):
    x, y = CAMERA.rays[..., 0], CAMERA.rays[..., 1]
    depth = depth_at(x, y, scene)
    return np.repeat((255 - 8 * depth).astype(np.uint8)[..., None], 3, axis=2)


def scan(scene):
    azimuth, elevation = np.meshgrid(
        np.radians(np.arange(35, -35, -0.1)), np.radians(np.arange(-18, 18, 0.25))
    )
    y, z = np.tan(azimuth), np.tan(elevation) / np.cos(azimuth)
    depth = depth_at(-y, -z, scene)
    directions = np.stack([np.ones_like(y), y, z], -1)
    return (directions * depth[..., None]).reshape(-1, 3).astype(np.float32)
