"""Repeated timing of one call."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

MIN_REPETITIONS = 5


def time_call(call: Callable[[], object], seconds: float) -> list[float]:
    """Call again and again for about `seconds`; return the milliseconds of each call."""
    found_ms: list[float] = []
    end_s = time.perf_counter() + seconds
    while time.perf_counter() < end_s or len(found_ms) < MIN_REPETITIONS:
        start_ns = time.perf_counter_ns()
        call()
        found_ms.append((time.perf_counter_ns() - start_ns) / 1e6)
    return found_ms


def summary(values_ms: Sequence[float]) -> dict[str, float]:
    """Return minimum, median, 95th and 99th percentile, in milliseconds, and the count."""
    quantiles = np.percentile(values_ms, (0, 50, 95, 99))
    names = ('min_ms', 'p50_ms', 'p95_ms', 'p99_ms')
    found = {name: round(float(v), 2) for name, v in zip(names, quantiles, strict=True)}
    return {**found, 'count': len(values_ms)}
