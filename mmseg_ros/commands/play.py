"""`mmseg_ros play`: publish a bag over DDS."""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path

from mmseg_ros.commands.arguments import real_number
from mmseg_ros.commands.sensors_option import add_sensors, sensors_of

EPILOG = """examples:
  mmseg_ros play out/sequence --clock
  mmseg_ros play out/sequence --rate 0.5 --loop
  mmseg_ros play out/sequence --drop rgb@5-10 --drop lidar@10-15 --wait 20

Messages keep their original stamps and topics. A drop silences every topic under /<modality>/,
and the topic that --sensors names, for these seconds of bag time.
With --clock, start the node with `use_sim_time:=true`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.epilog = EPILOG
    parser.add_argument('bag', type=Path, help='bag folder, or one .mcap or .db3 file')
    parser.add_argument(
        '--rate',
        type=real_number(most=1e6, positive=True),
        default=1.0,
        help='bag seconds per second',
    )
    parser.add_argument('--loop', action='store_true', help='start again at the end')
    parser.add_argument('--clock', action='store_true', help='publish /clock at 100 Hz')
    parser.add_argument(
        '--drop',
        action='append',
        default=[],
        metavar='MODALITY@START-END',
        help='silence a sensor for these seconds of bag time; no END lasts to the end',
    )
    parser.add_argument(
        '--exclude',
        action='append',
        default=[],
        metavar='PREFIX',
        help='leave out the topics whose names begin so, such as /truth',
    )
    parser.add_argument(
        '--wait',
        type=real_number(),
        default=0.0,
        metavar='SECONDS',
        help='wait at most so long for a subscriber on every sensor topic',
    )
    parser.add_argument(
        '--duration',
        type=real_number(positive=True),
        default=float('inf'),
        metavar='SECONDS',
        help='play only so many seconds of bag time',
    )
    parser.add_argument(
        '--silence', action='store_true', help='let the page of `mmseg_ros view` silence sensors'
    )
    add_sensors(parser, 'topics of the sensors that --drop and --wait name')


def run(args: argparse.Namespace) -> int:
    """Play the bag; return 0 also when stopped by SIGINT or SIGTERM."""
    from mmseg_ros.ros.environment import prepare_process

    prepare_process()
    from mmseg_ros.ros.tools.player import Drop, PlayOptions, play

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    drops = [Drop.parse(text) for text in args.drop]
    options = PlayOptions(
        args.rate,
        args.loop,
        args.clock,
        drops,
        tuple(args.exclude),
        args.wait,
        sensors_of(args).topics,
        args.duration,
        args.silence,
    )
    report = play(args.bag, options, stop)
    for topic, count in sorted(report.published.items()):
        print(f'{topic}: {count} published, {report.dropped[topic]} dropped')
    print(f'worst delay of a message: {report.worst_lag_s * 1e3:.0f} ms')
    return 0
