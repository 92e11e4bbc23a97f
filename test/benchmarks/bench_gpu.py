"""Everything that needs an NVIDIA GPU, in one command: the tests marked gpu, then a table.

Run: python test/benchmarks/bench_gpu.py [--bundle NAME_OR_FOLDER] [--json FILE]

Needs TensorRT (or TensorRT-RTX) and cuda-python. For the rows beside it, onnxruntime-gpu in place
of onnxruntime, and torch with CUDA; what is missing is a row that says so.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_ros.benchmark.suite import BenchmarkConfig, run_benchmark
from mmseg_ros.benchmark.table import text_of
from mmseg_ros.benchmark.timing import summary, time_call
from mmseg_ros.commands import build_engine
from mmseg_ros.core.resources import DEFAULT_BUNDLE
from mmseg_ros.core.subsets import subset_name
from mmseg_ros.inference.bundle import load_bundle
from mmseg_ros.inference.cuda_memory import device_name

Row = dict[str, Any]
_WARM_UPS = 3


def main() -> int:
    """Test, build, measure, print; return 0 if all is well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--bundle', default=DEFAULT_BUNDLE)
    parser.add_argument('--seconds', type=float, default=3.0)
    parser.add_argument('--json', type=Path)
    arguments = parser.parse_args()
    device = device_name()
    if device is None:
        print('There is no NVIDIA GPU here, or cuda-python is not installed.', file=sys.stderr)
        return 1
    tests = [sys.executable, '-m', 'pytest', '-m', 'gpu', str(Path(__file__).parents[1])]
    status = subprocess.run(tests, check=False).returncode
    # Built before anything is measured: otherwise the first rows would be those of other graphs.
    build_engine.run(argparse.Namespace(bundle=arguments.bundle, cache=None))
    config = BenchmarkConfig(
        bundle=arguments.bundle, parts=('engine', 'pipeline'), seconds=arguments.seconds
    )
    report = {**run_benchmark(config, print), 'gpu': device}
    report['rows'] += torch_rows(arguments.bundle, arguments.seconds)
    print(device)
    print(cuda_provider())
    print(text_of(report))
    print('\n'.join(ratios(report['rows'])))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + '\n')
    return status


def torch_rows(bundle_name: str, seconds: float) -> list[Row]:
    """Return torch's times on the GPU with all sensors, eager and compiled, copies included."""
    import torch

    from mmseg_models.export.deployed import deployed_network

    case = {'what': 'engine', 'backend': 'torch', 'graph': 'for all subsets'}
    if not torch.cuda.is_available():
        return [
            {**case, 'error': f'torch {torch.__version__} sees no GPU; install its CUDA build'}
        ]
    bundle = load_bundle(bundle_name)
    manifest = bundle.manifest
    network = deployed_network(bundle).cuda()
    shape = (1, len(manifest.modalities), manifest.height, manifest.width, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    images = torch.from_numpy(pixels).pin_memory()
    available = torch.ones(shape[:2], dtype=torch.bool, device='cuda')

    def answer(run: Callable[..., Sequence[Any]]) -> list[Any]:
        with torch.inference_mode():
            return [item.cpu() for item in run(images.cuda(non_blocking=True), available)]

    rows = []
    for mode, run in (('eager', network), ('compiled', torch.compile(network))):
        for _ in range(_WARM_UPS):
            answer(run)
        times = summary(time_call(partial(answer, run), seconds))
        subset = subset_name(manifest.modality_names)
        rows.append(
            {**case, 'mode': mode, 'precision': manifest.precision, 'subset': subset, **times}
        )
    return rows


def cuda_provider() -> str:
    """Return on what ONNX Runtime's rows were measured."""
    import onnxruntime

    there = 'CUDAExecutionProvider' in onnxruntime.get_available_providers()
    return f'onnxruntime {onnxruntime.__version__} runs on {"CUDA" if there else "the CPU"}'


def ratios(rows: Sequence[Row]) -> list[str]:
    """Return per subset how much longer the pipeline takes than the engine alone."""
    engine = {
        row['subset']: row['p50_ms']
        for row in rows
        if row['what'] == 'engine' and row.get('graph') == 'specialised'
        if row['backend'] == 'tensorrt' and 'p50_ms' in row
    }
    return [
        f'{row["subset"]}: end to end {row["p50_ms"] / engine[row["subset"]]:.2f} x the engine'
        for row in rows
        if row['what'] == 'pipeline' and row.get('subset') in engine
    ]


if __name__ == '__main__':
    sys.exit(main())
