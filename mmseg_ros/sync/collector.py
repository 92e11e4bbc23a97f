"""Which samples belong together: sensor samples in, frames out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmseg_ros.core.config import EVENT_WINDOW_S, SensorConfig, SyncConfig
from mmseg_ros.core.errors import ConfigError, SyncError
from mmseg_ros.core.types import FrameSet, Modality, SensorSample
from mmseg_ros.sync.assembly import Assembly
from mmseg_ros.sync.content import ContentMonitor
from mmseg_ros.sync.counters import CollectorCounters
from mmseg_ros.sync.health import SensorHealth
from mmseg_ros.sync.monitor import HealthMonitor
from mmseg_ros.sync.packets import packet_end_ns, shift_stamps
from mmseg_ros.sync.track import UNBOUNDED_NS, SensorTrack


class Collector:
    """Collects the samples of several sensors into frames, whatever any of them does.

    A frame is named by the stamp of a sample of the reference, the most trusted sensor in the
    configured order. It takes from every other sensor the nearest sample in that sensor's window,
    and closes when every healthy sensor is in or cannot be in any more, or at its deadline. Frames
    come out in the order of their stamps. Nothing here reads a clock: equal calls give equal
    frames. Samples in a frame carry corrected stamps: `offset_s` of their sensor is added.

    Args:
        modalities: Names of the sensors, in the order of the bundle.
        sync: How samples become frames.
        sensors: One block per modality; a missing one has the defaults.
        event_window_s: Length of the event window that ends at the stamp of a frame, in seconds.

    Attributes:
        health: What is known about every sensor.
        counters: What became of every sample and set.

    Raises:
        ConfigError: No modality is given or one is given twice.
    """

    def __init__(
        self,
        modalities: Sequence[Modality],
        sync: SyncConfig,
        sensors: Mapping[Modality, SensorConfig],
        event_window_s: float = EVENT_WINDOW_S,
    ) -> None:
        self.modalities = tuple(modalities)
        if not self.modalities or len(set(self.modalities)) < len(self.modalities):
            raise ConfigError(f'Give each modality to collect once, not {list(modalities)}.')
        deadline_ns = round(sync.deadline_s * 1e9)
        self._tracks: dict[Modality, SensorTrack] = {}
        for name in self.modalities:
            config = sensors.get(name, SensorConfig())
            health = SensorHealth(name, config, deadline_ns)
            self._tracks[name] = SensorTrack(config, health, sync.max_buffered, event_window_s)
        by_rank = self._by_rank(sync)
        self.health = HealthMonitor(
            (track.health for track in by_rank), round(sync.offset_limit_s * 1e9)
        )
        self.counters = CollectorCounters(
            {name: track.counters for name, track in self._tracks.items()}
        )
        self._jump_back_ns = round(sync.jump_back_s * 1e9)
        self._sets = Assembly(
            tuple(self._tracks.values()),
            by_rank,
            self.health,
            self.counters,
            deadline_ns,
            sync.min_sensors,
            self._jump_back_ns,
        )
        self._content = ContentMonitor() if sync.content_checks else None
        self._now_ns = -UNBOUNDED_NS

    @property
    def reference(self) -> Modality | None:
        """The sensor that names the stamps now; None while nothing usable has come."""
        return self._sets.reference.name if self._sets.reference else None

    def add(self, sample: SensorSample, now_ns: int, waited: bool = False) -> list[FrameSet]:
        """Take one sample and return the frames that closed, oldest first.

        Args:
            sample: A sample of one of the modalities.
            now_ns: The node's clock, which may be simulated time.
            waited: Whether it came some time before `now_ns` and waited for its turn: then it is
                placed before overdue frames close, which the next `advance` does.

        Raises:
            SyncError: The modality is not one of the collector's.
        """
        track = self._tracks.get(sample.modality)
        if track is None:
            raise SyncError(
                f'A sample of {sample.modality!r} came, but the collector was made for'
                f' {", ".join(self.modalities)}; add the modality or do not subscribe to it.'
            )
        self._pass_time(now_ns, closes=not waited)
        track.counters.received += 1
        if sample.stamp_ns <= 0:
            track.counters.invalid_stamp += 1
            self._reject_clock(track, None, now_ns)
            return self._fetch()
        track.health.note_stamp(sample.stamp_ns)
        if track.offset_ns:
            sample = shift_stamps(sample, track.offset_ns)
        stamp_ns = packet_end_ns(sample) if track.accumulates else sample.stamp_ns
        if self._is_on_time_base(track, sample, stamp_ns, now_ns):
            self._place(track, sample, stamp_ns, now_ns)
        return self._fetch()

    def retune(
        self, sync: SyncConfig, sensors: Mapping[Modality, SensorConfig], event_window_s: float
    ) -> list[FrameSet]:
        """Take over changed parameters; return the frames under way, closed as they are.

        Health, counters and learned rates stay; arguments are those of the constructor.
        """
        closed = self.flush()
        deadline_ns = round(sync.deadline_s * 1e9)
        for name, track in self._tracks.items():
            config = sensors.get(name, SensorConfig())
            track.retune(config, sync.max_buffered, event_window_s)
            track.health.retune(config, deadline_ns)
        by_rank = self._by_rank(sync)
        self._jump_back_ns = round(sync.jump_back_s * 1e9)
        self.health.retune((track.health for track in by_rank), round(sync.offset_limit_s * 1e9))
        self._sets.retune(by_rank, deadline_ns, sync.min_sensors, self._jump_back_ns)
        if sync.content_checks != (self._content is not None):
            self._content = ContentMonitor() if sync.content_checks else None
        self._sets.health_changed(self._now_ns)
        return closed + self._fetch()

    def advance(self, now_ns: int) -> list[FrameSet]:
        """Let time pass and return the frames that reached their deadline, oldest first."""
        self._pass_time(now_ns)
        return self._fetch()

    def next_deadline_ns(self) -> int | None:
        """Return when to call `advance` next at the latest; None if only a sample can matter."""
        wake_ns = self._sets.wake_ns
        return None if abs(wake_ns) == UNBOUNDED_NS else wake_ns

    def flush(self) -> list[FrameSet]:
        """Close and return everything that is still open, at the end of a replay."""
        self._sets.flush(self._now_ns)
        return self._fetch()

    def _by_rank(self, sync: SyncConfig) -> list[SensorTrack]:
        """Return the sensors in order of preference as a reference."""
        order = [name for name in sync.reference_order if name in self._tracks]
        order += [name for name in self.modalities if name not in order]
        return [self._tracks[name] for name in order]

    def _fetch(self) -> list[FrameSet]:
        emitted = self._sets.emitted
        if emitted:
            self._sets.emitted = []
            return emitted
        return []

    def _pass_time(self, now_ns: int, closes: bool = True) -> None:
        if now_ns < self._now_ns - self._jump_back_ns:
            self._sets.restart(now_ns)
            for track in self._tracks.values():
                track.forget()
            self.health.restart(now_ns)
        self._now_ns = now_ns
        if closes and now_ns >= self._sets.wake_ns:
            # Deadlines first: after a long step, what was due must not fall to a sensor's loss.
            self._sets.settle(now_ns)
            base_ns = self.health.base_ns
            changed = self.health.tick(now_ns)
            if base_ns is not None and not self.health.agrees(base_ns):
                self._leave_time_base(now_ns)
            if changed:
                self._sets.health_changed(now_ns)
            else:
                self._sets.settle(now_ns)

    def _is_on_time_base(
        self, track: SensorTrack, sample: SensorSample, stamp_ns: int, now_ns: int
    ) -> bool:
        """Return whether a stamp fits the clocks of the other sensors; note it if it does not."""
        received_ns = now_ns if sample.received_ns is None else sample.received_ns
        skew_ns = track.health.skew_ns = received_ns - stamp_ns
        if self.health.agrees(skew_ns):
            return True
        if self.health.settle_base(track.health):
            self._leave_time_base(now_ns)
        if self.health.agrees(skew_ns):
            return True
        track.counters.offset += 1
        self._reject_clock(track, skew_ns, now_ns)
        return False

    def _leave_time_base(self, now_ns: int) -> None:
        """Close what is under way and forget all samples: they are of the time base before.

        Sensors that are off the new base name no frame any more. The others have samples of the
        time before too: after stamps went back, a frame of them would be newer than all to come.
        """
        for track in self._tracks.values():
            if track.health.skew_ns is None or not self.health.agrees(track.health.skew_ns):
                track.forget()
        self._sets.restart(now_ns)
        for track in self._tracks.values():
            track.forget()

    def _reject_clock(self, track: SensorTrack, skew_ns: int | None, now_ns: int) -> None:
        track.health.skew_ns = skew_ns
        if track.health.reject_clock(now_ns):
            track.forget()
            self._sets.health_changed(now_ns)

    def _place(self, track: SensorTrack, sample: SensorSample, stamp_ns: int, now_ns: int) -> None:
        """Put an accepted sample where it belongs and close what it completes."""
        if self.health.all_lost:
            self.health.wake(now_ns)
        newest_ns = track.newest_ns
        delta_ns = 0
        if newest_ns is None or stamp_ns > newest_ns:
            delta_ns = track.advance_newest(stamp_ns)
        elif stamp_ns == newest_ns:
            track.counters.duplicate += 1
        elif stamp_ns < newest_ns - self._jump_back_ns:
            self._sets.jump(track, stamp_ns, now_ns)
        else:
            track.counters.out_of_order += 1
        fault = self._content.check(sample) if self._content else None
        if fault:
            track.counters.content += 1
            changed = track.health.reject_content(now_ns, delta_ns, fault)
        else:
            changed = stamp_ns != newest_ns and track.health.accept(now_ns, delta_ns)
        is_taken = not fault and not self._sets.is_too_late(track, stamp_ns, now_ns)
        if is_taken:
            # Before the frames look at the sensor with other eyes: they must see its sample.
            track.buffer.insert(stamp_ns, now_ns, sample)
        if changed:
            self._sets.health_changed(now_ns)
        if is_taken:
            self._sets.respond(track, stamp_ns, now_ns)
