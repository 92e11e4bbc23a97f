"""The frames with the lowest scores, kept as pictures."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mmseg_ros.metrics.bootstrap import ratio
from mmseg_ros.metrics.metrics import rounded
from mmseg_ros.metrics.report import Figure

COUNT = 10


class WorstFrames:
    """Keeps the frames with the lowest values; they are drawn at the end."""

    def __init__(self, count: int = COUNT) -> None:
        """Start with none.

        Args:
            count: How many are kept.
        """
        self._count = count
        self._kept: list[tuple[float, int, str, Callable[[], Figure]]] = []
        self._offered = 0

    def offer(self, value: float, name: str, draw: Callable[[], Figure]) -> None:
        """Take a frame if it is among the lowest so far; of equals the earlier stays.

        Args:
            value: The lower, the worse; NaN is never taken.
            name: Of the frame.
            draw: Makes its pictures; holds what it needs for as long as the frame is kept.
        """
        self._offered += 1
        full = len(self._kept) >= self._count
        if np.isnan(value) or (full and not (self._kept and value < self._kept[-1][0])):
            return
        insort(self._kept, (value, self._offered, name, draw), key=lambda item: item[:2])
        del self._kept[self._count :]

    def figures(self) -> list[Figure]:
        """Draw the frames that are kept and return the pictures, the lowest first."""
        return [draw() for *_, draw in self._kept]

    def plain(self) -> list[dict[str, Any]]:
        """Return name and value of the frames, the lowest first."""
        return [{'name': name, 'value': rounded(value)} for value, _, name, _ in self._kept]


def frame_miou(frame: Mapping[str, Any]) -> float:
    """Return the mIoU of one entry of `frames` with the sensors it had; NaN without truth."""
    counts = frame['scores'][frame['available']].get('pixels')
    if counts is None or not counts['classes']:
        return float('nan')
    return float(np.mean(ratio(np.array(list(counts['classes'].values()), np.int64))))
