"""Questions that decide how a bundle is exported and run, answered on this machine.

Run: python test/benchmarks/bench_inference.py [--seconds 2] [--json FILE]

1. What does a graph of k of M modalities cost beside a network of k modalities?
2. What does upsampling to the camera's size inside the graph cost beside resizing the labels?
3. How long does a graph take to compile, and how much faster is each runtime than torch?
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from mmseg_models import create_model
from mmseg_models.export.onnx_graph import (
    Answer,
    DeployedGraph,
    Normalization,
    SubsetGraph,
    write_subset_graph,
)
from mmseg_ros.benchmark.machine import describe_machine, describe_software, now
from mmseg_ros.benchmark.timing import summary, time_call
from mmseg_ros.inference.backend import available_backends, create_runtime

NAMES = ('rgb', 'depth', 'event', 'lidar')
SIZE = (192, 320)
CAMERA_SIZE = (384, 640)
CPU_RUNTIMES = ('openvino', 'onnxruntime')

Row = dict[str, Any]


def make_graph(modalities: tuple[str, ...], size: tuple[int, int] = SIZE) -> DeployedGraph:
    """Return StitchFusion-B0 with random weights, answering at `size`."""
    torch.manual_seed(0)
    model = create_model(
        'stitchfusion',
        encoder='mit_b0',
        modalities=modalities,
        adapter='shared',
        decoder_dim=128,
    )
    statistics = torch.full((len(modalities), 3), 0.5)
    normalization = Normalization(statistics, statistics)
    return DeployedGraph(model.eval(), normalization, Answer(*size)).eval()


def compile_graph(
    graph: DeployedGraph, count: int, runtime: str, folder: Path
) -> tuple[Callable[[], object], float]:
    """Compile the graph of the first `count` modalities; return its call and the seconds."""
    path = folder / f'{time.monotonic_ns()}.onnx'
    write_subset_graph(SubsetGraph(graph, tuple(range(count))), *SIZE, path)
    began_s = time.perf_counter()
    executable = create_runtime(runtime).compile(path)
    compile_s = time.perf_counter() - began_s
    feed = {
        'images': np.random.default_rng(0).integers(0, 256, (1, count, *SIZE, 3), np.uint8),
        'members': np.arange(count),
    }
    return partial(executable.run, feed), compile_s


def measure(
    graphs: Mapping[str, DeployedGraph], count: int, runtime: str, folder: Path, seconds: float
) -> list[Row]:
    """Compile the graphs and run them in turn, so that a busy host slows all of them alike."""
    compiled = {what: compile_graph(g, count, runtime, folder) for what, g in graphs.items()}
    times_ms: dict[str, list[float]] = {what: [] for what in graphs}
    end_s = time.perf_counter() + seconds * len(graphs)
    while time.perf_counter() < end_s or len(times_ms[next(iter(times_ms))]) < 5:
        for what, (call, _) in compiled.items():
            times_ms[what] += time_call(call, 0.0)
    return [
        {
            'runtime': runtime,
            'what': what,
            **summary(found),
            'compile_s': round(compiled[what][1], 2),
        }
        for what, found in times_ms.items()
    ]


def measure_torch(graph: DeployedGraph, count: int, seconds: float) -> Row:
    """Run the same in torch, eagerly, channels last."""
    network = SubsetGraph(graph, tuple(range(count))).to(memory_format=torch.channels_last)
    images = torch.randint(0, 256, (1, count, *SIZE, 3), dtype=torch.uint8)
    with torch.inference_mode():
        return summary(time_call(lambda: network(images, torch.arange(count)), seconds))


def ask_everything(runtimes: Sequence[str], seconds: float, folder: Path) -> list[Row]:
    """Return one row per measurement."""
    rows: list[Row] = []
    full, large = make_graph(NAMES), make_graph(NAMES, CAMERA_SIZE)
    for runtime in [name for name in runtimes if name in available_backends()]:
        for count in range(1, len(NAMES) + 1):
            alone = make_graph(NAMES[:count])
            pair = {f'{count} of 4': full, f'network of {count}': alone}
            rows += measure(pair, count, runtime, folder, seconds)
        answer = {'4 of 4, answer at 640 x 384': large}
        rows += measure(answer, len(NAMES), runtime, folder, seconds)
    rows.append({'runtime': 'torch', 'what': '4 of 4', **measure_torch(full, 4, seconds)})
    labels = np.random.default_rng(0).integers(0, 25, SIZE, np.uint8)
    resize = partial(cv2.resize, labels, CAMERA_SIZE[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    rows.append({'runtime': 'OpenCV', 'what': 'labels resized', **summary(time_call(resize, 0.2))})
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seconds', type=float, default=2.0)
    parser.add_argument('--runtimes', nargs='+', choices=CPU_RUNTIMES, default=CPU_RUNTIMES)
    parser.add_argument('--json', type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = ask_everything(arguments.runtimes, arguments.seconds, Path(folder))
    for row in rows:
        print(
            f'{row["runtime"]:12} {row["what"]:30} min {row["min_ms"]:8.2f} ms, median '
            f'{row["p50_ms"]:8.2f} ms, compiled in {row.get("compile_s", 0):5.2f} s'
        )
    if arguments.json:
        report = {'created': now(), 'machine': describe_machine(), 'rows': rows}
        report['software'] = describe_software()
        arguments.json.write_text(json.dumps(report, indent=2) + '\n')


if __name__ == '__main__':
    main()
