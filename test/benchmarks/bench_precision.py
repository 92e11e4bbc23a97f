"""One network in several precisions: time per frame, and mIoU as the bundles' manifests tell it.

Run: python test/benchmarks/bench_precision.py BUNDLE... [--runs 30] [--json FILE]

All graphs are compiled first and run in turn, so that a busy moment of the machine meets all.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_models.export.card import DEPLOYED
from mmseg_ros.benchmark.machine import describe_bundle, describe_machine, describe_software, now
from mmseg_ros.benchmark.timing import summary
from mmseg_ros.core.subsets import subset_name
from mmseg_ros.core.types import Modality
from mmseg_ros.inference.backend import create_runtime
from mmseg_ros.inference.bundle import Bundle, load_bundle
from mmseg_ros.inference.graph import Graph

RUNTIMES = ('openvino', 'onnxruntime')
WARM_UP_RUNS = 3

Row = dict[str, Any]


def subsets_of(bundle: Bundle) -> list[tuple[Modality, ...]]:
    """Return all modalities, and the first alone."""
    names = bundle.manifest.modality_names
    return [names, names[:1]]


def compiled(bundle: Bundle) -> list[tuple[Row, Graph, Any, Any]]:
    """Return what is known of each measurement, its graph and its inputs."""
    manifest = bundle.manifest
    shape = (len(manifest.modalities), manifest.height, manifest.width, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    file_of = {subset: file for file, served in manifest.subsets.items() for subset in served}
    found = []
    for runtime in RUNTIMES:
        for subset in subsets_of(bundle):
            scores = manifest.metrics.get(DEPLOYED, {}).get(runtime, {})
            row = {
                'bundle': manifest.name,
                'precision': manifest.precision,
                'runtime': runtime,
                'subset': subset_name(subset),
                'miou': scores.get(subset_name(subset)),
            }
            graph = Graph(bundle, create_runtime(runtime), file_of[subset])
            found.append((row, graph, images, np.isin(manifest.modality_names, subset)))
    return found


def measure(bundles: list[Bundle], runs: int) -> list[Row]:
    """Return one row per bundle, runtime and subset."""
    jobs = [job for bundle in bundles for job in compiled(bundle)]
    times_ms: list[list[float]] = [[] for _ in jobs]
    for run in range(runs + WARM_UP_RUNS):
        for (_, graph, images, available), found in zip(jobs, times_ms, strict=True):
            began_ns = time.perf_counter_ns()
            graph.infer(images, available)
            if run >= WARM_UP_RUNS:
                found.append((time.perf_counter_ns() - began_ns) / 1e6)
    return [{**job[0], **summary(found)} for job, found in zip(jobs, times_ms, strict=True)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('bundles', nargs='+')
    parser.add_argument('--runs', type=int, default=30)
    parser.add_argument('--json', type=Path)
    arguments = parser.parse_args()
    bundles = [load_bundle(name) for name in arguments.bundles]
    rows = measure(bundles, arguments.runs)
    for row in rows:
        print(
            f'{row["runtime"]:12} {row["precision"]} {row["subset"]:24} min {row["min_ms"]:7.1f} '
            f'ms, median {row["p50_ms"]:7.1f} ms, mIoU {row["miou"]}'
        )
    if arguments.json:
        report = {
            'created': now(),
            'machine': describe_machine(),
            'software': describe_software(),
            'bundles': [describe_bundle(bundle) for bundle in bundles],
            'scores': {b.manifest.precision: b.manifest.metrics.get(DEPLOYED) for b in bundles},
            'rows': rows,
        }
        arguments.json.write_text(json.dumps(report, indent=2) + '\n')


if __name__ == '__main__':
    main()
