"""Depth as HHA: disparity, height above ground, angle to gravity."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.core.types import Plane
from mmseg_ros.encoding.context import EncodingContext, require_channels
from mmseg_ros.projection.compiled import compiled
from mmseg_ros.projection.scratch import scratch

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
    rows, columns = plane.valid.shape
    reach = NORMAL_REACH_PX
    # A border of zeros (nothing measured) spares every bounds check.
    depth = scratch('hha.depth', (rows + 2 * reach, columns + 2 * reach), np.float32)
    depth.fill(0.0)
    depth[reach:-reach, reach:-reach] = np.where(plane.valid, plane.values[..., 0], 0)
    image = np.zeros((rows, columns, 3), np.uint8)
    up = np.ascontiguousarray(context.T_base_camera[2], np.float32)
    _encode(depth, context.camera.rays, up, image)
    return image


@compiled
def _encode(
    depth: NDArray[np.float32],
    rays: NDArray[np.float32],
    up: NDArray[np.float32],
    image: NDArray[np.uint8],
) -> None:
    """Fill the image from depth with a border of NORMAL_REACH_PX zeros."""
    a, b, c, d = up[0], up[1], up[2], up[3]
    steepness = np.float32(STEPS_PER_M)
    saturated = np.float32(255.0 * SATURATED_BELOW_M)
    rows, columns = image.shape[:2]
    for i in range(rows):
        for j in range(columns):
            z = depth[i + 2, j + 2]
            if z <= 0.0:
                continue
            left = _reach(z, depth[i + 2, j + 1], depth[i + 2, j])
            right = _reach(z, depth[i + 2, j + 3], depth[i + 2, j + 4])
            top = _reach(z, depth[i + 1, j + 2], depth[i, j + 2])
            bottom = _reach(z, depth[i + 3, j + 2], depth[i + 4, j + 2])
            z0, z1 = depth[i + 2, j + 2 - left], depth[i + 2, j + 2 + right]
            ax = z1 * rays[i, j + right, 0] - z0 * rays[i, j - left, 0]
            ay = z1 * rays[i, j + right, 1] - z0 * rays[i, j - left, 1]
            az = z1 - z0
            z0, z1 = depth[i + 2 - top, j + 2], depth[i + 2 + bottom, j + 2]
            bx = z1 * rays[i + bottom, j, 0] - z0 * rays[i - top, j, 0]
            by = z1 * rays[i + bottom, j, 1] - z0 * rays[i - top, j, 1]
            bz = z1 - z0
            # Down x right points towards the camera (z forward, x right, y down).
            nx, ny, nz = by * az - bz * ay, bz * ax - bx * az, bx * ay - by * ax
            square = nx * nx + ny * ny + nz * nz
            cosine = np.float32(0.0)
            if square > 0.0:
                cosine = (a * nx + b * ny + c * nz) / math.sqrt(square)
            height = z * (a * rays[i, j, 0] + b * rays[i, j, 1] + c) + d
            level = steepness * (height - np.float32(LOWEST_M))
            image[i, j, 0] = int(min(saturated / z, np.float32(255.0)) + np.float32(0.5))
            image[i, j, 1] = int(min(max(level, 0.0), 255.0) + 0.5)
            image[i, j, 2] = int(_angle_deg(cosine) + ANGLE_OFFSET + 0.5)


@compiled
def _reach(z: np.float32, first: np.float32, second: np.float32) -> int:
    """Return how many pixels the same surface goes on in one direction, 0 to 2."""
    gap = np.float32(_LARGEST_GAP) * z
    if first <= 0.0 or abs(first - z) > gap:
        return 0
    if second <= 0.0 or abs(second - z) > 2 * gap:
        return 1
    return 2


@compiled
def _angle_deg(cosine: np.float32) -> float:
    """Return the arc cosine in degrees, to 0.004 (Abramowitz and Stegun 4.4.45)."""
    x = min(abs(float(cosine)), 1.0)
    polynomial = 1.5707288 + x * (-0.2121144 + x * (0.0742610 - x * 0.0187293))
    angle = math.sqrt(1.0 - x) * polynomial * (180.0 / math.pi)
    return angle if cosine >= 0.0 else 180.0 - angle
