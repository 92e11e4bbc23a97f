"""The packets of an event window as one, merged only if the frame is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import EventData


def merged_events(packets: Sequence[EventData]) -> EventData:
    """Return the events of two or more packets as one packet, in order of time.

    What can fail, fails here; the rest waits until one of the arrays is asked for.
    """
    return MergedEvents(packets) if all(map(_is_whole, packets)) else _in_order(packets)


class MergedEvents(EventData):
    """Events of several packets in order of time, put together when somebody looks at them.

    Nobody does in a frame that a newer one replaces before the network is free. Everywhere else
    it is an `EventData`; a copy, pickled or by `dataclasses.replace`, is a plain one.
    """

    __slots__ = ('_merged', '_packets')
    _merged: EventData | None
    _packets: tuple[EventData, ...]

    def __new__(cls, packets: Sequence[EventData] = (), **content: Any) -> Any:
        """Return one of packets, at least one, or the `EventData` of the fields."""
        return super().__new__(cls) if packets else EventData(**content)

    def __init__(self, packets: Sequence[EventData]) -> None:
        object.__setattr__(self, '_packets', tuple(packets))
        object.__setattr__(self, '_merged', None)

    @property
    def x(self) -> NDArray[np.uint16]:  # type: ignore[override]
        """Return the pixel columns."""
        return self._whole().x

    @property
    def y(self) -> NDArray[np.uint16]:  # type: ignore[override]
        """Return the pixel rows."""
        return self._whole().y

    @property
    def stamp_ns(self) -> NDArray[np.int64]:  # type: ignore[override]
        """Return the times."""
        return self._whole().stamp_ns

    @property
    def polarity(self) -> NDArray[np.bool_]:  # type: ignore[override]
        """Return the polarities."""
        return self._whole().polarity

    @property
    def width(self) -> int:  # type: ignore[override]
        """Return the sensor columns."""
        return self._whole().width

    @property
    def height(self) -> int:  # type: ignore[override]
        """Return the sensor rows."""
        return self._whole().height

    def __reduce__(self) -> tuple[type[EventData], tuple[Any, ...]]:
        whole = self._whole()
        return EventData, tuple(getattr(whole, item.name) for item in fields(whole))

    def _whole(self) -> EventData:
        # In this order: another thread may be merging the same packets, and lets go of them last.
        packets, merged = self._packets, self._merged
        if merged is None:
            merged = _in_order(packets)
            object.__setattr__(self, '_merged', merged)
            object.__setattr__(self, '_packets', ())
        return merged


def _is_whole(events: EventData) -> bool:
    """Return whether a packet can be merged later: nothing about it can fail then."""
    columns = (events.x, events.y, events.stamp_ns, events.polarity)
    return all(
        isinstance(column, np.ndarray) and column.ndim == 1 and len(column) == len(columns[0])
        for column in columns
    )


def _in_order(payloads: Sequence[EventData]) -> EventData:
    merged = replace(
        payloads[-1],
        x=np.concatenate([part.x for part in payloads]),
        y=np.concatenate([part.y for part in payloads]),
        stamp_ns=np.concatenate([part.stamp_ns for part in payloads]),
        polarity=np.concatenate([part.polarity for part in payloads]),
    )
    filled = [part.stamp_ns for part in payloads if len(part.stamp_ns)]
    if all(before[-1] <= after[0] for before, after in pairwise(filled)):
        return merged
    order = np.argsort(merged.stamp_ns, kind='stable')
    return replace(
        merged,
        x=merged.x[order],
        y=merged.y[order],
        stamp_ns=merged.stamp_ns[order],
        polarity=merged.polarity[order],
    )
