"""Hand-over of frames to the worker: the best one, chosen when the worker asks."""

from __future__ import annotations

import threading
from collections.abc import Callable

from mmseg_ros.core.types import FrameSet
from mmseg_ros.sync.selection import FrameSelector


class FrameSlot:
    """A `FrameSelector` between two threads, with the methods of a `NewestSlot`.

    Args:
        max_age_s: How much older than the newest a frame may be to be chosen.
        in_order: Asked with each frame whether frames are to be taken one after another now.
    """

    def __init__(self, max_age_s: float, in_order: Callable[[], bool]) -> None:
        self._in_order = in_order
        self._selector = FrameSelector(round(max_age_s * 1e9))
        self._changed = threading.Condition()
        self._closed = False

    @property
    def dropped(self) -> int:
        """How many frames were passed over."""
        return self._selector.dropped

    def put(self, item: FrameSet) -> None:
        """Let a frame wait; never blocks for longer than another `put`."""
        with self._changed:
            self._selector.add(item, self._in_order())
            self._changed.notify()

    def take(self) -> FrameSet | None:
        """Wait for a frame and return the best one; None once the slot is closed."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._selector) > 0 or self._closed)
            return None if self._closed else self._selector.choose()

    def clear(self) -> None:
        """Drop the frames that wait."""
        with self._changed:
            self._selector.clear()

    def close(self) -> None:
        """Let `take` return None from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def tune(self, max_age_s: float) -> None:
        """Choose by another age from now on."""
        with self._changed:
            self._selector.max_age_ns = round(max_age_s * 1e9)
