"""Samples per second through the collector, beside matchers that go through combinations.

message_filters joins in where it is installed.

Run: python test/benchmarks/bench_sync.py [--json FILE]
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

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


class ProductMatcher:
    """Makes full sets by going through the combinations of the queues.

    Per sample it sorts what is within the slop in every other queue and takes the first
    combination whose span is within the slop: the class of work of an ApproximateTimeSynchronizer.
    """

    def __init__(self, names: Sequence[str], slop_ns: int = 60_000_000, depth: int = 10) -> None:
        self._queues: dict[str, dict[int, SensorSample]] = {name: {} for name in names}
        self._slop_ns = slop_ns
        self._depth = depth

    def add(self, sample: SensorSample) -> dict[str, SensorSample] | None:
        """Take a sample; return the set that it completes, by sensor."""
        queues, slop_ns, now_ns = self._queues, self._slop_ns, sample.stamp_ns
        own = queues[sample.modality]
        own[now_ns] = sample
        while len(own) > self._depth:
            del own[min(own)]
        near = [
            sorted(
                (stamp for stamp in queue if abs(stamp - now_ns) <= slop_ns),
                key=lambda stamp: abs(stamp - now_ns),
            )
            for name, queue in queues.items()
            if name != sample.modality
        ]
        place = list(queues).index(sample.modality)
        for group in itertools.product(*near):
            stamps = [*group[:place], now_ns, *group[place:]]
            if max(stamps) - min(stamps) < slop_ns:
                return {
                    name: queue.pop(stamp)
                    for (name, queue), stamp in zip(queues.items(), stamps, strict=True)
                }
        return None


def run_product_matcher(sensors: int, arrivals: list[tuple[int, SensorSample]]) -> int:
    """Return the number of full sets."""
    matcher = ProductMatcher([f's{sensor}' for sensor in range(sensors)])
    return sum(matcher.add(sample) is not None for _, sample in arrivals)


def run_message_filters(sensors: int, arrivals: list[tuple[int, SensorSample]]) -> int:
    """Return the number of full sets of message_filters' ApproximateTimeSynchronizer."""
    import message_filters
    from rclpy.time import Time

    inputs = {f's{sensor}': message_filters.SimpleFilter() for sensor in range(sensors)}
    unit = message_filters.ApproximateTimeSynchronizer(list(inputs.values()), 10, 0.06)
    full: list[int] = []
    unit.registerCallback(lambda *messages: full.append(len(messages)))
    for _, sample in arrivals:
        header = SimpleNamespace(stamp=Time(nanoseconds=sample.stamp_ns))
        inputs[sample.modality].signalMessage(SimpleNamespace(header=header))
    return len(full)


def samples_per_second(
    run: Callable[[int, list[tuple[int, SensorSample]]], int],
    sensors: int,
    lag_ns: int,
    samples: int,
) -> float:
    """Return the best of several repetitions, in samples per second of processor time."""
    arrivals = make_arrivals(sensors, samples, lag_ns)
    best_s = float('inf')
    for _ in range(REPEATS):
        begin_s = time.process_time()
        run(sensors, arrivals)
        best_s = min(best_s, time.process_time() - begin_s)
    return len(arrivals) / best_s


def main() -> None:
    """Print one line per number of sensors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--json', type=Path, help='write the numbers to this file')
    arguments = parser.parse_args()
    others: dict[str, Callable[[int, list[tuple[int, SensorSample]]], int]]
    others = {'combinations': run_product_matcher}
    if importlib.util.find_spec('message_filters'):
        others['message_filters'] = run_message_filters
    print('samples per second of processor time')
    print('sensors  last late by   collector  ' + '  '.join(f'{name:>15}' for name in others))
    rows = []
    for sensors, lag_ms in itertools.product((2, 4, 8, 16), (0, 5)):
        lag_ns = lag_ms * 1_000_000
        row = {
            'sensors': sensors,
            'lag_ms': lag_ms,
            'collector': samples_per_second(run_collector, sensors, lag_ns, SAMPLES),
            **{
                name: samples_per_second(run, sensors, lag_ns, SAMPLES // 20)
                for name, run in others.items()
            },
        }
        rows.append(row)
        numbers = '  '.join(f'{row[name]:15,.0f}' for name in others)
        print(f'{sensors:7d} {lag_ms:9d} ms {row["collector"]:11,.0f}  {numbers}', flush=True)
    if arguments.json:
        result = {'python': platform.python_version(), 'machine': platform.machine(), 'rows': rows}
        arguments.json.write_text(json.dumps(result, indent=2) + '\n')


if __name__ == '__main__':
    main()
