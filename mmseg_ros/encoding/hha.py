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
LARGEST_GAP = 0.1
"""Neighbors whose depths differ by a larger share of it lie on different surfaces."""


def hha(plane: Plane, context: EncodingContext) -> NDArray[np.uint8]:
    """Return H x W x 3 uint8: disparity, height above ground, angle to gravity; 0 where invalid.

    * Channel 0: 255 x 5 m / depth, saturated below 5 m.
    * Channel 1: height above the base frame in steps of 5 cm, 0 at -1 m, 255 at 11.75 m.
    * Channel 2: angle between the surface normal and up in degrees, plus 38: 38 is ground,
      128 a wall, 218 a ceiling.

    Indoor HHA saturates at 1.2 m and 2.55 m; the scales here are those of a street.

    Args:
        plane: H x W x 1 float32 meters.
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
    if (context.camera.height, context.camera.width) != (rows, columns):
        raise CalibrationError(
            f"Encoding 'hha' needs the camera at the size of the plane, {columns} x {rows}, but "
            f'has it at {context.camera.width} x {context.camera.height}.'
        )
    reach = NORMAL_REACH_PX
    # A border of zeros (nothing measured) spares every bounds check.
    points = scratch('hha.points', (3, rows + 2 * reach, columns + 2 * reach), np.float32)
    image = np.zeros((rows, columns, 3), np.uint8)
    up = np.ascontiguousarray(context.T_base_camera[2], np.float32)
    depth = np.ascontiguousarray(plane.values[..., 0], np.float32)
    slopes = context.camera.slopes
    _fill_points(depth, plane.valid, slopes, points)
    _encode(points, slopes, up, image)
    return image


@compiled
def _fill_points(
    depth: NDArray[np.float32],
    valid: NDArray[np.bool_],
    slopes: NDArray[np.float32],
    points: NDArray[np.float32],
) -> None:
    """Fill x, y, z of every pixel; z is 0 where nothing is measured."""
    points[:] = 0.0
    for i in range(depth.shape[0]):
        inner = points[:, i + 2, 2:-2]
        _measured(depth[i], valid[i], inner[2])
        _product(inner[2], slopes[0, i], inner[0])
        _product(inner[2], slopes[1, i], inner[1])


@compiled
def _measured(
    depth: NDArray[np.float32], valid: NDArray[np.bool_], result: NDArray[np.float32]
) -> None:
    for j in range(len(result)):
        result[j] = depth[j] if valid[j] else np.float32(0.0)


@compiled
def _product(a: NDArray[np.float32], b: NDArray[np.float32], result: NDArray[np.float32]) -> None:
    for j in range(len(result)):
        result[j] = a[j] * b[j]


@compiled
def _encode(
    points: NDArray[np.float32],
    slopes: NDArray[np.float32],
    up: NDArray[np.float32],
    image: NDArray[np.uint8],
) -> None:
    """Fill the image, row by row; each loop is short enough to become vector code.

    Args:
        points: 3 x H x W with a border of NORMAL_REACH_PX zeros.
        slopes: 2 x H x W, of the rays.
        up: 4, the third row of T_base_camera.
        image: H x W x 3.
    """
    rows, columns = image.shape[:2]
    reaches = np.empty((4, columns), np.int32)
    across, down = np.empty((3, columns), np.float32), np.empty((3, columns), np.float32)
    cosines, codes = np.empty(columns, np.float32), np.empty((3, columns), np.uint8)
    for i in range(rows):
        z = points[2]
        here = z[i + 2, 2:-2]
        _reach(here, z[i + 2, 1:-3], z[i + 2, :-4], reaches[0])
        _reach(here, z[i + 2, 3:-1], z[i + 2, 4:], reaches[1])
        _reach(here, z[i + 1, 2:-2], z[i, 2:-2], reaches[2])
        _reach(here, z[i + 3, 2:-2], z[i + 4, 2:-2], reaches[3])
        for axis in range(3):
            plane = points[axis]
            row = plane[i + 2]
            _difference(
                row[:-4], row[1:-3], row[2:-2], row[3:-1], row[4:],
                reaches[0], reaches[1], across[axis],
            )  # fmt: skip
            _difference(
                plane[i, 2:-2], plane[i + 1, 2:-2], row[2:-2], plane[i + 3, 2:-2],
                plane[i + 4, 2:-2], reaches[2], reaches[3], down[axis],
            )  # fmt: skip
        _cosines(across, down, up, cosines)
        _disparity(here, codes[0])
        _height(here, slopes[0, i], slopes[1, i], up, codes[1])
        _angle(cosines, codes[2])
        for j in range(columns):
            there = np.uint8(255) if here[j] > np.float32(0.0) else np.uint8(0)
            image[i, j, 0] = codes[0, j] & there
            image[i, j, 1] = codes[1, j] & there
            image[i, j, 2] = codes[2, j] & there


@compiled
def _reach(
    here: NDArray[np.float32],
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    reach: NDArray[np.int32],
) -> None:
    """Fill how many pixels the same surface goes on in one direction, 0 to 2."""
    for j in range(len(reach)):
        z = here[j]
        gap = np.float32(LARGEST_GAP) * z
        one = (first[j] > np.float32(0.0)) & (abs(first[j] - z) <= gap)
        two = one & (second[j] > np.float32(0.0)) & (abs(second[j] - z) <= np.float32(2.0) * gap)
        reach[j] = np.int32(one) + np.int32(two)


@compiled
def _difference(
    second_before: NDArray[np.float32],
    before: NDArray[np.float32],
    here: NDArray[np.float32],
    after: NDArray[np.float32],
    second_after: NDArray[np.float32],
    reach_before: NDArray[np.int32],
    reach_after: NDArray[np.int32],
    result: NDArray[np.float32],
) -> None:
    for j in range(len(result)):
        # All are loaded, whether needed or not: a conditional load is no vector code.
        a, b, c, d, e = second_before[j], before[j], here[j], after[j], second_after[j]
        first = a if reach_before[j] == 2 else b if reach_before[j] == 1 else c
        last = e if reach_after[j] == 2 else d if reach_after[j] == 1 else c
        result[j] = last - first


@compiled
def _cosines(
    across: NDArray[np.float32],
    down: NDArray[np.float32],
    up: NDArray[np.float32],
    cosines: NDArray[np.float32],
) -> None:
    a, b, c = up[0], up[1], up[2]
    for j in range(len(cosines)):
        ax, ay, az = across[0, j], across[1, j], across[2, j]
        bx, by, bz = down[0, j], down[1, j], down[2, j]
        # Down x right points towards the camera (z forward, x right, y down).
        nx, ny, nz = by * az - bz * ay, bz * ax - bx * az, bx * ay - by * ax
        square = nx * nx + ny * ny + nz * nz
        cosine = (a * nx + b * ny + c * nz) / math.sqrt(square)
        cosines[j] = cosine if square > 0.0 else np.float32(0.0)


@compiled
def _disparity(z: NDArray[np.float32], codes: NDArray[np.uint8]) -> None:
    saturated, most = np.float32(255.0 * SATURATED_BELOW_M), np.float32(255.0)
    for j in range(len(codes)):
        disparity = saturated / z[j]
        codes[j] = np.int32((disparity if disparity < most else most) + np.float32(0.5))


@compiled
def _height(
    z: NDArray[np.float32],
    slope_x: NDArray[np.float32],
    slope_y: NDArray[np.float32],
    up: NDArray[np.float32],
    codes: NDArray[np.uint8],
) -> None:
    a, b, c, d = up[0], up[1], up[2], up[3]
    for j in range(len(codes)):
        height = z[j] * (a * slope_x[j] + b * slope_y[j] + c) + d
        level = np.float32(STEPS_PER_M) * (height - np.float32(LOWEST_M))
        level = level if level > 0.0 else np.float32(0.0)
        codes[j] = np.int32(float(level if level < 255.0 else np.float32(255.0)) + 0.5)


@compiled
def _angle(cosines: NDArray[np.float32], codes: NDArray[np.uint8]) -> None:
    """Fill the angles in degrees, to 0.004 (Abramowitz and Stegun 4.4.45), plus the offset."""
    for j in range(len(codes)):
        x = abs(float(cosines[j]))
        x = x if x < 1.0 else 1.0
        polynomial = 1.5707288 + x * (-0.2121144 + x * (0.0742610 - x * 0.0187293))
        angle = math.sqrt(1.0 - x) * polynomial * (180.0 / math.pi)
        angle = angle if cosines[j] >= 0.0 else 180.0 - angle
        codes[j] = np.int32(angle + ANGLE_OFFSET + 0.5)
