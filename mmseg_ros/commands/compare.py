"""`mmseg_ros compare`: what changed between two evaluations, and whether it may pass."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_ros.commands.arguments import LARGEST_SEED, real_number, whole_number
from mmseg_ros.commands.scored import METRICS_FILE, metrics_text
from mmseg_ros.core.atomic_files import require_writable, write_text

if TYPE_CHECKING:
    from mmseg_ros.metrics.bootstrap import PairedScore

GATE_FAILED = 3
"""Exit status where everything was compared, and a demand was not met."""
EPILOG = """examples:
  python -m mmseg_ros compare out/old/metrics.json out/new/metrics.json
  python -m mmseg_ros compare out/old out/new --output out/compare
  python -m mmseg_ros compare out/old out/new --fail-below miou=0.6 --fail-if-worse
  python -m mmseg_ros compare out/old out/new --fail-if-worse --metric iou/Pedestrian

B is judged against A: both are metrics.json of `evaluate` (or the folder it lies in), of the same
frames and the same classes. Intervals of the difference come from drawing frames with replacement,
the same ones for both. Exit status: 0 if every demand is met, 3 if one is not, 1 if the files do
not compare."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.epilog = EPILOG
    parser.add_argument('a', type=Path, metavar='A', help='metrics.json to compare with')
    parser.add_argument('b', type=Path, metavar='B', help='metrics.json that is judged')
    parser.add_argument(
        '--fail-below', type=_demand, action='append', default=[], metavar='METRIC=VALUE',
        help='exit with 3 if this score of B is below the value; may be repeated',
    )  # fmt: skip
    parser.add_argument(
        '--fail-if-worse', action='store_true',
        help='exit with 3 if the interval of B - A lies below 0 in a score of --metric',
    )  # fmt: skip
    parser.add_argument(
        '--metric', action='append', default=[], metavar='METRIC',
        help='score that --fail-if-worse looks at; may be repeated (miou)',
    )  # fmt: skip
    parser.add_argument(
        '--resamples', type=whole_number(100, 100_000), default=2000, help='draws of frames'
    )
    parser.add_argument(
        '--level', type=real_number(0.5, 0.999), default=0.95, help='share inside an interval'
    )
    parser.add_argument(
        '--seed', type=whole_number(0, LARGEST_SEED), default=0, help='of the draws'
    )
    parser.add_argument(
        '--output', type=Path, default=None, help='folder for compare.json, .csv and report.html'
    )


def run(args: argparse.Namespace) -> int:
    """Compare, print the table, write the files that were asked for, and judge."""
    from mmseg_ros.evaluation.comparison import BootstrapOptions, compare, load_metrics
    from mmseg_ros.metrics import report
    from mmseg_ros.metrics.comparison_report import comparison_report, plain, table_text
    from mmseg_ros.metrics.score_table import write_csv

    if args.output is not None:
        require_writable(args.output / 'compare.json')
    a, b = (load_metrics(_file(path)) for path in (args.a, args.b))
    options = BootstrapOptions(args.resamples, args.level, args.seed)
    scores = compare(a, b, options)
    failures = demands_not_met(scores, dict(args.fail_below), _watched(args))
    sys.stdout.write(table_text(scores, args.level, len(a['frames'])))
    if args.output is not None:
        rows = plain(scores)
        write_text(args.output / 'compare.json', metrics_text(asdict(options) | {'scores': rows}))
        write_csv(args.output / 'compare.csv', rows)
        report.write(
            comparison_report(a, b, scores, args.level, args.resamples),
            args.output / 'report.html',
        )
        sys.stdout.write(f'{args.output / "report.html"}\n')
    for sentence in failures:
        sys.stderr.write(f'mmseg_ros compare: {sentence}\n')
    return GATE_FAILED if failures else 0


def demands_not_met(
    scores: Mapping[str, PairedScore], least: Mapping[str, float], watched: tuple[str, ...]
) -> list[str]:
    """Return one sentence per demand that is not met.

    Args:
        scores: By name.
        least: Value that a score of the second run must reach.
        watched: Scores in which the second run must not be worse than the first.

    Raises:
        ConfigError: A demand names a score that there is not.
    """
    from mmseg_ros.core.errors import ConfigError

    for name in (*least, *watched):
        if name not in scores:
            raise ConfigError(f'There is no score {name!r}; there are: {", ".join(scores)}.')
    failures = [
        f'{name} is {scores[name].b:.4f}, below {value:g}'
        for name, value in least.items()
        if not scores[name].b >= value
    ]
    failures += [
        f'{name} is worse: {scores[name].difference:+.4f}, interval '
        f'{scores[name].low:+.4f} to {scores[name].high:+.4f}'
        for name in watched
        if scores[name].verdict == 'worse'
    ]
    return failures


def _watched(args: argparse.Namespace) -> tuple[str, ...]:
    return tuple(args.metric or ['miou']) if args.fail_if_worse else ()


def _file(path: Path) -> Path:
    return path / METRICS_FILE if path.is_dir() else path


def _demand(text: str) -> tuple[str, float]:
    """Read METRIC=VALUE."""
    name, equals, number = text.rpartition('=')
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not name or not equals or not math.isfinite(value):
        raise argparse.ArgumentTypeError(
            f'must be METRIC=VALUE such as miou=0.6, but is {text[:40]!r}'
        )
    return name, value
