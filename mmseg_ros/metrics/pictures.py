"""Measured planes and labeled clouds as RGB images for a reader's eye."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import DEPTH, EVENT, LIDAR, Modality, Plane

_NIGHT = (16, 20, 27)
_FAR_M = 60.0
_PAPER = (246, 247, 249)
_NEAR_M = 25.0
_EYE_M = (-5.0, 0.0, 4.0)
_LOOK_AT_M = (14.0, 0.0, -0.5)
_FIELD_OF_VIEW_DEG = 58.0


def plane_picture(modality: Modality, plane: Plane) -> NDArray[np.uint8]:
    """Return an H x W x 3 uint8 image of one input plane.

    Depth and LiDAR range are colored from near (warm) to far (cold) on a logarithmic scale,
    events red where it grew brighter and blue where darker; other planes are shown as images.
    """
    if modality == DEPTH:
        return _range_picture(plane.values[..., 0], plane.valid)
    if modality == LIDAR:
        return _thicken(plane.values[..., 0], plane.valid)
    if modality == EVENT:
        return _event_picture(plane.values)
    return _image_picture(plane.values)


def _range_picture(range_m: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
    near = 1.0 - np.log1p(np.where(valid, range_m, 0.0)) / np.log1p(_FAR_M)
    level = np.clip(255 * near, 0, 255).astype(np.uint8)
    picture: NDArray[np.uint8] = np.empty((*level.shape, 3), np.uint8)
    picture[:] = cv2.applyColorMap(level, cv2.COLORMAP_TURBO)[..., ::-1]
    picture[~valid] = _NIGHT
    return picture


def _thicken(range_m: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Draw every LiDAR pixel three pixels wide, the nearest on top."""
    far = np.where(valid, range_m, np.inf).astype(np.float32)
    nearest = cv2.erode(far, np.ones((3, 3), np.uint8))
    shown = np.isfinite(nearest) & (nearest < 1e9)
    return _range_picture(np.where(shown, nearest, 0.0), shown)


def _event_picture(counts: NDArray[Any]) -> NDArray[np.uint8]:
    strength = np.clip(counts.astype(np.float32) / 3.0, 0.0, 1.0)
    picture = np.full((*counts.shape[:2], 3), 255.0, np.float32)
    picture[..., 1:] -= 215.0 * strength[..., :1]
    picture[..., :2] -= 215.0 * strength[..., 1:2]
    return np.clip(picture, 0, 255).astype(np.uint8)


def _image_picture(values: NDArray[Any]) -> NDArray[np.uint8]:
    image = values
    if image.dtype != np.uint8:
        low, high = (float(np.nanpercentile(image, q)) for q in (1, 99))
        image = np.clip((np.nan_to_num(image) - low) / max(high - low, 1e-9), 0, 1) * 255
    image = image.astype(np.uint8)
    return image if image.shape[2] == 3 else np.repeat(image[..., :1], 3, axis=2)


def cloud_picture(
    xyz: NDArray[np.floating], colors: NDArray[np.uint8], height: int = 480, width: int = 900
) -> NDArray[np.uint8]:
    """Return a perspective view of a cloud from behind and above the sensor.

    Args:
        xyz: N x 3, meters, x forward, y left, z up; NaN points are left out.
        colors: N x 3 uint8 RGB.
        height: Rows of the image.
        width: Columns of the image.
    """
    R, eye = _view()
    points = (np.asarray(xyz, np.float64) - eye) @ R.T
    in_front = np.isfinite(points).all(axis=1) & (points[:, 2] > 0.5)
    points, colors = points[in_front], colors[in_front]
    focal_px = width / 2 / np.tan(np.radians(_FIELD_OF_VIEW_DEG / 2))
    u = np.round(focal_px * points[:, 0] / points[:, 2] + width / 2).astype(int)
    v = np.round(focal_px * points[:, 1] / points[:, 2] + height / 2).astype(int)
    index, column, row = _splats(u, v, points[:, 2])
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = _PAPER
    picture[row[inside], column[inside]] = colors[index[inside]]
    return picture


def _splats(
    u: NDArray[np.int_], v: NDArray[np.int_], depth_m: NDArray[np.float64]
) -> tuple[NDArray[np.int_], NDArray[np.int_], NDArray[np.int_]]:
    """Return (point, column, row) of all pixels to paint, the far ones first.

    Near points cover 3 x 3 pixels, far ones 2 x 2.
    """
    size = np.where(depth_m < _NEAR_M, 3, 2)
    parts = []
    for du in range(3):
        for dv in range(3):
            drawn = np.flatnonzero(size > max(du, dv))
            parts.append((drawn, u[drawn] + du - 1, v[drawn] + dv - 1))
    index, column, row = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = np.argsort(-depth_m[index], kind='stable')
    return index[order], column[order], row[order]


def _view() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the rotation into right, down, forward of the viewer, and the viewer's place."""
    eye = np.array(_EYE_M)
    forward = np.array(_LOOK_AT_M) - eye
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward]), eye
