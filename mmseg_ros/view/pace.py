"""How often the page shows the cloud, and how many of its points, by what the cores have left.

A browser without a GPU draws on the processor: for a quarter of a second after each change of the
3-D view as fast as it can, with work for each point. On the node's cores that is the node's loss.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_STAT = Path('/proc/stat')
_LOOK_S = 1.0
_BUSY_CORES, _FREE_CORES = 0.35, 1.0
"""Idle cores below which the next step is taken, and above which the one before is: more than
what a step back may cost."""


@dataclass(frozen=True, slots=True)
class Step:
    """Least time between two clouds in seconds, and the most points of one."""

    period_s: float
    points: int


STEPS = (Step(0.0, 20_000), Step(0.5, 20_000), Step(1.0, 10_000), Step(2.0, 5_000))
"""From a machine with cores to spare to one that has none."""


class IdleCores:
    """Counts the cores that had nothing to do since the call before, from Linux' statistics.

    Args:
        statistics: The kernel's file. cores: Of the machine.
    """

    def __init__(self, statistics: Path = _STAT, cores: int | None = None) -> None:
        self._statistics = statistics
        self._cores = cores or os.cpu_count() or 1
        self._before = self._read()

    def __call__(self) -> float | None:
        """Return the mean number of idle cores; None where the kernel does not tell."""
        before, self._before = self._before, self._read()
        if before is None or self._before is None:
            return None
        idle, total = (now - then for now, then in zip(self._before, before, strict=True))
        return self._cores * idle / total if total > 0 else None

    def _read(self) -> tuple[float, float] | None:
        """Return the idle time and all time of the cores together since the machine started."""
        try:
            first = self._statistics.read_text().split('\n', 1)[0]
            ticks = [float(value) for value in first.split()[1:9]]
            return ticks[3] + ticks[4], sum(ticks)
        except (OSError, IndexError, ValueError):
            return None


class Pace:
    """Says when the next cloud is due.

    Args:
        idle_cores: Returns the cores that were idle since its last call, or None.
        clock: Returns the time in seconds.

    Attributes:
        step: The step of `STEPS` that holds now.
    """

    def __init__(
        self,
        idle_cores: Callable[[], float | None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._idle_cores = idle_cores if idle_cores is not None else IdleCores()
        self._clock = clock
        self._at = 0
        self._looked_s = clock()
        self._sent_s = float('-inf')

    @property
    def step(self) -> Step:
        """Return the step that holds now."""
        return STEPS[self._at]

    def due(self) -> bool:
        """Return whether a cloud may be sent now; if so it counts as sent."""
        now_s = self._clock()
        if now_s - self._looked_s >= _LOOK_S:
            self._looked_s = now_s
            self._choose(self._idle_cores())
        if now_s - self._sent_s < self.step.period_s:
            return False
        self._sent_s = now_s
        return True

    def _choose(self, idle: float | None) -> None:
        if idle is None:
            return
        if idle < _BUSY_CORES:
            self._at = min(self._at + 1, len(STEPS) - 1)
        elif idle > _FREE_CORES:
            self._at = max(self._at - 1, 0)
