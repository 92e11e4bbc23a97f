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
    row: int,
    column: int,
    depth_m: float,
    near: NDArray[np.float32],
    tolerance: NDArray[np.float32],
    steps: NDArray[np.int64],
    widest_open: NDArray[np.int64],
    limit: int,
) -> bool:
    """Return whether at most `limit` sectors in a row are open.

    A sector is closed if its nearest measurement lies before the point. The search ends as soon as
    what is known of some sectors decides, whatever the others hold.
    """
    known, closed, every = 0, 0, (1 << SECTORS) - 1
    for i in range(len(steps)):
        bit = 1 << steps[i, 2]
        x, y = column + steps[i, 0], row + steps[i, 1]
        if known & bit or not (0 <= x < near.shape[1] and 0 <= y < near.shape[0]):
            continue
        if near[y, x] < np.inf:
            known |= bit
            if is_behind(depth_m, near[y, x], tolerance):
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
