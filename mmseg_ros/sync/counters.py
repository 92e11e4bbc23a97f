"""What the collector did with every sample and every frame."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from mmseg_ros.core.types import CloseReason, Modality

DROP_CAUSES: Mapping[str, str] = MappingProxyType(
    {
        'late': 'came after their frame was emitted',
        'duplicate': 'same stamp as an earlier one',
        'out_of_order': 'older than an earlier one',
        'surplus': 'another sample was nearer to the frame',
        'overflow': 'the buffer was full',
        'invalid_stamp': 'stamp zero or negative',
        'offset': 'clock disagrees with the other sensors',
        'content': 'nothing usable in them',
    }
)
"""Counter of dropped samples -> what reports say about it."""
LATENESS_EDGES_MS: tuple[int, ...] = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(slots=True)
class SensorCounters:
    """Counts for one sensor, in samples.

    Attributes:
        received: All that came. used: Handed over in a frame.
        held: Uses of a sample in further frames.
        late: Came after the frame they belong to had closed.
        duplicate: Same stamp as an earlier one. out_of_order: Older than an earlier one.
        surplus: Dropped because another sample of the sensor was nearer or no frame was near.
        overflow: Dropped because the buffer was full.
        invalid_stamp: Rejected, stamp zero or negative. offset: Rejected, clock disagrees.
        content: Rejected, nothing usable in them. gap: Event windows with lost packets.
        jumps: How often the stamps jumped back.
        lateness: How late, as one count per bin of `LATENESS_EDGES_MS`, the last bin open.
    """

    received: int = 0
    used: int = 0
    held: int = 0
    late: int = 0
    duplicate: int = 0
    out_of_order: int = 0
    surplus: int = 0
    overflow: int = 0
    invalid_stamp: int = 0
    offset: int = 0
    content: int = 0
    gap: int = 0
    jumps: int = 0
    lateness: list[int] = field(default_factory=lambda: [0] * (len(LATENESS_EDGES_MS) + 1))

    @property
    def drops(self) -> dict[str, int]:
        """Return the number of dropped samples by cause, without zeros."""
        counts = {cause: int(getattr(self, name)) for name, cause in DROP_CAUSES.items()}
        return {cause: count for cause, count in counts.items() if count}

    def count_late(self, lateness_ns: int) -> None:
        """Count one late sample that came `lateness_ns` after its frame had closed."""
        self.late += 1
        self.lateness[bisect_left(LATENESS_EDGES_MS, lateness_ns / 1e6)] += 1

    def lateness_quantile_ms(self, quantile: float) -> float:
        """Return the upper edge of the bin that holds the quantile; 0 if nothing was late."""
        wanted = quantile * self.late
        seen = 0
        for edge, count in zip(LATENESS_EDGES_MS, self.lateness, strict=False):
            seen += count
            if seen >= wanted:
                return float(edge) if self.late else 0.0
        return float('inf')


@dataclass(slots=True)
class CollectorCounters:
    """Counts over all sensors.

    Attributes:
        sensors: Per sensor.
        closed: Frames emitted, by reason. subsets: Frames emitted, by the modalities in them.
        below_minimum: Frames not emitted because they had too few samples.
    """

    sensors: dict[Modality, SensorCounters]
    closed: Counter[CloseReason] = field(default_factory=Counter)
    subsets: Counter[tuple[Modality, ...]] = field(default_factory=Counter)
    below_minimum: int = 0
