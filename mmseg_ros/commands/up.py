"""`mmseg_ros up`: nodes, player and view as processes with one log."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from mmseg_ros.commands.arguments import real_number, whole_number
from mmseg_ros.core.errors import ConfigError

EPILOG = """examples:
  python -m mmseg_ros up calibration:=demo_rig
  python -m mmseg_ros up --bag out/sequence calibration:=out/sequence/calibration.yaml --view
  python -m mmseg_ros up --rig config/rigs/six_cameras.yaml

Takes the arguments of mmseg.launch.py as name:=value: params_file, model, rgb_topic.
They count more than the rig file. A process that crashes is started again after 1 s, then 2 s,
4 s, up to 30 s. SIGINT (Ctrl-C) or SIGTERM ends all together; so does the end of the bag, without
--loop and --view. On a machine with ROS, `ros2 launch mmseg_ros mmseg.launch.py` does the same."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.epilog = EPILOG
    parser.add_argument(
        'arguments', nargs='*', metavar='NAME:=VALUE', help='arguments of mmseg.launch.py'
    )
    parser.add_argument('--rig', type=Path, metavar='FILE', help='rig file: a node per camera')
    parser.add_argument('--bag', type=Path, help='bag to play with /clock')
    parser.add_argument(
        '--rate',
        type=real_number(most=1e6, positive=True),
        default=1.0,
        help='bag seconds per second',
    )
    parser.add_argument(
        '--duration',
        type=real_number(positive=True),
        default=float('inf'),
        help='bag seconds to play; default: all',
    )
    parser.add_argument('--loop', action='store_true', help='play the bag again and again')
    parser.add_argument(
        '--drop',
        action='append',
        default=[],
        metavar='MODALITY@START-END',
        help='silence a sensor of the bag for these seconds',
    )
    parser.add_argument('--view', action='store_true', help='serve the page of `mmseg_ros view`')
    parser.add_argument('--port', type=whole_number(1, 65535), help='port of the page')


def run(args: argparse.Namespace) -> int:
    """Run everything until a signal, the end of the bag or a fault that restarting cannot mend."""
    from mmseg_ros.up.command_lines import UpOptions, programs
    from mmseg_ros.up.supervisor import OneLog, Supervisor

    options = UpOptions(
        arguments=dict(map(_assignment, args.arguments)),
        rig=args.rig,
        bag=args.bag,
        rate=args.rate,
        duration_s=args.duration,
        loop=args.loop,
        drops=args.drop,
        view=args.view or args.port is not None,
        view_arguments=[] if args.port is None else ['--port', str(args.port)],
    )
    found = programs(options)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    environment = {**os.environ, 'PYTHONUNBUFFERED': '1', 'RCUTILS_COLORIZED_OUTPUT': '0'}
    supervisor = Supervisor(found, environment, OneLog(found, _write))
    return supervisor.run(stop, stays=options.view)


def _assignment(text: str) -> tuple[str, str]:
    name, sign, value = text.partition(':=')
    if not sign or not name:
        raise ConfigError(f'{text!r} is not of the form name:=value, as in model:=my_bundle.')
    return name, value


def _write(line: str) -> None:
    try:
        print(line, flush=True)
    except BrokenPipeError:  # whoever read the log is gone; the processes go on until a signal
        sys.stdout = open(os.devnull, 'w', encoding='utf-8')  # noqa: SIM115
