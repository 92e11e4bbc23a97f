"""A depth image into the image of another camera."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import DepthData, Plane
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.compiled import compiled
from mmseg_ros.projection.footprint import Rotation, half_sizes
from mmseg_ros.projection.rows import lens_row, project_row, to_pixels

# Grown pixels overlap a little: with distortion their sizes are not exact.
SEAM = 1.1
_PIXELS_PER_PIXEL = 1.75


def depth_plane(
    depth: DepthData,
    depth_camera: CameraModel,
    T_camera_depth: NDArray[np.float64],
    camera: CameraModel,
    T_at_rest: NDArray[np.float64] | None = None,
) -> Plane:
    """Return H x W x 1 float32 meters along the optical axis of `camera`; 0 where invalid.

    Every measured pixel is moved by its own depth; where two meet, the nearest wins. A pixel
    that grows in the target image fills the area it covers there, so no holes appear. Of a depth
    image 3.5 times as fine as the target or finer only every second, third, ... row and column
    is moved: more pixels would meet in the same one.

    Args:
        depth: The depth image.
        depth_camera: Its camera at the size of the image.
        T_camera_depth: 4 x 4, from the optical frame of `depth_camera` into that of `camera`.
        camera: The target image.
        T_at_rest: 4 x 4, the same without the motion of the vehicle, if there is any: sizes of
            pixels are kept by its rotation, which is the same in every frame.

    Source: REP-118.
    """
    source = depth_camera.resized(*depth.depth_m.shape)
    step = _step(source, camera)
    first = step // 2
    source = _every(source, step)
    rotation = Rotation.of(T_camera_depth if T_at_rest is None else T_at_rest)
    z_buffer = _empty(camera)
    _register(
        np.ascontiguousarray(depth.depth_m[first::step, first::step], np.float32),
        source.slopes,
        np.ascontiguousarray(camera.image_rotation @ T_camera_depth[:3]),
        camera.parameters,
        half_sizes(source, camera, rotation),
        z_buffer[..., 0],
    )
    return _closed(z_buffer)


def depth_planes(
    depth: DepthData,
    depth_camera: CameraModel,
    T_camera_depth: NDArray[np.float64],
    cameras: tuple[CameraModel, CameraModel],
    T_at_rest: NDArray[np.float64] | None = None,
) -> tuple[Plane, Plane]:
    """Return what `depth_plane` does for one camera at two sizes: pixels are moved once for both.

    Where one of the images takes only every second, third, ... pixel, each has its pass.

    Args:
        depth: The depth image.
        depth_camera: Its camera at the size of the image.
        T_camera_depth: 4 x 4, from the optical frame of `depth_camera` into that of `cameras`.
        cameras: The target image at two sizes, as `CameraModel.resized` returns them.
        T_at_rest: See `depth_plane`.
    """
    source = depth_camera.resized(*depth.depth_m.shape)
    if max(_step(source, camera) for camera in cameras) > 1:
        one, other = (
            depth_plane(depth, depth_camera, T_camera_depth, camera, T_at_rest)
            for camera in cameras
        )
        return one, other
    rotation = Rotation.of(T_camera_depth if T_at_rest is None else T_at_rest)
    buffers = _empty(cameras[0]), _empty(cameras[1])
    _register_both(
        np.ascontiguousarray(depth.depth_m, np.float32),
        source.slopes,
        np.ascontiguousarray(cameras[0].image_rotation @ T_camera_depth[:3]),
        (cameras[0].parameters, cameras[1].parameters),
        (half_sizes(source, cameras[0], rotation), half_sizes(source, cameras[1], rotation)),
        (buffers[0][..., 0], buffers[1][..., 0]),
    )
    return _closed(buffers[0]), _closed(buffers[1])


def _empty(camera: CameraModel) -> NDArray[np.float32]:
    return np.full((camera.height, camera.width, 1), np.inf, np.float32)


def _closed(z_buffer: NDArray[np.float32]) -> Plane:
    """Return what was measured; z_buffer becomes its values."""
    valid = np.empty(z_buffer.shape[:2], np.bool_)
    _close(z_buffer.reshape(-1), valid.reshape(-1))
    return Plane(z_buffer, valid)


def _step(source: CameraModel, target: CameraModel) -> int:
    """Return how far apart the pixels are that are moved: about two of them per pixel and axis."""
    finer = min(source.height / target.height, source.width / target.width)
    return max(int(finer / _PIXELS_PER_PIXEL), 1)


@lru_cache(maxsize=16)
def _every(camera: CameraModel, step: int) -> CameraModel:
    """Return the camera of the image that has every `step`-th pixel, from `step // 2` on."""
    if step == 1:
        return camera
    first = step // 2
    scale = np.array([[1 / step, 0, -first / step], [0, 1 / step, -first / step], [0, 0, 1.0]])
    return replace(
        camera,
        width=len(range(first, camera.width, step)),
        height=len(range(first, camera.height, step)),
        K=scale @ camera.K,
        P=scale @ camera.P,
    )


@compiled
def _register(
    depth: NDArray[np.float32],
    slopes: NDArray[np.float32],
    T: NDArray[np.float64],
    camera: NDArray[np.float64],
    half: NDArray[np.float32],
    z_buffer: NDArray[np.float32],
) -> None:
    n = depth.shape[1]
    u, v, z = np.empty(n), np.empty(n), np.empty(n)
    half_u, half_v = np.empty(n), np.empty(n)
    pixels = np.empty(n, np.int32)
    for i in range(depth.shape[0]):
        project_row(depth[i], slopes[0, i], slopes[1, i], T, camera, u, v, z)
        sizes = half[0, i], half[1, i]
        _put_row(u, v, z, depth[i], sizes, half_u, half_v, pixels, camera, z_buffer)


@compiled
def _register_both(
    depth: NDArray[np.float32],
    slopes: NDArray[np.float32],
    T: NDArray[np.float64],
    cameras: tuple[NDArray[np.float64], NDArray[np.float64]],
    halves: tuple[NDArray[np.float32], NDArray[np.float32]],
    z_buffers: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> None:
    n = depth.shape[1]
    x, y, z = np.empty(n), np.empty(n), np.empty(n)
    u, v = np.empty(n), np.empty(n)
    half_u, half_v = np.empty(n), np.empty(n)
    pixels = np.empty(n, np.int32)
    # Both see as far from the axis, but for rounding; what lies between falls into neither.
    widest = cameras[0].copy()
    widest[7] = max(cameras[0][7], cameras[1][7])
    for i in range(depth.shape[0]):
        lens_row(depth[i], slopes[0, i], slopes[1, i], T, widest, x, y, z)
        for k in range(2):
            camera, sizes = cameras[k], (halves[k][0, i], halves[k][1, i])
            to_pixels(x, camera[3], camera[5], u)
            to_pixels(y, camera[4], camera[6], v)
            _put_row(u, v, z, depth[i], sizes, half_u, half_v, pixels, camera, z_buffers[k])


@compiled
def _put_row(
    u: NDArray[np.float64],
    v: NDArray[np.float64],
    z: NDArray[np.float64],
    before: NDArray[np.float32],
    sizes: tuple[NDArray[np.float32], NDArray[np.float32]],
    half_u: NDArray[np.float64],
    half_v: NDArray[np.float64],
    pixels: NDArray[np.int32],
    camera: NDArray[np.float64],
    z_buffer: NDArray[np.float32],
) -> None:
    """Fill what one row of moved pixels covers; `half_u`, `half_v` and `pixels` are scratch."""
    _grow(sizes[0], before, z, half_u)
    _grow(sizes[1], before, z, half_v)
    if _all_small(half_u, half_v):
        _pixels(u, v, z, camera, pixels)
        _put_pixels(pixels, z, z_buffer.reshape(-1))
    else:
        _put_areas(u, v, z, half_u, half_v, camera, z_buffer)


@compiled
def _close(z_buffer: NDArray[np.float32], valid: NDArray[np.bool_]) -> None:
    for i in range(len(valid)):
        valid[i] = z_buffer[i] < np.float32(np.inf)
        z_buffer[i] = z_buffer[i] if valid[i] else np.float32(0.0)


@compiled
def _grow(
    half: NDArray[np.float32],
    before: NDArray[np.float32],
    after: NDArray[np.float64],
    result: NDArray[np.float64],
) -> None:
    for j in range(len(result)):
        size = SEAM * half[j] * float(before[j]) / after[j] - 0.5 * (SEAM - 1.0)
        result[j] = size if size > 0.5 else 0.5


@compiled
def _all_small(half_u: NDArray[np.float64], half_v: NDArray[np.float64]) -> bool:
    larger = 0
    for j in range(len(half_u)):
        larger += (half_u[j] > 0.5) | (half_v[j] > 0.5)
    return larger == 0


@compiled
def _pixels(
    u: NDArray[np.float64],
    v: NDArray[np.float64],
    z: NDArray[np.float64],
    camera: NDArray[np.float64],
    pixels: NDArray[np.int32],
) -> None:
    """Fill which pixel of the flat image each one covers, -1 for none."""
    columns, right, bottom = np.int32(camera[1]), camera[1] - 0.5, camera[2] - 0.5
    for j in range(len(pixels)):
        inside = (z[j] > 0.0) & (u[j] > -0.5) & (u[j] < right) & (v[j] > -0.5) & (v[j] < bottom)
        row, column = np.int32(math.ceil(v[j] - 0.5)), np.int32(math.ceil(u[j] - 0.5))
        pixels[j] = row * columns + column if inside else np.int32(-1)


@compiled
def _put_pixels(
    pixels: NDArray[np.int32], z: NDArray[np.float64], z_buffer: NDArray[np.float32]
) -> None:
    for j in range(len(pixels)):
        k = pixels[j]
        if 0 <= k < len(z_buffer) and z[j] < z_buffer[k]:
            z_buffer[k] = z[j]


@compiled
def _put_areas(
    u: NDArray[np.float64],
    v: NDArray[np.float64],
    z: NDArray[np.float64],
    half_u: NDArray[np.float64],
    half_v: NDArray[np.float64],
    camera: NDArray[np.float64],
    z_buffer: NDArray[np.float32],
) -> None:
    rows, columns = z_buffer.shape
    right, bottom = camera[1] - 0.5, camera[2] - 0.5
    for j in range(len(u)):
        if not (z[j] > 0.0 and -0.5 <= u[j] < right and -0.5 <= v[j] < bottom):
            continue
        first = max(0, math.ceil(u[j] - half_u[j]))
        last = min(columns, math.ceil(u[j] + half_u[j]))
        top = max(0, math.ceil(v[j] - half_v[j]))
        for row in range(top, min(rows, math.ceil(v[j] + half_v[j]))):
            for column in range(first, last):
                if z[j] < z_buffer[row, column]:
                    z_buffer[row, column] = z[j]
