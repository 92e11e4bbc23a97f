"""Pixels of one camera in the image of another, moved by the distance of what they see."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import DepthData, Plane
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.compiled import compiled
from mmseg_ros.projection.depth import depth_plane
from mmseg_ros.projection.footprint import Rotation, half_sizes, pixel_areas
from mmseg_ros.projection.rows import project_row
from mmseg_ros.projection.transforms import invert


def areas_through_depth(
    source: CameraModel,
    target: CameraModel,
    T_target_source: NDArray[np.float64],
    surface: Plane,
) -> NDArray[np.int32]:
    """Return source H x W x 4: first and past-the-last column and row of each pixel in the target.

    As `footprint.pixel_areas`, but a pixel whose surroundings of 3 x 3 pixels have a depth moves
    by the smallest of them: what an event camera sees are outlines, and they belong to the nearer
    side. Where there is no depth, the homography at infinity is used.

    Args:
        source: Camera of the pixels.
        target: Camera of the image they go to.
        T_target_source: 4 x 4.
        surface: H x W x 1 meters of the target image.
    """
    rotation = Rotation.of(T_target_source)
    depth = DepthData(surface.values[..., 0])
    seen = depth_plane(depth, target, invert(T_target_source), source)
    areas = pixel_areas(source, target, rotation).copy()
    _move(
        seen.values[..., 0],
        source.slopes,
        np.ascontiguousarray(target.image_rotation @ T_target_source[:3]),
        target.parameters,
        half_sizes(source, target, rotation),
        areas,
    )
    return areas


@compiled
def _move(
    depth: NDArray[np.float32],
    slopes: NDArray[np.float32],
    T: NDArray[np.float64],
    camera: NDArray[np.float64],
    half: NDArray[np.float32],
    areas: NDArray[np.int32],
) -> None:
    rows, columns = depth.shape
    u, v, z = np.empty(columns), np.empty(columns), np.empty(columns)
    nearest, padded = np.empty(columns, np.float32), np.full(columns + 2, np.inf, np.float32)
    width, height = int(camera[1]), int(camera[2])
    for i in range(rows):
        padded[1:-1] = np.inf
        for row in range(max(i - 1, 0), min(i + 2, rows)):
            _take_nearer(depth[row], padded[1:-1])
        _nearest_of_three(padded[:-2], padded[1:-1], padded[2:], nearest)
        project_row(nearest, slopes[0, i], slopes[1, i], T, camera, u, v, z)
        for j in range(columns):
            if not z[j] > 0.0:
                continue
            inside = -0.5 <= u[j] < width - 0.5 and -0.5 <= v[j] < height - 0.5
            share = 1.0 if inside else 0.0
            half_u, half_v = share * half[0, i, j], share * half[1, i, j]
            areas[i, j, 0] = min(max(math.ceil(u[j] - half_u), 0), width)
            areas[i, j, 1] = min(max(math.ceil(u[j] + half_u), 0), width)
            areas[i, j, 2] = min(max(math.ceil(v[j] - half_v), 0), height)
            areas[i, j, 3] = min(max(math.ceil(v[j] + half_v), 0), height)


@compiled
def _take_nearer(depth: NDArray[np.float32], nearest: NDArray[np.float32]) -> None:
    for j in range(len(nearest)):
        z = depth[j] if depth[j] > np.float32(0.0) else np.float32(np.inf)
        nearest[j] = z if z < nearest[j] else nearest[j]


@compiled
def _nearest_of_three(
    left: NDArray[np.float32],
    here: NDArray[np.float32],
    right: NDArray[np.float32],
    result: NDArray[np.float32],
) -> None:
    for j in range(len(result)):
        z = left[j] if left[j] < here[j] else here[j]
        result[j] = right[j] if right[j] < z else z
