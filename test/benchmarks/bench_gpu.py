"""Everything that needs an NVIDIA GPU, in one command: the tests marked gpu, then a table.

Run: python test/benchmarks/bench_gpu.py [--bundle NAME_OR_FOLDER] [--json FILE]

Needs TensorRT (or TensorRT-RTX) and cuda-python; onnxruntime-gpu gives the CUDA rows. For the
end-to-end target compare the pipeline row with the engine row of the same backend.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from mmseg_ros.benchmark.suite import BenchmarkConfig, run_benchmark
from mmseg_ros.benchmark.table import text_of
from mmseg_ros.inference.cuda_memory import device_name


def main() -> int:
    """Test, measure, print; return 0 if all is well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--bundle', default='stitchfusion-b0-sim')
    parser.add_argument('--json', type=Path)
    arguments = parser.parse_args()
    device = device_name()
    if device is None:
        print('There is no NVIDIA GPU here, or cuda-python is not installed.', file=sys.stderr)
        return 1
    tests = [sys.executable, '-m', 'pytest', '-m', 'gpu', str(Path(__file__).parents[1])]
    status = subprocess.run(tests, check=False).returncode
    config = BenchmarkConfig(bundle=arguments.bundle, parts=('engine', 'pipeline'))
    report = {**run_benchmark(config, print), 'gpu': device}
    print(device)
    print(text_of(report))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + '\n')
    return status


if __name__ == '__main__':
    sys.exit(main())
