"""LiDAR points as range, intensity and height."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import Plane
from mmseg_ros.encoding.context import EncodingContext, require_channels
from mmseg_ros.projection.compiled import compiled
from mmseg_ros.projection.scratch import scratch

FARTHEST_M = 100.0
LOWEST_M = -2.0
STEPS_PER_M = 20.0
_NEIGHBORS = 16
"""A key is nearness x 16 + the number of the neighbor, so that one comparison finds both."""


def range_intensity_height(plane: Plane, context: EncodingContext) -> NDArray[np.uint8]:
    """Return H x W x 3 uint8: nearness, intensity, height; all 0 where no point is near.

    * Channel 0: 255 at the sensor, falling linearly to 1 at 100 m and beyond.
    * Channel 1: 1 + 254 x intensity.
    * Channel 2: height above the base frame in steps of 5 cm, 1 at -2 m, 255 at 10.7 m.

    Each point covers 3 x 3 pixels, where the nearest point wins: a LiDAR hits only a few per cent
    of the pixels of a small image, too few for the first convolution of a network.

    Args:
        plane: H x W x 3 float32 range (m), intensity (0..1), height (m).
        context: Not used.

    Source: channels as in MUSES (range, intensity, height).
    """
    require_channels(plane, 'range_intensity_height', 3)
    rows, columns = plane.valid.shape
    points = scratch('range_intensity_height.points', (rows, columns, 3), np.uint8)
    # A border without points spares every bounds check.
    keys = scratch('range_intensity_height.keys', (rows + 2, columns + 2), np.uint16)
    keys.fill(0)
    _quantise(np.ascontiguousarray(plane.values, np.float32), plane.valid, points, keys)
    image = np.zeros((rows, columns, 3), np.uint8)
    spread(points, keys, image)
    return image


@compiled
def _quantise(
    values: NDArray[np.float32],
    valid: NDArray[np.bool_],
    points: NDArray[np.uint8],
    keys: NDArray[np.uint16],
) -> None:
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            if valid[i, j]:
                nearness = 1.0 + 254.0 * (1.0 - values[i, j, 0] / FARTHEST_M)
                height = 1.0 + STEPS_PER_M * (values[i, j, 2] - LOWEST_M)
                points[i, j, 0] = int(min(max(nearness, 1.0), 255.0) + 0.5)
                points[i, j, 1] = int(1.5 + 254.0 * min(max(values[i, j, 1], 0.0), 1.0))
                points[i, j, 2] = int(min(max(height, 1.0), 255.0) + 0.5)
                keys[i + 1, j + 1] = points[i, j, 0] * _NEIGHBORS


@compiled
def spread(points: NDArray[np.uint8], keys: NDArray[np.uint16], image: NDArray[np.uint8]) -> None:
    """Fill an image in which each point covers 3 x 3 pixels and the nearest point wins.

    Args:
        points: H x W x 3, the points at their own pixels.
        keys: (H + 2) x (W + 2), 16 x the nearness of each point, 0 without one; a border of zeros.
        image: H x W x 3 zeros.
    """
    rows, columns = image.shape[:2]
    best = np.empty(columns, np.uint16)
    has_points = np.empty(rows + 2, np.bool_)
    for i in range(rows + 2):
        has_points[i] = _has_points(keys[i])
    for i in range(rows):
        if not (has_points[i] | has_points[i + 1] | has_points[i + 2]):
            continue
        best[:] = 0
        for neighbor in range(9):
            k, m = neighbor // 3, neighbor % 3
            # Of equally near ones the first wins.
            _take_larger(keys[i + k, m : m + columns], np.uint16(8 - neighbor), best)
        for j in range(columns):
            if best[j] < _NEIGHBORS:
                continue
            neighbor = 8 - best[j] % _NEIGHBORS
            if keys[i + 1, j + 1]:  # a measured pixel keeps its own point
                neighbor = 4
            k, m = i + neighbor // 3 - 1, j + neighbor % 3 - 1
            if not (0 <= k < rows and 0 <= m < columns):
                continue
            image[i, j, 0] = points[k, m, 0]
            image[i, j, 1] = points[k, m, 1]
            image[i, j, 2] = points[k, m, 2]


@compiled
def _has_points(keys: NDArray[np.uint16]) -> bool:
    key = np.uint16(0)
    for j in range(len(keys)):
        key |= keys[j]
    return bool(key > 0)


@compiled
def _take_larger(keys: NDArray[np.uint16], number: np.uint16, best: NDArray[np.uint16]) -> None:
    for j in range(len(best)):
        key = np.uint16(keys[j] + number)
        best[j] = key if key > best[j] else best[j]
