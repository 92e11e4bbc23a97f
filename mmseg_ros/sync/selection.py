"""Which of the frames that wait for the network is processed when it is free."""

from __future__ import annotations

from collections import deque

from mmseg_ros.core.types import FrameSet

_MOST_WAITING = 64
MOST_IN_ORDER = 8
"""Frames that wait in order; more of them would make the results too old."""


class FrameSelector:
    """Frames that nobody has processed yet, oldest first.

    Of those at most `max_age_ns` older than the newest, the one with most sensors is taken, the
    newest of equals. Frames before a taken one are dropped, so that results keep the order of
    their stamps; younger ones stay for the next choice.

    Frames that are added in order are taken one after another, the oldest first, until none waits:
    a network that is slow for a moment, while another one is loaded, skips none of them.

    Args:
        max_age_ns: How much older than the newest a frame may be.

    Attributes:
        dropped: How many frames were passed over.
        max_age_ns: As given; may be changed.
    """

    def __init__(self, max_age_ns: int) -> None:
        self.dropped = 0
        self.max_age_ns = max_age_ns
        self._waiting: deque[FrameSet] = deque()
        self._is_in_order = False

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, frame_set: FrameSet, in_order: bool = False) -> None:
        """Let a frame wait; those that can no longer be chosen are dropped.

        Args:
            frame_set: The frame.
            in_order: Whether it and what waits now are taken one after another.
        """
        waiting = self._waiting
        if waiting and frame_set.stamp_ns < waiting[-1].stamp_ns:
            self.clear()  # the clock jumped back: what waits is of another time
        waiting.append(frame_set)
        self._is_in_order = self._is_in_order or in_order
        if self._is_in_order:
            while len(waiting) > MOST_IN_ORDER:
                self._drop_oldest()
            return
        oldest_ns = frame_set.stamp_ns - self.max_age_ns
        while waiting[0].stamp_ns < oldest_ns or len(waiting) > _MOST_WAITING:
            self._drop_oldest()

    def choose(self) -> FrameSet | None:
        """Remove and return the frame to process now; None if none waits."""
        if not self._waiting:
            return None
        if self._is_in_order:
            oldest = self._waiting.popleft()
            self._is_in_order = bool(self._waiting)
            return oldest
        best = max(self._waiting, key=lambda frame: (len(frame.samples), frame.stamp_ns))
        while self._waiting[0] is not best:
            self._drop_oldest()
        return self._waiting.popleft()

    def clear(self) -> None:
        """Drop everything that waits."""
        self._is_in_order = False
        while self._waiting:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        self._waiting.popleft()
        self.dropped += 1
