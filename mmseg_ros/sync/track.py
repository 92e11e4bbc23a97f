"""What the collector keeps about one sensor: its buffer, its health and its matching rules."""

from __future__ import annotations

from itertools import pairwise

from mmseg_ros.core.config import SensorConfig
from mmseg_ros.core.limits import EVENT_BYTES, limits
from mmseg_ros.core.modalities import kind_of
from mmseg_ros.core.types import DEPTH, EVENT, LIDAR, Modality, SensorSample
from mmseg_ros.sync.buffer import SampleBuffer
from mmseg_ros.sync.counters import SensorCounters
from mmseg_ros.sync.health import SensorHealth
from mmseg_ros.sync.packets import merge_packets, starts_after

UNBOUNDED_NS = 1 << 62
_PACKETS_PER_SAMPLE = 16
_NEARER_SHARE = 0.6
_EARLY_SHARE = 0.95
_COVER_SHARE = 0.1
_GAP_PERIODS = 1.5
_SLOWER = 1.25
"""Ratio of periods from which on a sensor counts as slower than the reference."""
_HOLD_PERIODS = 1.1
"""One period, and what its stamps may jitter."""


class SensorTrack:
    """One sensor: unclaimed samples and the rules by which a frame takes one of them.

    Attributes:
        name: Modality. accumulates: Whether it is an event stream, whose packets are merged.
        window_ns: Largest distance of its sample from the stamp of a frame.
        offset_ns: Added to its stamps.
        newest_ns: Newest stamp seen; None before the first and after a jump.
        skipped: Whether at least one sample is missing before the newest.
        missed_set_ns: Stamp of the last frame that a sample came too late for.
        held: The sample that was taken last, for frames that find no newer one.
    """

    __slots__ = (
        '_event_window_ns',
        '_hold_ns',
        '_holds_a_period',
        '_kind',
        'accumulates',
        'buffer',
        'counters',
        'health',
        'held',
        'missed_set_ns',
        'name',
        'newest_ns',
        'offset_ns',
        'skipped',
        'window_ns',
    )

    def __init__(
        self,
        config: SensorConfig,
        health: SensorHealth,
        max_buffered: int,
        event_window_s: float,
    ) -> None:
        self.name: Modality = health.name
        self._kind = kind_of(health.name, config.kind)
        self.accumulates = self._kind == EVENT
        self.health = health
        self.counters = SensorCounters()
        most_bytes = limits().buffer_bytes
        if self.accumulates:
            most_bytes = min(most_bytes, EVENT_BYTES * limits().window_events)
        self.buffer = SampleBuffer(0, most_bytes)
        self.offset_ns = round(config.offset_s * 1e9)
        self.newest_ns: int | None = None
        self.skipped = False
        self.missed_set_ns: int | None = None
        self.held: SensorSample | None = None
        self.retune(config, max_buffered, event_window_s)

    def retune(self, config: SensorConfig, max_buffered: int, event_window_s: float) -> None:
        """Take over changed parameters; samples stay unless their stamps are shifted anew."""
        self.window_ns = round(config.window_s * 1e9)
        self._event_window_ns = round(event_window_s * 1e9)
        self._hold_ns = 0 if self.accumulates else round(max(config.hold_s, 0.0) * 1e9)
        self._holds_a_period = config.hold_s < 0 and self._kind in (LIDAR, DEPTH)
        self.buffer.limit = max_buffered * (_PACKETS_PER_SAMPLE if self.accumulates else 1)
        offset_ns = round(config.offset_s * 1e9)
        if offset_ns != self.offset_ns:
            self.offset_ns = offset_ns
            self.health.skew_ns = None
            self.forget()

    def forget(self) -> None:
        """Forget all samples and stamps; the learned rate stays."""
        self.buffer.clear()
        self.newest_ns = None
        self.skipped = False
        self.missed_set_ns = None
        self.held = None

    def advance_newest(self, stamp_ns: int) -> int:
        """Note a newer stamp; return its distance to the last one, 0 if there is none."""
        previous_ns, self.newest_ns = self.newest_ns, stamp_ns
        if previous_ns is None:
            self.skipped = False
            return 0
        delta_ns = stamp_ns - previous_ns
        self.skipped = 0 < _GAP_PERIODS * self.health.rate.period_ns < delta_ns
        return delta_ns

    def find(self, stamp_ns: int, reach_ns: int) -> int:
        """Return the index of the sample for a frame, or -1.

        Args:
            stamp_ns: Stamp of the frame.
            reach_ns: How much newer a sample may be before it belongs to the next frame.
        """
        window_ns = self.window_ns
        return self.buffer.nearest(
            stamp_ns,
            stamp_ns - window_ns,
            stamp_ns + (window_ns if window_ns < reach_ns else reach_ns),
        )

    def may_still_come(self, stamp_ns: int, reach_ns: int, found: int) -> bool:
        """Return whether waiting can bring a sample to a frame, or a nearer one than it has.

        A sensor is not waited for when its newest sample, or the soonest next one by its own
        rate, is already beyond the reach of the frame.
        """
        newest_ns = self.newest_ns
        if newest_ns is None:
            return True
        rate = self.health.rate
        if self.accumulates:
            return newest_ns < stamp_ns - _COVER_SHARE * rate.period_ns
        if found >= 0:
            distance_ns = stamp_ns - self.buffer.stamps[found]
            if distance_ns <= _NEARER_SHARE * rate.period_ns or not rate.period_ns:
                return False
            return newest_ns + rate.shortest_ns < stamp_ns + min(distance_ns, reach_ns)
        limit_ns = stamp_ns + min(self.window_ns, reach_ns)
        if newest_ns > limit_ns:
            # One is missing before the newest: inside the window it may just be out of order.
            return self.skipped and newest_ns <= stamp_ns + self.window_ns
        return newest_ns + _EARLY_SHARE * rate.shortest_ns <= limit_ns

    def has_passed(self, stamp_ns: int, reach_ns: int) -> bool:
        """Return whether the sensor left out the sample that a frame is missing."""
        newest_ns = self.newest_ns
        return (
            self.skipped
            and newest_ns is not None
            and newest_ns > stamp_ns + min(self.window_ns, reach_ns)
        )

    def take(self, stamp_ns: int, reach_ns: int) -> SensorSample | None:
        """Remove and return the sample for a frame; forget what no later frame can use."""
        if self.accumulates:
            return self._take_packets(stamp_ns)
        index = self.find(stamp_ns, reach_ns)
        if index < 0:
            self.counters.surplus += self.buffer.drop_before(stamp_ns - self.window_ns)
            return None
        sample = self.buffer.samples[index]
        self.buffer.drop_first(index + 1)
        self.counters.surplus += index
        self.counters.used += 1
        self.held = sample
        return sample

    def hold(self, stamp_ns: int, reference_period_ns: int) -> SensorSample | None:
        """Return the last taken sample for one more frame, if it is young enough.

        A sensor as fast as the reference is not held: what it leaves out is missing.

        Args:
            stamp_ns: Stamp of the frame.
            reference_period_ns: Period of the sensor that names the frames, 0 while unknown.
        """
        sample = self.held
        if sample is None or not self.health.may_be_held:
            return None
        limit_ns = self._hold_ns
        period_ns = self.health.rate.period_ns
        if self._holds_a_period and period_ns > _SLOWER * reference_period_ns > 0:
            limit_ns = round(_HOLD_PERIODS * period_ns)
        if not limit_ns or not 0 <= stamp_ns - sample.stamp_ns <= limit_ns:
            return None
        self.counters.held += 1
        return sample

    def _take_packets(self, stamp_ns: int) -> SensorSample | None:
        buffer = self.buffer
        buffer.drop_before(stamp_ns - self._event_window_ns + 1)
        stop = buffer.first_after(stamp_ns - 1)
        if stop < len(buffer) and not starts_after(buffer.samples[stop], stamp_ns):
            stop += 1
        nearest_ns = stamp_ns - min(self.window_ns, self._event_window_ns // 2)
        if stop == 0 or buffer.stamps[stop - 1] < nearest_ns:
            return None
        if self._has_gap(buffer.stamps[:stop]):
            self.counters.gap += 1
            return None
        self.counters.used += 1
        return merge_packets(buffer.samples[:stop], min(stamp_ns, buffer.stamps[stop - 1]))

    def _has_gap(self, ends_ns: list[int]) -> bool:
        rate = self.health.rate
        if not rate.is_regular:
            return False
        longest_ns = _GAP_PERIODS * rate.period_ns
        return any(after - before > longest_ns for before, after in pairwise(ends_ns))
