"""`mmseg_ros repair`: rescue the whole messages of a damaged recording."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmseg_ros.commands.sensors_option import add_sensors, sensors_of

_EPILOG = """examples:
  python -m mmseg_ros repair sequence/sequence_0.mcap rescued
  python -m mmseg_ros evaluate rescued --bundle stitchfusion-b0-sim"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.epilog = _EPILOG
    parser.add_argument(
        'bag',
        type=Path,
        help='damaged .mcap or .db3 file (also .zstd), or the folder that holds them',
    )
    parser.add_argument('output', type=Path, help='folder of the new bag')
    add_sensors(parser, 'copy only these sensors, their CameraInfo, transforms and odometry')


def run(args: argparse.Namespace) -> int:
    """Rescue, and say how much was saved."""
    from mmseg_ros.bag.repair import rescue

    topics = sensors_of(args).recorded_topics()
    summary = rescue(args.bag, args.output, topics or None)
    sys.stdout.write(
        f'{args.output}: {summary.messages} messages on {summary.topics} topics, '
        f'{summary.duration_s:.1f} s; {summary.damaged} damaged pieces\n'
    )
    for name in summary.left_out:
        sys.stdout.write(f'{name}: no whole message\n')
    return 0
