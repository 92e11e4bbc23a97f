"""The frames being made: which one is open, what it waits for, when and why it closes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from mmseg_ros.core.types import CloseReason, FrameSet, Modality, SensorSample
from mmseg_ros.sync.closing import renamed, taken
from mmseg_ros.sync.counters import CollectorCounters
from mmseg_ros.sync.history import ClosedSet, History
from mmseg_ros.sync.monitor import HealthMonitor
from mmseg_ros.sync.track import UNBOUNDED_NS, SensorTrack

_logger = logging.getLogger(__name__)

_REACH_SHARE = 0.6


@dataclass(slots=True)
class _OpenSet:
    """The oldest frame that is not closed yet: the one whose turn it is."""

    anchor: Modality
    stamp_ns: int
    reach_ns: int
    first_arrival_ns: int
    waiting: set[Modality] = field(default_factory=set)
    is_passed: bool = False


class Assembly:
    """Makes frames of the samples in the buffers of the tracks, oldest first.

    The unclaimed samples of the reference are the stamps of the frames to come; only the oldest is
    looked at, and only the sensor that delivered is asked again, so that the cost per sample does
    not grow with the number of sensors.

    Args:
        tracks: The sensors in the order of the modalities.
        by_rank: The same, in order of preference as a reference.
        health: Their monitor.
        counters: Where to count frames.
        deadline_ns: Longest wait of a frame, from the arrival of its first member.
        min_sensors: Smaller frames are not emitted.
        jump_back_ns: Stamps that go back further than this are a restart.

    Attributes:
        reference: The elected sensor; None while nothing usable has come.
        emitted: Frames that closed and were not fetched yet.
        wake_ns: When time alone changes something next; `UNBOUNDED_NS` if it never does.
    """

    def __init__(
        self,
        tracks: Sequence[SensorTrack],
        by_rank: Sequence[SensorTrack],
        health: HealthMonitor,
        counters: CollectorCounters,
        deadline_ns: int,
        min_sensors: int,
        jump_back_ns: int,
    ) -> None:
        self.reference: SensorTrack | None = None
        self.emitted: list[FrameSet] = []
        self.wake_ns, self._tracks = -UNBOUNDED_NS, tracks
        self._health, self._counters = health, counters
        self.retune(by_rank, deadline_ns, min_sensors, jump_back_ns)
        self._modalities = tuple(track.name for track in tracks)
        self._history = History()
        self._open: _OpenSet | None = None
        self._owed_ns: int | None = None
        self._owed_stamp_ns = 0

    def retune(
        self, by_rank: Sequence[SensorTrack], deadline_ns: int, min_sensors: int, jump_back_ns: int
    ) -> None:
        """Take over changed parameters, between two frames; the class says what they mean."""
        self._by_rank, self._deadline_ns = by_rank, deadline_ns
        self._min_sensors, self._jump_back_ns = min_sensors, jump_back_ns

    def is_too_late(self, track: SensorTrack, stamp_ns: int, now_ns: int) -> bool:
        """Return whether a sample can serve in no frame any more; note if it missed its own."""
        overrun_ns = self._history.overrun_ns(track, stamp_ns, now_ns)
        if overrun_ns is not None and track.health.late(overrun_ns):
            self.health_changed(now_ns)
        if track is self.reference:
            return stamp_ns <= self._history.last_ns
        return stamp_ns < self._history.last_ns - track.window_ns

    def respond(self, track: SensorTrack, stamp_ns: int, now_ns: int) -> None:
        """Close what the sample just put into the buffer of the track completes."""
        if track.buffer.is_over:
            self._overflow(track, now_ns)
        current = self._open
        if track is self.reference:
            if current is None or stamp_ns < current.stamp_ns:
                self._open = None
                self.settle(now_ns)
        elif current is not None:
            if track.name in current.waiting and not self._waits(current, track):
                current.waiting.discard(track.name)
                if not current.waiting:
                    self.settle(now_ns)
        elif self._owed_ns is None and self._is_owed(track, stamp_ns):
            self._owed_ns, self._owed_stamp_ns = now_ns + self._deadline_ns, stamp_ns
            self.schedule()

    def settle(self, now_ns: int) -> None:
        """Close all frames that can close now, and find out when to look again."""
        while (current := self._open or self._open_next()) is not None:
            if not current.waiting:
                reason = CloseReason.SUPERSEDED if current.is_passed else CloseReason.COMPLETE
            elif now_ns >= current.first_arrival_ns + self._deadline_ns:
                reason = CloseReason.DEADLINE
            else:
                break
            self._close(current, reason, now_ns)
        self._find_owed()
        while self._owed_ns is not None and now_ns >= self._owed_ns:
            self._close_owed(now_ns)
        self.schedule()

    def schedule(self) -> None:
        """Find out when time alone changes something next."""
        wake_ns = self._health.next_change_ns()
        if wake_ns is None:
            wake_ns = UNBOUNDED_NS
        current = self._open
        if current is not None and current.first_arrival_ns + self._deadline_ns < wake_ns:
            wake_ns = current.first_arrival_ns + self._deadline_ns
        elif self._owed_ns is not None and self._owed_ns < wake_ns:
            wake_ns = self._owed_ns
        self.wake_ns = wake_ns

    def health_changed(self, now_ns: int) -> None:
        """Elect the reference anew and look at the open frame with other eyes."""
        self._health.notice_all_lost()
        self._health.schedule()
        name = self._health.elect()
        self._open = None
        if self.reference is None or name != self.reference.name:
            self.reference = next((track for track in self._by_rank if track.name == name), None)
        if name is None:
            for track in self._tracks:
                track.buffer.clear()
        self._history.leave(self._tracks, self._jump_back_ns)
        self.settle(now_ns)

    def close_all(self, reason: CloseReason, now_ns: int) -> None:
        """Close every frame that the reference has named with what it has."""
        while (current := self._open or self._open_next()) is not None:
            self._close(current, reason, now_ns)
        self._owed_ns = None
        self.schedule()

    def flush(self, now_ns: int) -> None:
        """Close everything at the end of the stream."""
        self.close_all(CloseReason.FLUSH, now_ns)

    def jump(self, track: SensorTrack, stamp_ns: int, now_ns: int) -> None:
        """Let a sensor begin anew after its stamps went back; frames it named are closed."""
        track.counters.jumps += 1
        _logger.info('The stamps of %s went back: its unfinished frames are closed.', track.name)
        if track is self.reference:
            self._open = None
            self.close_all(CloseReason.JUMP, now_ns)
        track.forget()
        track.advance_newest(stamp_ns)
        self._open = None
        self._history.leave(self._tracks, self._jump_back_ns)
        self.settle(now_ns)

    def restart(self, now_ns: int) -> None:
        """Close all frames and let the next one have any stamp."""
        self._open = None
        self.close_all(CloseReason.JUMP, now_ns)
        self._history.clear()

    def _open_next(self) -> _OpenSet | None:
        reference = self.reference
        if reference is None:
            return None
        buffer = reference.buffer
        last_ns = self._history.last_ns
        if not buffer.stamps or buffer.stamps[-1] <= last_ns:
            return None
        index = buffer.first_after(last_ns)
        stamp_ns = buffer.stamps[index]
        first_arrival_ns = buffer.arrivals[index]
        if index + 1 < len(buffer.stamps):
            step_ns = buffer.stamps[index + 1] - stamp_ns
            # Frames leave in order, so a newer one that came first must not wait for this one.
            first_arrival_ns = min(buffer.arrivals[index:])
        else:
            step_ns = reference.health.rate.period_ns or UNBOUNDED_NS
        current = _OpenSet(reference.name, stamp_ns, int(_REACH_SHARE * step_ns), first_arrival_ns)
        for track in self._tracks:
            if track is not reference and self._waits(current, track):
                current.waiting.add(track.name)
        self._open = current
        return current

    def _waits(self, current: _OpenSet, track: SensorTrack) -> bool:
        """Return whether the frame has to wait for the sensor; note since when it is in."""
        if not track.health.waited_for:
            return False
        stamp_ns, reach_ns = current.stamp_ns, current.reach_ns
        found = -1
        if track.buffer.stamps and not track.accumulates:
            found = track.find(stamp_ns, reach_ns)
        if track.may_still_come(stamp_ns, reach_ns, found):
            return True
        if found >= 0:
            arrival_ns = track.buffer.arrivals[found]
            if arrival_ns < current.first_arrival_ns:
                current.first_arrival_ns = arrival_ns
        elif track.has_passed(stamp_ns, reach_ns):
            current.is_passed = True
        return False

    def _close(self, current: _OpenSet, reason: CloseReason, now_ns: int) -> None:
        stamp_ns, reach_ns = current.stamp_ns, current.reach_ns
        samples: dict[Modality, SensorSample] = {}
        fresh: set[Modality] = set()
        changed = False
        period_ns = self.reference.health.rate.period_ns if self.reference else 0
        for track in self._tracks:
            sample = taken(track, stamp_ns, reach_ns)
            if sample is not None:
                fresh.add(track.name)
                if track.health.was_late:
                    changed |= track.health.in_time()
            elif track.name != current.anchor:
                sample = track.hold(stamp_ns, period_ns)
            if sample is not None:
                samples[track.name] = sample
        self._open = None
        reference = current.anchor
        if samples and reference not in samples:
            last_ns = self._history.last_ns
            reference, stamp_ns, samples = renamed(self._by_rank, samples, last_ns)
        deadline_ns = current.first_arrival_ns + self._deadline_ns
        newest_ns = max(stamp_ns, current.stamp_ns)
        self._history.append(ClosedSet(newest_ns, reach_ns, deadline_ns, now_ns, fresh))
        if len(samples) < self._min_sensors:
            self._counters.below_minimum += 1
        else:
            self._counters.closed[reason] += 1
            self._counters.subsets[tuple(samples)] += 1
            self.emitted.append(FrameSet(reference, stamp_ns, samples, self._modalities, reason))
        if changed:
            self.health_changed(now_ns)

    def _is_owed(self, track: SensorTrack, stamp_ns: int) -> bool:
        """Return whether the reference should have delivered a sample for this one by now."""
        owed_from_ns = self._owed_from(track)
        return owed_from_ns is not None and stamp_ns >= owed_from_ns

    def _owed_from(self, track: SensorTrack) -> int | None:
        reference = self.reference
        if reference is None or track is reference:
            return None
        last_ns = self._history.last_ns + 1
        newest_ns = reference.newest_ns
        if newest_ns is None:
            return last_ns
        period_ns = reference.health.rate.period_ns
        if not period_ns:
            return max(last_ns, newest_ns + track.window_ns + 1)
        early_ns = 0 if track.accumulates else min(track.window_ns, int(_REACH_SHARE * period_ns))
        return max(last_ns, newest_ns + period_ns - early_ns)

    def _find_owed(self) -> None:
        """Find the oldest sample whose reference is overdue while no frame is open."""
        self._owed_ns = None
        if self._open is not None:
            return
        for track in self._tracks:
            buffer = track.buffer
            if not buffer.stamps:
                continue
            owed_from_ns = self._owed_from(track)
            if owed_from_ns is None or buffer.stamps[-1] < owed_from_ns:
                continue
            index = buffer.first_after(owed_from_ns - 1)
            due_ns = buffer.arrivals[index] + self._deadline_ns
            if self._owed_ns is None or due_ns < self._owed_ns:
                self._owed_ns, self._owed_stamp_ns = due_ns, buffer.stamps[index]

    def _close_owed(self, now_ns: int) -> None:
        """Close a frame that the reference failed to name; the next in order names it."""
        last_ns, owed_stamp_ns = self._history.last_ns, self._owed_stamp_ns
        for track in self._by_rank:
            window_ns = track.window_ns
            index = track.buffer.nearest(
                owed_stamp_ns,
                max(last_ns + 1, owed_stamp_ns - window_ns),
                owed_stamp_ns + window_ns,
            )
            if index >= 0:
                stamp_ns = track.buffer.stamps[index]
                reach_ns = int(_REACH_SHARE * track.health.rate.period_ns) or UNBOUNDED_NS
                arrival_ns = (self._owed_ns or now_ns) - self._deadline_ns
                unnamed = _OpenSet(track.name, stamp_ns, reach_ns, arrival_ns)
                self._close(unnamed, CloseReason.DEADLINE, now_ns)
                break
        self._find_owed()

    def _overflow(self, track: SensorTrack, now_ns: int) -> None:
        """Make room in a full buffer; a full reference closes its oldest frame."""
        current = self._open
        if track is self.reference and current is not None:
            self._close(current, CloseReason.SUPERSEDED, now_ns)
        while track.buffer.is_over:
            track.buffer.drop_first(1)
            track.counters.overflow += 1
        self._open = None
        self.settle(now_ns)
