"""`mmseg_ros leaderboard`: every shipped bundle on one source, best first."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmseg_ros.commands.evaluate import add_scoring_arguments, source_name
from mmseg_ros.commands.many_scores import evaluate_many
from mmseg_ros.commands.remote_files import place
from mmseg_ros.commands.remote_output import mirrored_output
from mmseg_ros.core.errors import BundleError

EPILOG = """examples:
  python -m mmseg_ros leaderboard out/sequence
  python -m mmseg_ros leaderboard out/streets --split test --bundle runs/mine/bundle

Scores every shipped bundle with fixed classes, and those given with --bundle, as `evaluate` does;
the options are the same. Text-prompted bundles answer another question and are left out."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.epilog = EPILOG
    parser.add_argument(
        'source', type=place, metavar='SOURCE', help='bag, or folder of a data set'
    )
    parser.add_argument(
        '--bundle', action='append', default=[], metavar='B', help='one more; may be repeated'
    )
    add_scoring_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Score all bundles, write their files and a summary, and print the table."""
    bundles = list(dict.fromkeys([*segmentation_bundles(), *args.bundle]))
    if not bundles:
        raise BundleError('No bundle with fixed classes is shipped; name yours with --bundle.')
    args.output = args.output or Path('out') / 'leaderboard' / source_name(args.source)
    with mirrored_output(args) as args:
        return evaluate_many(args, [args.source], bundles)


def segmentation_bundles() -> list[str]:
    """Return the names of the shipped bundles that label every pixel with a class."""
    from mmseg_ros.core.resources import share_directory
    from mmseg_ros.inference.bundle import MANIFEST_FILE, read_manifest
    from mmseg_ros.inference.manifest_reader import REFERRING, task_of

    zoo = share_directory() / 'models/zoo'
    names = sorted(path.parent.name for path in zoo.glob(f'*/{MANIFEST_FILE}'))
    return [name for name in names if task_of(read_manifest(name)[1]) != REFERRING]
