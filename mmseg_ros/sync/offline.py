"""The collector on header time: a replay gives the same frames at any speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmseg_ros.core.config import EVENT_WINDOW_S, SensorConfig, SyncConfig
from mmseg_ros.core.types import FrameSet, Modality, SensorSample
from mmseg_ros.sync.collector import Collector
from mmseg_ros.sync.counters import CollectorCounters
from mmseg_ros.sync.health import HealthReport


class OfflineCollector:
    """A collector whose clock is a watermark made of the header stamps.

    The clock follows the furthest of the sensors, each from where it joined. A sensor whose stamps
    lie off by more than the offset limit, or jump by as much, does not drag the clock along. A
    deadline has passed when the watermark has passed it, so only the order of the samples matters.

    Samples that carry `received_ns` (the log time of a bag) are judged by it for clock offsets.

    Args:
        modalities: Names of the sensors, in the order of the bundle.
        sync: How samples become frames.
        sensors: One block per modality; a missing one has the defaults.
        event_window_s: Length of the event window that ends at the stamp of a frame, in seconds.

    Attributes:
        now_ns: The watermark; None before the first sample.
    """

    def __init__(
        self,
        modalities: Sequence[Modality],
        sync: SyncConfig,
        sensors: Mapping[Modality, SensorConfig],
        event_window_s: float = EVENT_WINDOW_S,
    ) -> None:
        self._collector = Collector(modalities, sync, sensors, event_window_s)
        self._limit_ns = round(sync.offset_limit_s * 1e9)
        self._bias_ns: dict[Modality, int] = {}
        self.now_ns: int | None = None

    @property
    def counters(self) -> CollectorCounters:
        """What became of every sample and set."""
        return self._collector.counters

    def add(self, sample: SensorSample) -> list[FrameSet]:
        """Take the next sample in recorded order and return the frames that closed."""
        now_ns = self._advance_watermark(sample.modality, sample.stamp_ns)
        return self._collector.add(sample, now_ns)

    def flush(self) -> list[FrameSet]:
        """Close and return everything that is still open."""
        return self._collector.flush()

    def reports(self) -> Mapping[Modality, HealthReport]:
        """Return what is known about every sensor at the watermark."""
        return self._collector.health.reports(self.now_ns or 0)

    def _advance_watermark(self, modality: Modality, stamp_ns: int) -> int:
        if self.now_ns is None:
            self.now_ns = stamp_ns
        ahead_ns = stamp_ns - self._bias_ns.setdefault(modality, 0) - self.now_ns
        if abs(ahead_ns) > self._limit_ns:
            self._bias_ns[modality] += ahead_ns
        elif ahead_ns > 0:
            self.now_ns += ahead_ns
        return self.now_ns
