"""The default network as the node runs it, beside torch eager of StitchFusion-B0.

Both get the same random images of all four sensors and run in turn in one process, all threads.

Run: python test/benchmarks/bench_default_network.py [--int8 BUNDLE] [--seconds 20] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_ros.benchmark.machine import describe_machine, describe_software, now, steal_between
from mmseg_ros.benchmark.timing import summary
from mmseg_ros.core.atomic_files import write_text
from mmseg_ros.inference.backend import create_runtime
from mmseg_ros.inference.bundle import load_bundle
from mmseg_ros.inference.routed_backend import RoutedBackend

CASES = {
    'default, openvino': ('stitchfusion-lite0-sim', 'openvino'),
    'default, torch eager': ('stitchfusion-lite0-sim', 'torch'),
    'StitchFusion-B0, torch eager': ('stitchfusion-b0-sim', 'torch'),
}
INT8 = 'int8, openvino'
COMPARED = 'StitchFusion-B0, torch eager'
GOAL = 4.0


def loaded(bundle_name: str, backend_name: str) -> RoutedBackend:
    """Return a backend with the graph of all sensors compiled."""
    backend = RoutedBackend(create_runtime(backend_name))
    backend.load(load_bundle(bundle_name))
    backend.warm_up()
    backend.settle()
    return backend


def run(seconds: float, int8: str = '') -> dict[str, Any]:
    """Measure for `seconds` and return the report."""
    machine = describe_machine()
    cases = CASES | ({INT8: (int8, 'openvino')} if int8 else {})
    backends = {name: loaded(*case) for name, case in cases.items()}
    shapes = {
        (len(m.modalities), m.height, m.width, 3)
        for bundle, _ in cases.values()
        for m in [load_bundle(bundle).manifest]
    }
    (shape,) = shapes  # one input for all
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    available = np.ones(shape[0], bool)
    times_ms: dict[str, list[float]] = {name: [] for name in cases}
    before, end_s = Path('/proc/stat').read_text(), time.perf_counter() + seconds
    while time.perf_counter() < end_s:
        for name, backend in backends.items():
            began_ns = time.perf_counter_ns()
            backend.infer(images, available)
            times_ms[name].append((time.perf_counter_ns() - began_ns) / 1e6)
    steal = steal_between(before, Path('/proc/stat').read_text())
    rows = {name: summary(values) for name, values in times_ms.items()}
    compared_ms = rows[COMPARED]['p50_ms']
    return {
        'created': now(),
        'machine': machine,
        'software': describe_software(),
        'input': list(shape),
        'steal': steal,
        'rows': rows,
        'faster': {name: round(compared_ms / row['p50_ms'], 2) for name, row in rows.items()},
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seconds', type=float, default=20.0)
    parser.add_argument('--int8', default='', metavar='BUNDLE', help='the same network in int8')
    parser.add_argument('--json', type=Path, help='write the numbers to this file')
    arguments = parser.parse_args()
    report = run(arguments.seconds, arguments.int8)
    if arguments.json:
        write_text(arguments.json, json.dumps(report, indent=2) + '\n')
    for name, row in report['rows'].items():
        times = f'{row["min_ms"]} / {row["p50_ms"]} ms (minimum / median)'
        sys.stdout.write(f'{name}: {times}, {report["faster"][name]} times as fast\n')
    sys.stdout.write(f'goal {GOAL} times {COMPARED}; steal {report["steal"]}\n')


if __name__ == '__main__':
    main()
