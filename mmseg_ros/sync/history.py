"""The frames that closed lately: what came too late for them, and by how much."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mmseg_ros.core.types import Modality
from mmseg_ros.sync.track import UNBOUNDED_NS, SensorTrack

_REMEMBERED_SETS = 32


@dataclass(frozen=True, slots=True)
class ClosedSet:
    """A frame that is out.

    Attributes:
        stamp_ns: Its stamp. reach_ns: Samples newer than the stamp by more belong to the next.
        deadline_ns: Until when it would have waited at most. closed_ns: When it closed.
        members: Whose samples are in it.
    """

    stamp_ns: int
    reach_ns: int
    deadline_ns: int
    closed_ns: int
    members: Collection[Modality]


class History:
    """The last closed frames.

    Attributes:
        last_ns: Stamp of the newest; frames at or before it can no longer be made.
    """

    __slots__ = ('_closed', '_late_until_ns', 'last_ns')

    def __init__(self) -> None:
        self._closed: deque[ClosedSet] = deque(maxlen=_REMEMBERED_SETS)
        self.clear()

    def clear(self) -> None:
        """Forget all frames, so that the next one can have any stamp."""
        self._closed.clear()
        self.last_ns = self._late_until_ns = -UNBOUNDED_NS

    def leave(self, tracks: Sequence[SensorTrack], jump_back_ns: int) -> None:
        """Let the next frame have any stamp if no sensor is near the last frame any more.

        While stamps go back sensor by sensor, those that still have the old ones name frames with
        them; then everything that follows would be too late.

        Args:
            tracks: All sensors; samples of one that is silent since before are forgotten.
            jump_back_ns: From how far behind the last frame on a sensor is not near it.
        """
        stamps = [t.newest_ns for t in tracks if t.health.may_deliver and t.newest_ns is not None]
        if not stamps or max(stamps) >= self.last_ns - jump_back_ns:
            return
        self.clear()
        for track in tracks:
            if track.newest_ns is not None and track.newest_ns > max(stamps):
                track.forget()

    def append(self, closed: ClosedSet) -> None:
        """Remember a frame."""
        self._closed.append(closed)
        self.last_ns = closed.stamp_ns
        self._late_until_ns = closed.stamp_ns + closed.reach_ns

    def overrun_ns(self, track: SensorTrack, stamp_ns: int, now_ns: int) -> int | None:
        """Return how long after its frame's deadline a sample comes; None if it missed no frame.

        The result is negative for a frame that closed early as it did not wait for the sensor.
        Lateness after the closing is counted on the track, once per set and sensor.
        """
        if stamp_ns > self._late_until_ns:
            return None
        home = self._nearest(stamp_ns, track.window_ns)
        if home is None or track.name in home.members or home.stamp_ns == track.missed_set_ns:
            return None
        track.missed_set_ns = home.stamp_ns
        track.counters.count_late(now_ns - home.closed_ns)
        return now_ns - home.deadline_ns

    def _nearest(self, stamp_ns: int, window_ns: int) -> ClosedSet | None:
        best: ClosedSet | None = None
        best_ns = window_ns + 1
        for closed in reversed(self._closed):
            distance_ns = abs(closed.stamp_ns - stamp_ns)
            if distance_ns < best_ns:
                best, best_ns = closed, distance_ns
            elif closed.stamp_ns < stamp_ns:
                break
        return best
