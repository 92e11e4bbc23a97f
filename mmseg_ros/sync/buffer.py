"""Unclaimed samples of one sensor, sorted by stamp."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from mmseg_ros.core.limits import EVENT_BYTES
from mmseg_ros.core.types import CloudData, DepthData, EventData, ImageData, Payload, SensorSample


class SampleBuffer:
    """A short list of samples ordered by stamp, bounded in samples and in bytes.

    Attributes:
        limit: Most samples that are kept. limit_bytes: Most bytes of their content, if limited.
        stamps: Matching stamps in nanoseconds, ascending, each once.
        arrivals: When the sample of the same index arrived, nanoseconds on the node's clock.
        samples: The samples themselves.
    """

    __slots__ = ('_held_bytes', 'arrivals', 'limit', 'limit_bytes', 'samples', 'stamps')

    def __init__(self, limit: int, limit_bytes: int | None = None) -> None:
        self.limit = limit
        self.limit_bytes = limit_bytes
        self._held_bytes = 0
        self.stamps: list[int] = []
        self.arrivals: list[int] = []
        self.samples: list[SensorSample] = []

    @property
    def is_over(self) -> bool:
        """Return whether more is kept than allowed; one sample always is."""
        count = len(self.stamps)
        if count > self.limit:
            return True
        return count > 1 and self.limit_bytes is not None and self._held_bytes > self.limit_bytes

    def insert(self, stamp_ns: int, arrival_ns: int, sample: SensorSample) -> bool:
        """Insert a sample; return False if it replaced one of the same stamp (the newest wins)."""
        stamps = self.stamps
        self._held_bytes += payload_bytes(sample.payload)
        if not stamps or stamp_ns > stamps[-1]:
            stamps.append(stamp_ns)
            self.arrivals.append(arrival_ns)
            self.samples.append(sample)
            return True
        index = bisect_left(stamps, stamp_ns)
        if stamps[index] == stamp_ns:
            self._held_bytes -= payload_bytes(self.samples[index].payload)
            self.samples[index] = sample
            return False
        stamps.insert(index, stamp_ns)
        self.arrivals.insert(index, arrival_ns)
        self.samples.insert(index, sample)
        return True

    def nearest(self, target_ns: int, low_ns: int, high_ns: int) -> int:
        """Return the index of the sample in [low, high] nearest to the target, or -1.

        Of two samples at the same distance the one that arrived first is taken.
        """
        stamps = self.stamps
        if len(stamps) == 1:
            return 0 if low_ns <= stamps[0] <= high_ns else -1
        after = bisect_left(stamps, target_ns)
        best = after if after < len(stamps) and stamps[after] <= high_ns else -1
        if after == 0 or stamps[after - 1] < low_ns:
            return best
        if best < 0:
            return after - 1
        before_distance = target_ns - stamps[after - 1]
        after_distance = stamps[after] - target_ns
        if before_distance == after_distance:
            return after - 1 if self.arrivals[after - 1] <= self.arrivals[after] else after
        return after - 1 if before_distance < after_distance else after

    def first_after(self, stamp_ns: int) -> int:
        """Return the index of the first sample newer than the stamp; the length if none is."""
        return bisect_right(self.stamps, stamp_ns)

    def drop_first(self, count: int) -> None:
        """Forget the oldest `count` samples."""
        if count > 0:
            self._held_bytes -= sum(payload_bytes(item.payload) for item in self.samples[:count])
            del self.stamps[:count]
            del self.arrivals[:count]
            del self.samples[:count]

    def drop_before(self, stamp_ns: int) -> int:
        """Forget samples older than the stamp; return how many."""
        if not self.stamps or self.stamps[0] >= stamp_ns:
            return 0
        count = bisect_left(self.stamps, stamp_ns)
        self.drop_first(count)
        return count

    def clear(self) -> None:
        """Forget everything."""
        self.drop_first(len(self.stamps))

    def __len__(self) -> int:
        return len(self.stamps)


def payload_bytes(payload: Payload) -> int:
    """Return how much memory the arrays of a payload take; 0 for one without arrays."""
    if isinstance(payload, EventData):
        return EVENT_BYTES * len(payload.stamp_ns)
    if isinstance(payload, CloudData):
        stamps = payload.point_stamp_ns
        return int(payload.points.nbytes) + (0 if stamps is None else int(stamps.nbytes))
    if isinstance(payload, ImageData):
        return int(getattr(payload.pixels, 'nbytes', 0))
    # A message_filters input passes messages through undecoded.
    return int(payload.depth_m.nbytes) if isinstance(payload, DepthData) else 0
