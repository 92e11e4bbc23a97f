"""How often the label of a point that stands still changes from one frame to the next."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.metrics.metrics import rounded

CELL_M = 0.2
_LONGEST_GAP_NS = 1_000_000_000
_SPAN = 1 << 20


class Flicker:
    """Counts points that lie in the same place of the world in two frames in a row.

    A cell of 0.2 m that holds points in both frames is taken as standing still: what moves leaves
    its cell, unless it is slow. Its label is that of its first point.
    """

    def __init__(self, ignore_id: int) -> None:
        """Start with nothing counted.

        Args:
            ignore_id: Label of points that the camera does not see.
        """
        self._ignore_id = ignore_id
        self._before: tuple[int, NDArray[np.int64], NDArray[Any], NDArray[Any] | None] | None = (
            None
        )
        self._counts = np.zeros((2, 2), np.int64)

    def add(
        self,
        stamp_ns: int,
        xyz: NDArray[np.floating],
        labels: NDArray[Any],
        truth: NDArray[Any] | None = None,
    ) -> None:
        """Compare with the frame before.

        Args:
            stamp_ns: Of the points.
            xyz: N x 3 positions in a fixed frame, meters.
            labels: N class ids.
            truth: N true class ids, where they are known.
        """
        seen = (labels != self._ignore_id) & np.isfinite(xyz).all(axis=1)
        cells, first = np.unique(_cells(xyz[seen]), return_index=True)
        known = None if truth is None else truth[seen][first]
        now = (stamp_ns, cells, labels[seen][first], known)
        before, self._before = self._before, now
        if before is None or not 0 < stamp_ns - before[0] <= _LONGEST_GAP_NS:
            return
        _, ours, theirs = np.intersect1d(cells, before[1], assume_unique=True, return_indices=True)
        changed = now[2][ours] != before[2][theirs]
        self._counts[0] += changed.sum(), changed.size
        if known is not None and before[3] is not None:
            same = known[ours] == before[3][theirs]
            self._counts[1] += (changed & same).sum(), same.sum()

    def plain(self) -> dict[str, Any]:
        """Return shares and counts: of all points, and of those whose true class stayed."""
        return {
            name: {
                'points': int(total),
                'changed': rounded(changed / total) if total else None,
            }
            for name, (changed, total) in zip(
                ('all', 'true_class_same'), self._counts, strict=True
            )
        }


def _cells(xyz: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return one number per cell."""
    x, y, z = (np.floor(xyz.astype(np.float64) / CELL_M).astype(np.int64) % _SPAN).T
    return np.asarray((x * _SPAN + y) * _SPAN + z, np.int64)
