"""Depth as HHA: disparity, height above ground, angle to gravity."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.core.types import Plane
from mmseg_ros.encoding.context import EncodingContext, require_channels
from mmseg_ros.projection.compiled import compiled

SATURATED_BELOW_M = 5.0
LOWEST_M = -1.0
STEPS_PER_M = 20.0
ANGLE_OFFSET = 128.0 - 90.0
NORMAL_REACH_PX = 2
_LARGEST_GAP = 0.1


def hha(plane: Plane, context: EncodingContext) -> NDArray[np.uint8]:
    """Return H x W x 3 uint8: disparity, height above ground, angle to gravity; 0 where invalid.

    * Channel 0: 255 x 5 m / depth, saturated below 5 m.
    * Channel 1: height above the base frame in steps of 5 cm, 0 at -1 m, 255 at 11.75 m.
    * Channel 2: angle between the surface normal and up in degrees, plus 38: 38 is ground,
      128 a wall, 218 a ceiling.

    Indoor HHA saturates at 1.2 m and 2.55 m; the scales here are those of a street.

    Args:
        plane: H x W x 1 float32 metres.
        context: `camera` and `T_base_camera` are needed.

    Raises:
        CalibrationError: The camera or its pose is unknown.

    Source: Gupta et al., ECCV 2014, section 3.1; gravity comes from the calibration instead of
    being estimated.
    """
    require_channels(plane, 'hha', 1)
    if context.camera is None or context.T_base_camera is None:
        raise CalibrationError(
            "Encoding 'hha' needs the intrinsics and the pose of the camera above ground; "
            'give a calibration file or /tf_static to base_link.'
        )
    image = np.zeros((*plane.valid.shape, 3), np.uint8)
    up = np.ascontiguousarray(context.T_base_camera[2], np.float64)
    depth = np.ascontiguousarray(plane.values[..., 0], np.float32)
    _encode(depth, plane.valid, context.camera.rays, up, image)
    return image


@compiled
def _encode(
    depth: NDArray[np.float32],
    valid: NDArray[np.bool_],
    rays: NDArray[np.float32],
    up: NDArray[np.float64],
    image: NDArray[np.uint8],
) -> None:
    for i in range(depth.shape[0]):
        for j in range(depth.shape[1]):
            if not valid[i, j]:
                continue
            z = depth[i, j]
            height = z * (up[0] * rays[i, j, 0] + up[1] * rays[i, j, 1] + up[2]) + up[3]
            image[i, j, 0] = int(min(255.0 * SATURATED_BELOW_M / z, 255.0) + 0.5)
            image[i, j, 1] = int(min(max(STEPS_PER_M * (height - LOWEST_M), 0.0), 255.0) + 0.5)
            cosine = _up_component(depth, valid, rays, up, i, j)
            image[i, j, 2] = int(math.degrees(math.acos(cosine)) + ANGLE_OFFSET + 0.5)


@compiled
def _up_component(
    depth: NDArray[np.float32],
    valid: NDArray[np.bool_],
    rays: NDArray[np.float32],
    up: NDArray[np.float64],
    i: int,
    j: int,
) -> float:
    """Return the cosine between the surface normal (towards the camera) and up."""
    left, right = _reach(depth, valid, i, j, 0, -1), _reach(depth, valid, i, j, 0, 1)
    top, bottom = _reach(depth, valid, i, j, -1, 0), _reach(depth, valid, i, j, 1, 0)
    x0, y0, z0 = _point(depth, rays, i, j - left)
    x1, y1, z1 = _point(depth, rays, i, j + right)
    ax, ay, az = x1 - x0, y1 - y0, z1 - z0
    x0, y0, z0 = _point(depth, rays, i - top, j)
    x1, y1, z1 = _point(depth, rays, i + bottom, j)
    bx, by, bz = x1 - x0, y1 - y0, z1 - z0
    # Down x right points towards the camera (z forward, x right, y down).
    nx, ny, nz = by * az - bz * ay, bz * ax - bx * az, bx * ay - by * ax
    norm = math.sqrt(nx * nx + ny * ny + nz * nz)
    if norm < 1e-12:
        return 0.0
    cosine = (up[0] * nx + up[1] * ny + up[2] * nz) / norm
    return float(min(max(cosine, -1.0), 1.0))


@compiled
def _reach(
    depth: NDArray[np.float32], valid: NDArray[np.bool_], i: int, j: int, di: int, dj: int
) -> int:
    """Return how many pixels the same surface goes on in one direction, at most 2."""
    steps = 0
    for k in range(1, NORMAL_REACH_PX + 1):
        row, column = i + k * di, j + k * dj
        if not (0 <= row < depth.shape[0] and 0 <= column < depth.shape[1]):
            break
        gap = abs(depth[row, column] - depth[i, j])
        if not valid[row, column] or gap > _LARGEST_GAP * k * depth[i, j]:
            break
        steps = k
    return steps


@compiled
def _point(
    depth: NDArray[np.float32], rays: NDArray[np.float32], i: int, j: int
) -> tuple[float, float, float]:
    z = float(depth[i, j])
    return z * rays[i, j, 0], z * rays[i, j, 1], z
