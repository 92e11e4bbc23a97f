"""`mmseg_ros evaluate`: run a bundle over a bag and score it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_ros.evaluation.robustness import SUBSET_CHOICES

if TYPE_CHECKING:
    from mmseg_ros.bag.evaluation import Evaluation

EPILOG = """examples:
  python -m mmseg_ros evaluate out/drive --bundle stitchfusion-b0-sim
  python -m mmseg_ros evaluate drive.mcap --bundle my_bundle --subsets all --output out/scores

Writes metrics.json (the same bytes in every run) and report.html."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.epilog = EPILOG
    parser.add_argument('bag', type=Path, help='bag folder, or one .mcap or .db3 file')
    parser.add_argument('--bundle', default='stitchfusion-b0-sim', help='folder or shipped name')
    parser.add_argument('--output', type=Path, default=None, help='folder; out/evaluate/<bag>')
    parser.add_argument(
        '--subsets',
        choices=SUBSET_CHOICES,
        default='drops',
        help='sensors withheld in turn: none, each one (default), or every combination',
    )
    parser.add_argument('--every', type=int, default=1, metavar='N', help='score every n-th set')
    parser.add_argument(
        '--calibration', type=Path, default=None, help="calibration file instead of the bag's own"
    )
    parser.add_argument('--backend', default='auto', help='inference runtime')
    parser.add_argument('--threads', type=int, default=0, help='CPU threads; 0 is automatic')


def run(args: argparse.Namespace) -> int:
    """Evaluate, write both files and say where they are."""
    from mmseg_ros.bag.evaluation import EvaluationOptions, evaluate
    from mmseg_ros.commands.progress import progress_bar
    from mmseg_ros.core.config import ModelConfig, NodeConfig
    from mmseg_ros.core.errors import ConfigError
    from mmseg_ros.inference.bundle import load_bundle

    if args.every < 1:
        raise ConfigError(f'--every must be at least 1, but is {args.every}.')
    model = ModelConfig(bundle=str(args.bundle), backend=args.backend, threads=args.threads)
    options = EvaluationOptions(
        args.subsets, args.every, args.calibration, NodeConfig(model=model)
    )
    bundle = load_bundle(args.bundle)
    with progress_bar('scoring') as progress:
        evaluation = evaluate(args.bag, bundle, options, progress)
    output = args.output or Path('out') / 'evaluate' / args.bag.stem
    write(evaluation, output)
    return 0


def write(evaluation: Evaluation, output: Path) -> None:
    """Write metrics.json and report.html, and print the robustness table and the paths."""
    from mmseg_ros.evaluation import report
    from mmseg_ros.evaluation.score_report import score_report

    output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(evaluation.metrics, indent=2, sort_keys=True, allow_nan=False)
    (output / 'metrics.json').write_text(text + '\n', encoding='utf-8')
    page = score_report(evaluation.metrics, evaluation.stage_ms, evaluation.figures)
    report.write(page, output / 'report.html')
    for row in evaluation.metrics['robustness']:
        name, kept = '+'.join(row['available']), report.percent(row['retained'])
        sys.stdout.write(f'{name:28} mIoU {report.number(row["miou"])}  kept {kept}\n')
    sys.stdout.write(f'{output / "metrics.json"}\n{output / "report.html"}\n')
