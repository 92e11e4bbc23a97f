"""Samples per second through the collector, beside matching over all combinations.

Run: python test/benchmarks/bench_sync.py [--json FILE]
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from mmseg_ros.core.config import SensorConfig, SyncConfig
from mmseg_ros.core.types import ImageData, SensorSample
from mmseg_ros.sync import Collector

START_NS = 1_000_000_000
RATE_HZ = 1000
SAMPLES = 40_000
REPEATS = 5


def make_arrivals(sensors: int, samples: int, lag_ns: int) -> list[tuple[int, SensorSample]]:
    """Return (arrival, sample) of sensors at 1 kHz; the last one's samples arrive late."""
    payload = ImageData(None)  # type: ignore[arg-type]
    arrivals = []
    for sensor in range(sensors):
        name = f's{sensor}'
        for index in range(samples // sensors):
            stamp_ns = START_NS + index * 1_000_000_000 // RATE_HZ + sensor * 1000
            late_ns = lag_ns if sensor == sensors - 1 else 0
            arrivals.append((stamp_ns + late_ns, SensorSample(name, stamp_ns, name, payload)))
    return sorted(arrivals, key=lambda arrival: arrival[0])


def run_collector(sensors: int, arrivals: list[tuple[int, SensorSample]]) -> int:
    """Return the number of full sets."""
    names = tuple(f's{sensor}' for sensor in range(sensors))
    collector = Collector(
        names, SyncConfig(content_checks=False), {name: SensorConfig() for name in names}
    )
    full = 0
    for now_ns, sample in arrivals:
        for frame in collector.add(sample, now_ns):
            full += len(frame.samples) == sensors
    return full


def run_product_matcher(
    sensors: int,
    arrivals: list[tuple[int, SensorSample]],
    slop_ns: int = 60_000_000,
    depth: int = 10,
) -> int:
    """Return the number of full sets of a matcher that tries every combination in the queues."""
    queues: dict[str, deque[SensorSample]] = {
        f's{sensor}': deque(maxlen=depth) for sensor in range(sensors)
    }
    full = 0
    for _, sample in arrivals:
        queues[sample.modality].append(sample)
        near = [
            [other for other in queue if abs(other.stamp_ns - sample.stamp_ns) <= slop_ns]
            for queue in queues.values()
        ]
        if not all(near):
            continue
        best = min(
            itertools.product(*near),
            key=lambda group: max(s.stamp_ns for s in group) - min(s.stamp_ns for s in group),
        )
        full += 1
        for member in best:
            queues[member.modality].remove(member)
    return full


def samples_per_second(
    run: Callable[[int, list[tuple[int, SensorSample]]], int], sensors: int, lag_ns: int
) -> float:
    """Return the best of several repetitions, in samples per second of processor time."""
    slow = run is run_product_matcher and lag_ns > 0 and sensors > 2
    arrivals = make_arrivals(sensors, SAMPLES // 100 if slow else SAMPLES, lag_ns)
    best_s = float('inf')
    for _ in range(1 if slow else REPEATS):
        begin_s = time.process_time()
        run(sensors, arrivals)
        best_s = min(best_s, time.process_time() - begin_s)
    return len(arrivals) / best_s


def main() -> None:
    """Print one line per number of sensors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--json', type=Path, help='write the numbers to this file')
    arguments = parser.parse_args()
    rows = []
    print('sensors  last one late by  collector [samples/s]  all combinations [samples/s]')
    for sensors, lag_ms in itertools.product((2, 4, 8, 16), (0, 5)):
        # Nine samples wait in every queue by then: with 8 sensors that is 9**7 combinations.
        hopeless = lag_ms > 0 and sensors > 4
        row = {
            'sensors': sensors,
            'lag_ms': lag_ms,
            'collector': samples_per_second(run_collector, sensors, lag_ms * 1_000_000),
            'all_combinations': None
            if hopeless
            else samples_per_second(run_product_matcher, sensors, lag_ms * 1_000_000),
        }
        rows.append(row)
        other = 'not finished' if hopeless else f'{row["all_combinations"]:,.0f}'
        print(f'{sensors:7d} {lag_ms:13d} ms {row["collector"]:22,.0f} {other:>29}', flush=True)
    if arguments.json:
        result = {'python': platform.python_version(), 'machine': platform.machine(), 'rows': rows}
        arguments.json.write_text(json.dumps(result, indent=2) + '\n')


if __name__ == '__main__':
    main()
