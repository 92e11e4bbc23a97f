"""What the measurements around a pixel say of a point behind it: hidden, or seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.projection.compiled import compiled

SECTORS = 8
_NEIGHBORS = 8


@compiled
def is_confirmed(
    row: int,
    column: int,
    depth_m: float,
    near: NDArray[np.float32],
    measured: NDArray[np.bool_],
    tolerance: NDArray[np.float32],
    steps: NDArray[np.int64],
) -> bool:
    """Return whether the depth beside a pixel hides the point too, so that it is no outlier."""
    there, nearer = 0, 0
    for i in range(min(_NEIGHBORS, len(steps))):
        x, y = column + steps[i, 0], row + steps[i, 1]
        if 0 <= x < near.shape[1] and 0 <= y < near.shape[0] and measured[y, x]:
            there += 1
            if is_behind(depth_m, near[y, x], tolerance):
                nearer += 1
    return nearer >= 2 or there < _NEIGHBORS // 2


@compiled
def is_surrounded(
    pixel: int,
    depth_m: float,
    near: NDArray[np.float32],
    tolerance: NDArray[np.float32],
    circle: NDArray[np.int64],
    widest_open: NDArray[np.int64],
    limit: int,
) -> bool:
    """Return whether at most `limit` sectors in a row are open.

    A sector is closed if its nearest measurement lies before the point. The search ends as soon as
    what is known of some sectors decides, whatever the others hold.

    Args:
        pixel: Where the point falls in `near`.
        depth_m: Meters along the optical axis.
        near: Flat image with a border as wide as the circle, inf where nothing is measured.
        tolerance: Of `is_behind`.
        circle: K x 2: how far on in `near` a pixel of the circle is, and the bit of its sector;
            the nearest first.
        widest_open: For each set of closed sectors, how many open ones follow each other at most.
        limit: How many may.
    """
    known, closed, every = 0, 0, (1 << SECTORS) - 1
    for i in range(len(circle)):
        at, bit = pixel + circle[i, 0], circle[i, 1]
        if known & bit or not near[at] < np.inf:
            continue
        known |= bit
        if is_behind(depth_m, near[at], tolerance):
            closed |= bit
            if widest_open[closed] <= limit:
                return True
        elif widest_open[every ^ (known ^ closed)] > limit:
            return False
        if known == every:
            break
    return False


@compiled
def is_behind(depth_m: float, near_m: float, tolerance: NDArray[np.float32]) -> bool:
    """Return whether a point lies behind a measurement by more than the tolerance."""
    return bool(depth_m > near_m + tolerance[0] + near_m * (tolerance[1] + near_m * tolerance[2]))
