"""`mmseg_ros benchmark`: measure the engine, the pipeline and the live node."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from mmseg_ros.commands.arguments import MOST_PROCESSES, real_number, whole_number
from mmseg_ros.core.atomic_files import require_writable, write_text
from mmseg_ros.core.resources import DEFAULT_BUNDLE

PARTS = ('engine', 'pipeline', 'path', 'node')
SUITES = ('inference', 'sim')
EPILOG = """examples:
  python -m mmseg_ros benchmark
  python -m mmseg_ros benchmark --parts engine --backends openvino onnxruntime torch
  python -m mmseg_ros benchmark --subsets rgb+depth+event+lidar rgb --output out/now.json
  python -m mmseg_ros benchmark --parts path --threads 1
  python -m mmseg_ros benchmark --compare out/before.json
  python -m mmseg_ros benchmark --suite sim

Memory is the largest resident size of the measured process. In rows of the node, times are from
the last message of a frame to its labels, and Hz is the rate of labels received; peak is the
highest rate at which at most 5 % of the frames get none. `beside engine` feeds the node more than
it can take and, before and after it, publishes the same while the bare engine runs from memory:
results per second and CPU time per result of the node over the engine's. Rows of the path are CPU
milliseconds per frame and each stage's share, at the simulated sizes and at 1280 x 720 with
130,000 points."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.epilog = EPILOG
    parser.add_argument('--suite', choices=SUITES, default='inference', help='what to measure')
    parser.add_argument('--bundle', default=DEFAULT_BUNDLE, help='name or folder')
    parser.add_argument(
        '--parts',
        nargs='+',
        choices=PARTS,
        default=list(PARTS),
        help='measured parts of inference',
    )
    parser.add_argument('--backends', nargs='+', default=[], help='default: all installed')
    parser.add_argument(
        '--subsets', nargs='+', default=[], help='such as rgb+lidar; default: full, drops, fewer'
    )
    parser.add_argument(
        '--threads', type=whole_number(0, MOST_PROCESSES), default=0, help='CPU threads; 0 for all'
    )
    parser.add_argument(
        '--seconds',
        type=real_number(positive=True),
        default=3.0,
        help='how long to repeat each case',
    )
    parser.add_argument('--output', type=Path, help='write the report as JSON')
    parser.add_argument('--compare', type=Path, metavar='JSON', help='an earlier report')


def run(args: argparse.Namespace) -> int:
    """Measure, write the report, print the table."""
    from mmseg_ros.core.child_process import exit_on_sigterm
    from mmseg_ros.inference.bundle import load_bundle

    if args.output:
        require_writable(args.output)
    other = _read(args.compare) if args.compare else None
    if args.suite != 'sim':
        load_bundle(args.bundle)  # before the first minute of work
    with exit_on_sigterm():
        report = _measure_simulation() if args.suite == 'sim' else _measure_inference(args)
    if args.output:
        write_text(args.output, json.dumps(report, indent=2) + '\n')
    if args.suite == 'sim':
        sys.stdout.write(json.dumps(report, indent=2) + '\n')
    else:
        from mmseg_ros.benchmark.table import text_of

        sys.stdout.write(text_of(report, other))
    return 0


def _measure_inference(args: argparse.Namespace) -> dict[str, Any]:
    from mmseg_ros.benchmark.suite import BenchmarkConfig, run_benchmark

    config = BenchmarkConfig(
        bundle=args.bundle,
        parts=args.parts,
        backends=args.backends,
        subsets=args.subsets,
        threads=args.threads,
        seconds=args.seconds,
    )
    return run_benchmark(config, lambda text: print(text + ' ...', file=sys.stderr))


def _measure_simulation() -> dict[str, Any]:
    from mmseg_ros.sim.benchmark import run as run_simulation

    return run_simulation()


def _read(path: Path) -> dict[str, Any]:
    from mmseg_ros.core.errors import ConfigError
    from mmseg_ros.core.safe_yaml import load_json

    report = load_json(path, ConfigError)
    try:
        rows = report['rows']
    except (KeyError, TypeError) as error:
        raise ConfigError(f'{path}: not a report of this command ({error!r}).') from error
    return {**report, 'rows': rows}
