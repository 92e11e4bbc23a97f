"""`mmseg_ros repair`: rescue the whole messages of a recording that was never closed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

_EPILOG = """examples:
  python -m mmseg_ros repair drive/drive_0.mcap rescued
  python -m mmseg_ros evaluate rescued --bundle stitchfusion-b0-sim"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.epilog = _EPILOG
    parser.add_argument('bag', type=Path, help='damaged .mcap file, or the folder that holds it')
    parser.add_argument('output', type=Path, help='folder of the new bag')


def run(args: argparse.Namespace) -> int:
    """Rescue, and say how much was saved."""
    from mmseg_ros.bag.repair import rescue

    summary = rescue(args.bag, args.output)
    sys.stdout.write(
        f'{args.output}: {summary.messages} messages on {summary.topics} topics, '
        f'{summary.duration_s:.1f} s\n'
    )
    return 0
