"""`mmseg_ros prompt`: send text prompts to the running node."""

from __future__ import annotations

import argparse

from mmseg_ros.commands.arguments import real_number

EPILOG = """examples:
  python -m mmseg_ros prompt "the closest car"
  python -m mmseg_ros prompt "the closest car; the bus" --node /front/mmseg
  python -m mmseg_ros prompt ""                       # stop

The same as: ros2 topic pub --once /mmseg/referring/expression std_msgs/msg/String ..."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.epilog = EPILOG
    parser.add_argument('expression', help='text prompts, separated by semicolons; empty stops')
    parser.add_argument('--node', default='/mmseg', help='full name of the node')
    parser.add_argument(
        '--wait',
        type=real_number(),
        default=10.0,
        metavar='S',
        help='seconds to wait for the node to subscribe',
    )


def run(args: argparse.Namespace) -> int:
    """Publish the prompts.

    Raises:
        ConfigError: No such node listens.
    """
    from mmseg_ros.ros.environment import prepare_process

    prepare_process()
    from mmseg_ros.ros.tools.prompter import send_prompt

    send_prompt(args.expression, args.node, args.wait)
    return 0
