"""Scaling, registration and rectification of images."""

import cv2
import numpy as np

from mmseg_ros.core.types import Plane
from mmseg_ros.projection import CameraModel
from mmseg_ros.projection.images import (
    registered_plane,
    scaled_depth_plane,
    scaled_plane,
)
from mmseg_ros.projection.transforms import pose


def test_shrinking_averages_areas():
    image = np.arange(16, dtype=np.float32).reshape(4, 4)
    plane = scaled_plane(image, 2, 2)
    np.testing.assert_allclose(plane.values[..., 0], [[2.5, 4.5], [10.5, 12.5]])


def test_same_size_is_not_copied():
    image = np.zeros((4, 6, 3), np.uint8)
    assert np.shares_memory(scaled_plane(image, 4, 6).values, image)


def test_nan_pixels_are_invalid():
    image = np.ones((4, 4), np.float32)
    image[1, 1] = np.nan
    plane = scaled_plane(image, 4, 4)
    assert plane.valid.sum() == 15
    assert plane.values[1, 1, 0] == 0


def test_registered_depth_is_never_averaged():
    depth = np.where(np.arange(8) < 5, 2.0, 20.0).astype(np.float32) * np.ones((8, 1), np.float32)
    depth[0, 0] = np.nan
    plane = scaled_depth_plane(depth, 3, 3)
    assert set(np.unique(plane.values)) <= {0.0, 2.0, 20.0}


def test_registration_agrees_with_a_homography():
    source, target = CameraModel.from_fov(80, 60, 80), CameraModel.from_fov(64, 48, 60)
    T = pose([0, 0, 0], [0, np.sin(0.05), 0, np.cos(0.05)])
    image = cv2.GaussianBlur(
        np.random.default_rng(0).random((60, 80)).astype(np.float32), (9, 9), 3
    )
    plane = registered_plane(image, source, T, target)
    H = target.K @ T[:3, :3] @ np.linalg.inv(source.K)
    expected = cv2.warpPerspective(image, H, (64, 48))
    np.testing.assert_allclose(plane.values[2:-2, 2:-2, 0], expected[2:-2, 2:-2], atol=5e-3)


def test_depth_takes_the_parallax_out():
    """A thermal camera 30 cm to the right sees a plate at 3 m as a ramp along its columns."""
    camera = CameraModel.from_fov(64, 48, 60)
    T = pose([0.3, 0, 0])
    ramp = np.tile(np.arange(64, dtype=np.float32), (48, 1))
    depth = np.full((48, 64, 1), 3.0, np.float32)
    valid = np.ones((48, 64), bool)
    valid[:, 40:] = False
    plane = registered_plane(ramp, camera, T, camera, Plane(depth, valid))
    shift_px = camera.K[0, 0] * 0.3 / 3.0
    columns = np.arange(64)
    np.testing.assert_allclose(plane.values[20, 10:40, 0], columns[10:40] - shift_px, atol=0.05)
    np.testing.assert_allclose(plane.values[20, 40:, 0], columns[40:], atol=0.05)
    assert not plane.valid[:, : int(shift_px)].any()
    assert registered_plane(ramp, camera, T, camera).valid.all()


def test_two_steps_of_averaging_are_one():
    rows, columns = np.mgrid[:720, :1280]
    pixels = (127 + 100 * np.sin(rows / 40) * np.cos(columns / 60)).astype(np.uint8)
    once = cv2.resize(pixels, (320, 192), interpolation=cv2.INTER_AREA)
    plane = scaled_plane(pixels, 192, 320)
    error = np.abs(plane.values[..., 0].astype(int) - once)
    assert error.max() <= 2
    assert error.mean() < 0.5
    # Where whole pixels are averaged, nothing changes.
    exact = cv2.resize(pixels[:384, :640], (320, 192), interpolation=cv2.INTER_AREA)
    assert np.array_equal(scaled_plane(pixels[:384, :640], 192, 320).values[..., 0], exact)
