"""A depth image into the image of another camera."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import DepthData, Plane
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.compiled import compiled
from mmseg_ros.projection.footprint import Rotation, half_sizes
from mmseg_ros.projection.rows import lens_row, to_pixels
from mmseg_ros.projection.splat import NUMBERS, put_row

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
    (plane,) = _moved(depth, depth_camera, T_camera_depth, (camera,), T_at_rest)
    return plane


def depth_planes(
    depth: DepthData,
    depth_camera: CameraModel,
    T_camera_depth: NDArray[np.float64],
    cameras: tuple[CameraModel, CameraModel],
    T_at_rest: NDArray[np.float64] | None = None,
) -> tuple[Plane, Plane]:
    """Return what `depth_plane` does for one camera at two sizes: pixels are moved once for both.

    Where each image takes only every second, third, ... pixel, and neither all that the other one
    takes, each has its pass over its few.

    Args:
        depth: The depth image.
        depth_camera: Its camera at the size of the image.
        T_camera_depth: 4 x 4, from the optical frame of `depth_camera` into that of `cameras`.
        cameras: The target image at two sizes, as `CameraModel.resized` returns them.
        T_at_rest: See `depth_plane`.
    """
    source = depth_camera.resized(*depth.depth_m.shape)
    if _share_pixels([_step(source, camera) for camera in cameras]):
        one, other = _moved(depth, depth_camera, T_camera_depth, cameras, T_at_rest)
        return one, other
    one, other = (
        depth_plane(depth, depth_camera, T_camera_depth, camera, T_at_rest) for camera in cameras
    )
    return one, other


def _moved(
    depth: DepthData,
    depth_camera: CameraModel,
    T_camera_depth: NDArray[np.float64],
    cameras: tuple[CameraModel, ...],
    T_at_rest: NDArray[np.float64] | None,
) -> list[Plane]:
    """Return the depth image in each of the cameras, which share the pixels of the finest."""
    source = depth_camera.resized(*depth.depth_m.shape)
    steps = [_step(source, camera) for camera in cameras]
    step = min(steps)
    first = step // 2
    rotation = Rotation.of(T_camera_depth if T_at_rest is None else T_at_rest)
    buffers = [np.full((c.height, c.width, 1), np.inf, np.float32) for c in cameras]
    _register(
        np.ascontiguousarray(depth.depth_m[first::step, first::step], np.float32),
        _every(source, step).slopes,
        np.ascontiguousarray(cameras[0].image_rotation @ T_camera_depth[:3]),
        tuple(camera.parameters for camera in cameras),
        tuple(
            half_sizes(_every(source, own), camera, rotation)
            for own, camera in zip(steps, cameras, strict=True)
        ),
        np.array([((own // 2 - first) // step, own // step) for own in steps]),
        tuple(buffer[..., 0] for buffer in buffers),
    )
    return [_closed(buffer) for buffer in buffers]


def _share_pixels(steps: list[int]) -> bool:
    """Return whether the finest image takes all pixels that the others take."""
    step = min(steps)
    return not any(own % step or (own // 2 - step // 2) % step for own in steps)


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
    cameras: tuple[NDArray[np.float64], ...],
    sizes: tuple[NDArray[np.float32], ...],
    places: NDArray[np.int64],
    z_buffers: tuple[NDArray[np.float32], ...],
) -> None:
    """Move the pixels once, and put them into each image.

    Args:
        depth: H x W float32 meters.
        slopes: 2 x H x W, of the rays.
        T: 3 x 4, into the frame of the pixels of all images.
        cameras: Parameters of each image.
        sizes: For each, 2 x rows x columns: half the sizes of the pixels that it takes.
        places: For each, the first row and column that it takes, and how far they are apart.
        z_buffers: Each image.
    """
    n = depth.shape[1]
    lens, taken, uv = np.empty((3, n)), np.empty((3, n)), np.empty((2, n))
    half, near = np.empty((2, n)), np.empty(n, np.float32)
    few, numbers = np.empty(n, np.float32), np.empty((NUMBERS, n), np.int32)
    # All see as far from the axis, but for rounding; what lies between falls into none.
    widest = cameras[0].copy()
    for k in range(len(cameras)):
        widest[7] = max(widest[7], cameras[k][7])
    for i in range(depth.shape[0]):
        if not _any_measured(depth[i]):
            continue
        lens_row(depth[i], slopes[0, i], slopes[1, i], T, widest, lens[0], lens[1], lens[2])
        for k in range(len(cameras)):
            first, step = places[k]
            if i % step != first:
                continue
            before, moved, m = depth[i], lens, sizes[k].shape[2]
            if step > 1:
                before, moved = few[:m], taken
                _take(depth[i], first, step, before)
                for axis in range(3):
                    _take(lens[axis], first, step, moved[axis, :m])
            u, v, camera, row = uv[0, :m], uv[1, :m], cameras[k], i // step
            to_pixels(moved[0, :m], camera[3], camera[5], u)
            to_pixels(moved[1, :m], camera[4], camera[6], v)
            halves = sizes[k][0, row], sizes[k][1, row]
            put_row(u, v, moved[2, :m], before, halves, half, near, numbers, camera, z_buffers[k])


@compiled
def _any_measured(depth: NDArray[np.float32]) -> bool:
    """Return whether any pixel of a row holds a depth: sky has rows without one."""
    measured = 0
    for j in range(len(depth)):
        measured += (depth[j] > np.float32(0.0)) & (depth[j] < np.float32(np.inf))
    return measured > 0


@compiled
def _take(values: NDArray[Any], first: int, step: int, result: NDArray[Any]) -> None:
    for j in range(len(result)):
        result[j] = values[first + j * step]


@compiled
def _close(z_buffer: NDArray[np.float32], valid: NDArray[np.bool_]) -> None:
    for i in range(len(valid)):
        valid[i] = z_buffer[i] < np.float32(np.inf)
        z_buffer[i] = z_buffer[i] if valid[i] else np.float32(0.0)
