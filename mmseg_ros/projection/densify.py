"""Sparse planes made denser: every point covers the pixels around it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import Plane
from mmseg_ros.projection.compiled import compiled


def densified(plane: Plane, radius_m: float, focal_px: float, largest_px: int = 8) -> Plane:
    """Return the plane with each point as a disc of `radius_m`; the nearest point wins a pixel.

    Args:
        plane: H x W x C float32; channel 0 is the range in metres.
        radius_m: Radius of a point in space: half the spacing of the points to be closed.
        focal_px: Focal length, so that near points cover more pixels.
        largest_px: Limit of the radius in the image.
    """
    values = np.zeros_like(plane.values)
    nearest = np.full(plane.valid.shape, np.inf, np.float32)
    _spread(plane.values, plane.valid, radius_m * focal_px, largest_px, nearest, values)
    return Plane(values, np.isfinite(nearest))


@compiled
def _spread(
    source: NDArray[np.float32],
    valid: NDArray[np.bool_],
    scale: float,
    largest: int,
    nearest: NDArray[np.float32],
    values: NDArray[np.float32],
) -> None:
    rows, columns = valid.shape
    for i in range(rows):
        for j in range(columns):
            if not valid[i, j]:
                continue
            distance = source[i, j, 0]
            if not 0.0 <= distance < np.inf:
                continue
            reach = min(largest, int(scale / max(distance, np.float32(0.1)) + 0.5))
            for k in range(max(0, i - reach), min(rows, i + reach + 1)):
                for m in range(max(0, j - reach), min(columns, j + reach + 1)):
                    square = (k - i) ** 2 + (m - j) ** 2
                    # A measured pixel keeps its own point unless a nearer one covers it.
                    if square <= reach * reach and distance < nearest[k, m]:
                        nearest[k, m] = distance
                        values[k, m] = source[i, j]
