"""How large a pixel of one camera is in the image of another, by the homography at infinity."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.projection.camera import CameraModel


class Rotation(bytes):
    """A 3 x 3 float64 rotation that can be the key of a table."""

    @classmethod
    def of(cls, T: NDArray[np.float64]) -> Rotation:
        """Return the rotation of a 4 x 4 transform."""
        return cls(np.ascontiguousarray(T[:3, :3], np.float64).tobytes())

    @property
    def matrix(self) -> NDArray[np.float64]:
        """Return the 3 x 3 matrix."""
        return np.frombuffer(self).reshape(3, 3)


@lru_cache(maxsize=16)
def half_sizes(
    source: CameraModel, target: CameraModel, rotation: Rotation
) -> NDArray[np.float32]:
    """Return 2 x source H x W: half the width and height of each pixel in the target, >= 0.5 px.

    Args:
        source: Camera of the pixels.
        target: Camera of the image they go to.
        rotation: From the optical frame of `source` into that of `target`.
    """
    uv, _ = _project_all(source, target, rotation)
    grid = uv.reshape(source.height, source.width, 2)
    sizes = np.zeros_like(grid)
    for axis in (axis for axis in (0, 1) if grid.shape[axis] > 1):
        steps = np.abs(np.diff(grid, axis=axis))
        first, last = np.take(steps, [0], axis), np.take(steps, [-1], axis)
        sizes = np.fmax(sizes, np.concatenate([first, steps], axis))
        sizes = np.fmax(sizes, np.concatenate([steps, last], axis))
    halves = np.maximum(np.nan_to_num(sizes, nan=0.0) / 2, 0.5).astype(np.float32)
    return np.ascontiguousarray(np.moveaxis(halves, 2, 0))


@lru_cache(maxsize=16)
def pixel_areas(source: CameraModel, target: CameraModel, rotation: Rotation) -> NDArray[np.int32]:
    """Return source H x W x 4: first and past-the-last column and row of each pixel in the target.

    A pixel that falls outside the target image has an empty area.

    Args:
        source: Camera of the pixels.
        target: Camera of the image they go to.
        rotation: From the optical frame of `source` into that of `target`.
    """
    uv, valid = _project_all(source, target, rotation)
    half = half_sizes(source, target, rotation).reshape(2, -1).T
    low, high = np.ceil(uv[valid] - half[valid]), np.ceil(uv[valid] + half[valid])
    limit = [target.width, target.height]
    areas = np.zeros((len(uv), 4), np.int32)
    areas[valid, 0::2] = np.clip(low, 0, limit)
    areas[valid, 1::2] = np.clip(high, 0, limit)
    return areas.reshape(source.height, source.width, 4)


@lru_cache(maxsize=16)
def coverage(source: CameraModel, target: CameraModel, rotation: Rotation) -> NDArray[np.bool_]:
    """Return target H x W bool: which pixels of the target the source camera sees.

    Args:
        source: The camera that looks.
        target: Camera of the image.
        rotation: From the optical frame of `source` into that of `target`.
    """
    rays = target.rays.reshape(-1, 3).astype(np.float64) @ rotation.matrix
    return source.project(rays)[1].reshape(target.height, target.width)


def _project_all(
    source: CameraModel, target: CameraModel, rotation: Rotation
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    return target.project(source.rays.reshape(-1, 3).astype(np.float64) @ rotation.matrix.T)
