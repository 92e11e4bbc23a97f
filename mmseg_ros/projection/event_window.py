"""The events of a time window, in order of time, whatever order they came in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import EventData
from mmseg_ros.projection.compiled import compiled


def events_in_window(events: EventData, window_ns: tuple[int, int]) -> EventData:
    """Return the events in [start, end), oldest first.

    Packets promise order, but one event whose time was never set breaks it, and a binary search
    in unordered times finds any slice. So the order is looked at, which costs one pass.

    Args:
        events: The events, in any order; views of them come out where they are in order.
        window_ns: (start, end).
    """
    stamps = events.stamp_ns
    part: slice | NDArray[np.intp]
    if is_ascending(stamps):
        part = slice(*window_slice(stamps, window_ns))
    else:
        inside = np.flatnonzero((stamps >= window_ns[0]) & (stamps < window_ns[1]))
        part = inside[np.argsort(stamps[inside], kind='stable')]
    return replace(
        events,
        x=events.x[part],
        y=events.y[part],
        stamp_ns=stamps[part],
        polarity=events.polarity[part],
    )


def window_slice(stamp_ns: NDArray[np.int64], window_ns: tuple[int, int]) -> tuple[int, int]:
    """Return (first, last) so that the ascending stamp_ns[first:last] lies in [start, end)."""
    first, last = np.searchsorted(stamp_ns, window_ns, side='left')
    return int(first), max(int(first), int(last))


@compiled
def is_ascending(stamp_ns: NDArray[np.int64]) -> bool:
    """Return whether no stamp is smaller than the one before it."""
    turned = 0
    for i in range(1, len(stamp_ns)):
        turned += stamp_ns[i] < stamp_ns[i - 1]
    return turned == 0
