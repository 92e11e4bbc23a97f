"""Images into the image of the reference camera: scaling, rectification, registration."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import Plane
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.footprint import Rotation
from mmseg_ros.projection.transforms import invert, transform_points


def scaled_plane(pixels: NDArray[Any], height: int, width: int) -> Plane:
    """Return an image scaled to `height` x `width` x C; areas are averaged when it shrinks.

    Args:
        pixels: H x W or H x W x C; float images may hold NaN where invalid.
        height: Rows of the plane.
        width: Columns of the plane.
    """
    shrinks = height * width < pixels.shape[0] * pixels.shape[1]
    if pixels.shape[:2] == (height, width):
        scaled = pixels
    else:
        mode = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        source = _halved(pixels) if _is_halved_first(pixels, height, width) else pixels
        scaled = np.asarray(cv2.resize(source, (width, height), interpolation=mode))
    return _plane(scaled, np.ones((height, width), np.bool_))


def _is_halved_first(pixels: NDArray[Any], height: int, width: int) -> bool:
    """Return whether two steps cost less than half of one: areas of no whole number are slow.

    Pixels differ by 0.2 of 255 in the mean from those of one step.
    """
    rows, columns = pixels.shape[:2]
    whole = rows % height == 0 and columns % width == 0
    fits = rows >= 2 * height and columns >= 2 * width and rows % 2 == 0 and columns % 2 == 0
    return pixels.dtype == np.uint8 and fits and not whole


def _halved(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    size = pixels.shape[1] // 2, pixels.shape[0] // 2
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def scaled_depth_plane(depth_m: NDArray[np.float32], height: int, width: int) -> Plane:
    """Return a registered depth image at `height` x `width` x 1; 0 where invalid.

    The nearest pixel is taken: averaging would invent surfaces between foreground and background.
    """
    size = (width, height)
    scaled = np.asarray(cv2.resize(depth_m, size, interpolation=cv2.INTER_NEAREST_EXACT))
    valid = np.isfinite(scaled) & (scaled > 0)
    return Plane(np.where(valid, scaled, np.float32(0))[..., None], valid)


def registered_plane(
    pixels: NDArray[Any],
    source: CameraModel,
    T_camera_source: NDArray[np.float64],
    camera: CameraModel,
    surface: Plane | None = None,
) -> Plane:
    """Return an image of another camera in the image of `camera`.

    Pixels with a depth are looked up where their point falls in the other camera, the others by
    the homography at infinity: parallax is right where the depth is known.

    Args:
        pixels: H x W or H x W x C.
        source: Camera of the pixels.
        T_camera_source: 4 x 4, from the optical frame of `source` into that of `camera`.
        camera: The target image.
        surface: H x W x 1 meters of the target image, if there is a depth image.
    """
    source = source.resized(*pixels.shape[:2])
    map_u, map_v, valid = _maps(camera, source, Rotation.of(T_camera_source))
    if surface is not None:
        there = surface.valid
        points = camera.rays[there] * surface.values[there]
        uv, inside = source.project(transform_points(invert(T_camera_source), points))
        map_u, map_v, valid = map_u.copy(), map_v.copy(), valid.copy()
        map_u[there], map_v[there] = np.where(inside[:, None], uv, -1e4).T
        valid[there] = inside
    warped = np.asarray(cv2.remap(pixels, map_u, map_v, cv2.INTER_LINEAR, borderValue=0))
    return _plane(warped, valid)


@lru_cache(maxsize=8)
def _maps(
    target: CameraModel, source: CameraModel, rotation: Rotation
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Return target H x W columns and rows in the source image, and where they are inside.

    Args:
        target: Camera whose pixels are filled.
        source: Camera that fills them.
        rotation: From the optical frame of `source` into that of `target`.
    """
    uv, valid = source.project(target.rays.reshape(-1, 3).astype(np.float64) @ rotation.matrix)
    uv[~valid] = -1e4
    maps = np.moveaxis(uv.reshape(target.height, target.width, 2), 2, 0).astype(np.float32)
    return maps[0], maps[1], valid.reshape(target.height, target.width)


def _plane(pixels: NDArray[Any], valid: NDArray[np.bool_]) -> Plane:
    values = pixels[..., None] if pixels.ndim == 2 else pixels
    if np.issubdtype(values.dtype, np.floating):
        finite = np.isfinite(values).all(axis=-1)
        values, valid = np.where(finite[..., None], values, 0).astype(np.float32), valid & finite
    return Plane(values, valid)
