"""`mmseg_ros record`: record topics into a bag."""

from __future__ import annotations

import argparse
import math
import signal
import threading
from pathlib import Path

from mmseg_ros.commands.arguments import real_number
from mmseg_ros.commands.sensors_option import add_sensors, sensors_of

EPILOG = """examples:
  mmseg_ros record out/run --topics /mmseg/labels /mmseg/points /diagnostics
  mmseg_ros record out/everything --duration 30
  mmseg_ros record out/rig --sensors rgb=/camera/color/image_raw lidar=/velodyne_points

Stop with Ctrl-C; the bag is valid then. Only message types that are installed can be recorded."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.epilog = EPILOG
    parser.add_argument('output', type=Path, help='bag folder to make')
    parser.add_argument('--topics', nargs='+', default=[], help='absolute names; all by default')
    parser.add_argument(
        '--use-sim-time', action='store_true', help='take the time of receipt from /clock'
    )
    parser.add_argument(
        '--duration',
        type=real_number(most=math.inf),
        default=math.inf,
        metavar='SECONDS',
        help='stop after this',
    )
    add_sensors(parser, 'record the data and CameraInfo of these sensors, transforms and odometry')


def run(args: argparse.Namespace) -> int:
    """Record until SIGINT, SIGTERM or the end of the duration."""
    from mmseg_ros.ros.environment import prepare_process

    prepare_process()
    from mmseg_ros.ros.tools.recorder import RecordOptions, record

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    topics = [*args.topics, *sensors_of(args).recorded_topics()]
    report = record(args.output, RecordOptions(topics, args.use_sim_time, args.duration), stop)
    for topic, count in sorted(report.recorded.items()):
        print(f'{topic}: {count} recorded')
    missing = sorted(set(topics) - set(report.recorded))
    for topic in missing:
        print(f'{topic}: nothing came ({report.why_nothing(topic)})')
    return 0
