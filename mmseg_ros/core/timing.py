"""Stage timing of the frame path."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np


class StageWatch:
    """Which stages are being worked on now, by whichever threads.

    Attributes:
        failed: The last stage that raised; '' if none has.
    """

    def __init__(self) -> None:
        self.failed = ''
        self._began_s: dict[str, float] = {}

    @contextmanager
    def working_on(self, name: str) -> Iterator[None]:
        """Note that a stage is under way inside the block."""
        self._began_s[name] = time.monotonic()
        try:
            yield
        except BaseException:
            self.failed = name
            raise
        finally:
            self._began_s.pop(name, None)

    def longest(self) -> tuple[str, float]:
        """Return the stage that takes longest by now, and its seconds; ('', 0) if none does."""
        now_s = time.monotonic()
        running = [(now_s - began_s, name) for name, began_s in list(self._began_s.items())]
        seconds, name = max(running, default=(0.0, ''))
        return name, seconds


class StageTimer:
    """Collects the duration of named stages of one frame.

    Args:
        watch: Told which stage is under way.

    >>> timer = StageTimer()
    >>> with timer.stage('infer'):
    ...     pass
    >>> sorted(timer.stage_ms)
    ['infer']
    """

    def __init__(self, watch: StageWatch | None = None) -> None:
        self.stage_ms: dict[str, float] = {}
        self._watch = watch or StageWatch()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time spent inside the block to stage `name`, in milliseconds."""
        start_ns = time.perf_counter_ns()
        try:
            with self._watch.working_on(name):
                yield
        finally:
            elapsed_ms = (time.perf_counter_ns() - start_ns) / 1e6
            self.stage_ms[name] = self.stage_ms.get(name, 0.0) + elapsed_ms


class StageStatistics:
    """Percentiles of the last `window` frames, per stage."""

    def __init__(self, window: int = 300) -> None:
        self._window = window
        self._values_ms: dict[str, deque[float]] = {}

    def add(self, stage_ms: Mapping[str, float]) -> None:
        """Add one frame's stage times, in milliseconds."""
        for name, value in stage_ms.items():
            self._values_ms.setdefault(name, deque(maxlen=self._window)).append(value)

    def percentiles_ms(self) -> dict[str, dict[str, float]]:
        """Return {stage: {'p50', 'p95', 'p99'}} in milliseconds."""
        return {
            name: {f'p{q}': float(np.percentile(values, q)) for q in (50, 95, 99)}
            for name, values in self._values_ms.items()
        }
