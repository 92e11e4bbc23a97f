"""Stage timing of the frame path."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

import numpy as np

_PERCENT = (50, 95, 99)


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
        clock_ns: What is measured; the time that passes unless told otherwise.

    >>> timer = StageTimer()
    >>> with timer.stage('infer'):
    ...     pass
    >>> sorted(timer.stage_ms)
    ['infer']
    """

    def __init__(
        self,
        watch: StageWatch | None = None,
        clock_ns: Callable[[], int] | None = None,
    ) -> None:
        self.stage_ms: dict[str, float] = {}
        self._watch = watch or StageWatch()
        self._clock_ns = clock_ns or time.perf_counter_ns

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time spent inside the block to stage `name`, in milliseconds."""
        start_ns = self._clock_ns()
        try:
            with self._watch.working_on(name):
                yield
        finally:
            elapsed_ms = (self._clock_ns() - start_ns) / 1e6
            self.stage_ms[name] = self.stage_ms.get(name, 0.0) + elapsed_ms


class StageStatistics:
    """Percentiles of the last `window` frames, per stage."""

    def __init__(self, window: int = 300) -> None:
        self._window = window
        self._values: dict[str, deque[tuple[float, float]]] = {}

    def add(self, stage_ms: Mapping[str, float], now_s: float | None = None) -> None:
        """Add one frame's stage times, in milliseconds, as of now."""
        now_s = time.monotonic() if now_s is None else now_s
        for name, value in stage_ms.items():
            self._values.setdefault(name, deque(maxlen=self._window)).append((now_s, value))

    def percentiles_ms(
        self,
        within_s: float | None = None,
        now_s: float | None = None,
        names: Collection[str] | None = None,
    ) -> dict[str, dict[str, float]]:
        """Return {stage: {'p50', 'p95', 'p99'}} in milliseconds.

        Args:
            within_s: Only frames of the last seconds; stages without any are left out.
            now_s: The monotonic clock, by default as it is.
            names: Only these stages.
        """
        now_s = time.monotonic() if now_s is None else now_s
        oldest_s = -float('inf') if within_s is None else now_s - within_s
        recent = {
            name: [value for at_s, value in list(values) if at_s >= oldest_s]
            for name, values in list(self._values.items())
            if names is None or name in names
        }
        return {name: _quantiles(values) for name, values in recent.items() if values}


def _quantiles(values: list[float]) -> dict[str, float]:
    # One sort for all of them: reports are made in the thread that takes messages in.
    found = np.percentile(np.array(values), _PERCENT)
    return {f'p{q}': float(value) for q, value in zip(_PERCENT, found, strict=True)}
