"""LiDAR points as range, intensity and height."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import Plane
from mmseg_ros.encoding.context import EncodingContext, require_channels
from mmseg_ros.projection.compiled import compiled

FARTHEST_M = 100.0
LOWEST_M = -2.0
STEPS_PER_M = 20.0


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
    points = np.zeros(plane.values.shape, np.uint8)
    _quantise(np.ascontiguousarray(plane.values, np.float32), plane.valid, points)
    image = np.zeros_like(points)
    _spread(points, image)
    return image


@compiled
def _quantise(
    values: NDArray[np.float32], valid: NDArray[np.bool_], points: NDArray[np.uint8]
) -> None:
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            if valid[i, j]:
                nearness = 1.0 + 254.0 * (1.0 - values[i, j, 0] / FARTHEST_M)
                height = 1.0 + STEPS_PER_M * (values[i, j, 2] - LOWEST_M)
                points[i, j, 0] = int(min(max(nearness, 1.0), 255.0) + 0.5)
                points[i, j, 1] = int(1.5 + 254.0 * min(max(values[i, j, 1], 0.0), 1.0))
                points[i, j, 2] = int(min(max(height, 1.0), 255.0) + 0.5)


@compiled
def _spread(points: NDArray[np.uint8], image: NDArray[np.uint8]) -> None:
    rows, columns = points.shape[:2]
    for i in range(rows):
        for j in range(columns):
            if points[i, j, 0] == 0:
                continue
            for k in range(max(0, i - 1), min(rows, i + 2)):
                for m in range(max(0, j - 1), min(columns, j + 2)):
                    # Larger means nearer; a measured pixel keeps its own point.
                    if points[k, m, 0] == 0 and image[k, m, 0] < points[i, j, 0]:
                        image[k, m] = points[i, j]
            image[i, j] = points[i, j]
