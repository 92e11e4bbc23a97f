"""`mmseg_ros demo`: from simulated sensors to labels over DDS, with sensors that fail."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmseg_ros.commands.arguments import LARGEST_SEED, real_number, whole_number
from mmseg_ros.core.resources import DEFAULT_BUNDLE

EPILOG = """examples:
  python -m mmseg_ros demo
  python -m mmseg_ros demo --duration 30 --bundle my_bundle --output out/my_demo

Starts the node, a bag player and a recorder as processes of their own on loopback, silences one
sensor after another, and writes OUTPUT/report.html. The sequence is cached in --cache."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.epilog = EPILOG
    parser.add_argument('--output', type=Path, default=Path('out/demo'), help='folder to write to')
    parser.add_argument('--duration', type=real_number(), default=14.0, help='seconds of driving')
    parser.add_argument(
        '--seed', type=whole_number(0, LARGEST_SEED), default=None, help='another sequence'
    )
    parser.add_argument('--bundle', default=DEFAULT_BUNDLE, help='folder or shipped name')
    parser.add_argument(
        '--referring-bundle', default='crossvlt-small-sim', help='the same, for text prompts'
    )
    parser.add_argument(
        '--cache', type=Path, default=Path('out/cache'), help='folder of simulated sequences'
    )


def run(args: argparse.Namespace) -> int:
    """Run the demo; end with the report's path and two lines."""
    from mmseg_ros.commands.progress import Phases
    from mmseg_ros.demo.run import DemoOptions, run_demo
    from mmseg_ros.demo.sequence import SEED

    options = DemoOptions(
        output=args.output.resolve(),
        cache=args.cache.resolve(),
        duration_s=args.duration,
        seed=SEED if args.seed is None else args.seed,
        bundle=args.bundle,
        referring_bundle=args.referring_bundle,
    )
    result = run_demo(options, Phases(4))
    sys.stdout.write('\n'.join(['', *result.summary, str(result.report), '']))
    return 0
