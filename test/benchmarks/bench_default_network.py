"""The default network as the node runs it, beside torch eager of StitchFusion-B0.

Both get the same random images of all four sensors and run in turn in one process, all threads.

Run: python test/benchmarks/bench_default_network.py [--seconds 20] [--json FILE]
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
GOAL = 4.0


def loaded(bundle_name: str, backend_name: str) -> RoutedBackend:
    """Return a backend with the graph of all sensors compiled."""
    backend = RoutedBackend(create_runtime(backend_name))
    backend.load(load_bundle(bundle_name))
    backend.warm_up()
    backend.settle()
    return backend


def run(seconds: float) -> dict[str, Any]:
    """Measure for `seconds` and return the report."""
    machine = describe_machine()
    backends = {name: loaded(*case) for name, case in CASES.items()}
    shapes = {
        (len(m.modalities), m.height, m.width, 3)
        for bundle, _ in CASES.values()
        for m in [load_bundle(bundle).manifest]
    }
    (shape,) = shapes  # one input for all
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    available = np.ones(shape[0], bool)
    times_ms: dict[str, list[float]] = {name: [] for name in CASES}
    before, end_s = Path('/proc/stat').read_text(), time.perf_counter() + seconds
    while time.perf_counter() < end_s:
        for name, backend in backends.items():
            began_ns = time.perf_counter_ns()
            backend.infer(images, available)
            times_ms[name].append((time.perf_counter_ns() - began_ns) / 1e6)
    steal = steal_between(before, Path('/proc/stat').read_text())
    rows = {name: summary(values) for name, values in times_ms.items()}
    medians = [rows[name]['p50_ms'] for name in CASES]
    return {
        'created': now(),
        'machine': machine,
        'software': describe_software(),
        'input': list(shape),
        'steal': steal,
        'rows': rows,
        'faster': round(medians[-1] / medians[0], 2),
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seconds', type=float, default=20.0)
    parser.add_argument('--json', type=Path, help='write the numbers to this file')
    arguments = parser.parse_args()
    report = run(arguments.seconds)
    if arguments.json:
        write_text(arguments.json, json.dumps(report, indent=2) + '\n')
    for name, row in report['rows'].items():
        sys.stdout.write(f'{name}: {row["min_ms"]} / {row["p50_ms"]} ms (minimum / median)\n')
    sys.stdout.write(f'{report["faster"]} times as fast, goal {GOAL}; steal {report["steal"]}\n')


if __name__ == '__main__':
    main()
