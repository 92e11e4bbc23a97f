"""Which points follow one another within a scan line, whatever the order of the cloud."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.projection.lidar import LidarProjection

STRIDES = (1, 16, 32, 40, 64, 80, 128)
"""Points between neighbors of a line: 1 where lines follow one another, else the rings that are
fired together."""
NEIGHBOR_PX = 6
_WIDEST_PX = 40
_ROW_PX = 2
_BIN_DEG = 0.2

Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]


def line_neighbors(projection: LidarProjection, xyz: NDArray[np.float32]) -> Pairs:
    """Return indices of projected points that are neighbors of one scan line.

    Args:
        projection: Where the points are.
        xyz: N x 3 meters, LiDAR frame: all points of the cloud.
    """
    candidates = [_strided(projection, len(xyz), stride) for stride in STRIDES]
    candidates.append(_by_direction(projection, xyz))
    pairs = max(candidates, key=lambda item: _share(projection, item))
    before, after = pairs
    du, dv = _steps(projection, pairs)
    same_line = (dv <= _ROW_PX) & (du <= _WIDEST_PX)
    # A coarse scan has its neighbors farther apart.
    typical = float(np.median(du[same_line])) if same_line.any() else 0.0
    close = same_line & (du <= max(NEIGHBOR_PX, 2.0 * typical))
    return before[close], after[close]


def _strided(projection: LidarProjection, count: int, stride: int) -> Pairs:
    if stride == 1:
        before = np.flatnonzero(np.diff(projection.index) <= 2)
        return before, before + 1
    place = np.full(count + stride, -1)
    place[projection.index] = np.arange(len(projection.index))
    after = place[projection.index + stride]
    before = np.flatnonzero(after >= 0)
    return before, after[before]


def _by_direction(projection: LidarProjection, xyz: NDArray[np.float32]) -> Pairs:
    """Return neighbors in azimuth among points of nearly the same elevation."""
    x, y, z = xyz[projection.index].T.astype(np.float64)
    row = np.floor(np.degrees(np.arctan2(z, np.hypot(x, y))) / _BIN_DEG)
    order = np.lexsort((np.arctan2(y, x), row))
    same = np.diff(row[order]) == 0
    return order[:-1][same], order[1:][same]


def _steps(
    projection: LidarProjection, pairs: Pairs
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    before, after = pairs
    u, v = projection.u.astype(np.int64), projection.v.astype(np.int64)
    return np.abs(u[after] - u[before]), np.abs(v[after] - v[before])


def _share(projection: LidarProjection, pairs: Pairs) -> float:
    """Return which share of the points has its neighbor beside it in the image."""
    du, dv = _steps(projection, pairs)
    beside = np.count_nonzero((dv <= _ROW_PX) & (du <= _WIDEST_PX))
    return beside / max(1, len(projection.index))
