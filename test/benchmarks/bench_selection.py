"""Which frames a slow network gets: fullest of the young ones, against newest and matched ones.

Simulates sensors, delays and drops on a clock that is only a number, so the table is the same on
every machine. Three rules feed the same network:

* `rule`: the collector holds slow sensors, `FrameSelector` chooses when the network is free;
* `newest`: no holding, the newest frame replaces the one that waits;
* `approximate`: sets of all sensors within a slop of 60 ms, as an ApproximateTimeSynchronizer
  with queues of 10 makes them; the newest set replaces the one that waits.

Run: python test/benchmarks/bench_selection.py [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from bench_sync import ProductMatcher

from mmseg_ros.core.config import SensorConfig, SyncConfig
from mmseg_ros.core.types import CloseReason, FrameSet, ImageData, Modality, SensorSample
from mmseg_ros.sync import Collector
from mmseg_ros.sync.selection import FrameSelector

START_NS = 1_000_000_000
SECONDS = 30.0
WARM_UP_S = 5.0
MAX_AGE_NS = 100_000_000


@dataclass(frozen=True)
class Case:
    """Rates in Hz, delays in seconds, share of samples that are lost."""

    name: str
    rates_hz: dict[Modality, float]
    network_hz: float
    delays_s: dict[Modality, float] = field(default_factory=dict)
    drops: dict[Modality, float] = field(default_factory=dict)


RIG = {'rgb': 30.0, 'depth': 30.0, 'lidar': 10.0}
CASES = (
    Case('camera 30, LiDAR 10, network 4 Hz', RIG, 4.0),
    Case('the same, network 10 Hz', RIG, 10.0),
    Case('the same, network 60 Hz', RIG, 60.0),
    Case('the same, network 1 Hz', RIG, 1.0),
    Case('LiDAR 90 ms late, network 4 Hz', RIG, 4.0, {'lidar': 0.09}),
    Case('10 % of the scans lost, network 4 Hz', RIG, 4.0, drops={'lidar': 0.1}),
    Case('10 % of all lost, network 10 Hz', RIG, 10.0, drops=dict.fromkeys(RIG, 0.1)),
    Case('camera 20, depth 15, LiDAR 10 Hz', {'rgb': 20.0, 'depth': 15.0, 'lidar': 10.0}, 8.0),
    Case('camera 10, depth 30, LiDAR 20 Hz', {'rgb': 10.0, 'depth': 30.0, 'lidar': 20.0}, 8.0),
    Case('camera 100, depth 60, LiDAR 5 Hz', {'rgb': 100.0, 'depth': 60.0, 'lidar': 5.0}, 20.0),
    Case('all at 10 Hz, network 5 Hz', dict.fromkeys(RIG, 10.0), 5.0),
)


def arrivals_of(case: Case) -> list[tuple[int, SensorSample]]:
    """Return (arrival, sample) of all sensors, in order; jitter of 2 ms, phases of their own."""
    rng = np.random.default_rng(7)
    payload = ImageData(None)  # type: ignore[arg-type]
    arrivals = []
    for sensor, rate_hz in case.rates_hz.items():
        phase_s = rng.uniform(0.0, 1.0 / rate_hz)
        for index in range(int(SECONDS * rate_hz)):
            if rng.random() < case.drops.get(sensor, 0.0):
                continue
            stamp_s = phase_s + index / rate_hz + rng.normal(0.0, 0.002)
            stamp_ns = START_NS + round(stamp_s * 1e9)
            delay_ns = round((0.01 + case.delays_s.get(sensor, 0.0)) * 1e9)
            arrivals.append((stamp_ns + delay_ns, SensorSample(sensor, stamp_ns, sensor, payload)))
    return sorted(arrivals, key=lambda arrival: arrival[0])


def collected(
    case: Case, arrivals: Iterable[tuple[int, SensorSample]], hold_s: float
) -> list[tuple[int, FrameSet]]:
    """Return (when it is there, frame) of the collector."""
    names = tuple(case.rates_hz)
    blocks = {name: SensorConfig(hold_s=hold_s) for name in names}
    collector = Collector(names, SyncConfig(content_checks=False), blocks)
    frames = []
    for now_ns, sample in arrivals:
        while (due_ns := collector.next_deadline_ns()) is not None and due_ns < now_ns:
            frames += [(due_ns, frame) for frame in collector.advance(due_ns)]
        frames += [(now_ns, frame) for frame in collector.add(sample, now_ns)]
    return frames


def matched(
    case: Case, arrivals: Iterable[tuple[int, SensorSample]]
) -> list[tuple[int, FrameSet]]:
    """Return (when it is there, frame) of complete sets within a slop."""
    names = tuple(case.rates_hz)
    matcher = ProductMatcher(names)
    frames = []
    for now_ns, sample in arrivals:
        found = matcher.add(sample)
        if found is not None:
            stamp_ns = found[names[0]].stamp_ns
            frame = FrameSet(names[0], stamp_ns, found, names, CloseReason.COMPLETE)
            frames.append((now_ns, frame))
    return frames


def processed(
    frames: list[tuple[int, FrameSet]], network_hz: float, max_age_ns: int
) -> list[tuple[int, FrameSet]]:
    """Return (end, frame) of what a network that takes 1 / `network_hz` per frame works on."""
    selector = FrameSelector(max_age_ns)
    cost_ns = round(1e9 / network_hz)
    results, free_ns, index = [], 0, 0
    while index < len(frames) or len(selector):
        if not len(selector):
            free_ns = max(free_ns, frames[index][0])
        while index < len(frames) and frames[index][0] <= free_ns:
            selector.add(frames[index][1])
            index += 1
        chosen = selector.choose()
        if chosen is not None:
            free_ns += cost_ns
            results.append((free_ns, chosen))
    return results


def measured(case: Case, results: list[tuple[int, FrameSet]]) -> dict[str, object]:
    """Return results per second, share with each sensor, scans used per second, median ages."""
    begin_ns = START_NS + round(WARM_UP_S * 1e9)
    steady = [(end_ns, frame) for end_ns, frame in results if frame.stamp_ns >= begin_ns]
    if not steady:
        return {'results_hz': 0.0, 'shares': {}, 'age_ms': None, 'latency_ms': None, 'scans_hz': 0}
    span_s = SECONDS - WARM_UP_S
    counts = Counter(name for _, frame in steady for name in frame.samples)
    ages = [abs(age) / 1e6 for _, frame in steady for age in frame.ages_ns.values() if age]
    scans = {frame.samples['lidar'].stamp_ns for _, frame in steady if 'lidar' in frame.samples}
    return {
        'results_hz': len(steady) / span_s,
        'shares': {name: counts[name] / len(steady) for name in case.rates_hz},
        'scans_hz': len(scans) / span_s,
        'age_ms': statistics.median(ages) if ages else 0.0,
        'latency_ms': statistics.median((end - frame.stamp_ns) / 1e6 for end, frame in steady),
    }


def rows_of(case: Case) -> dict[str, dict[str, object]]:
    """Return the figures of the three rules."""
    arrivals = arrivals_of(case)
    rules: dict[str, Callable[[], list[tuple[int, FrameSet]]]] = {
        'rule': lambda: processed(collected(case, arrivals, -1.0), case.network_hz, MAX_AGE_NS),
        'newest': lambda: processed(collected(case, arrivals, 0.0), case.network_hz, 0),
        'approximate': lambda: processed(matched(case, arrivals), case.network_hz, 0),
    }
    return {name: measured(case, run()) for name, run in rules.items()}


def main() -> None:
    """Print one line per case and rule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--json', type=Path, help='write the numbers to this file')
    arguments = parser.parse_args()
    print(f'{"case":40} {"rule":12} results/s  scans/s  share with each sensor      age  latency')
    rows = []
    for case in CASES:
        for rule, row in rows_of(case).items():
            rows.append({'case': case.name, 'rule': rule, **row})
            shares = ' '.join(f'{k} {v:4.0%}' for k, v in row['shares'].items())  # type: ignore
            age, latency = row['age_ms'], row['latency_ms']
            times = '' if age is None else f'{age:5.0f} ms {latency:5.0f} ms'
            print(
                f'{case.name:40} {rule:12} {row["results_hz"]:9.1f} {row["scans_hz"]:8.1f}  '
                f'{shares:33} {times}'
            )
    if arguments.json:
        result = {'python': platform.python_version(), 'rows': rows}
        arguments.json.write_text(json.dumps(result, indent=2) + '\n')


if __name__ == '__main__':
    main()
