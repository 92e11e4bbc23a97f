"""`mmseg_ros simulate`: make synthetic sequences."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_ros.commands.arguments import (
    LARGEST_SEED,
    LARGEST_SIDE_PX,
    MOST_PROCESSES,
    real_number,
    whole_number,
)
from mmseg_ros.sim.world.weather import CONDITIONS, FAILURES

if TYPE_CHECKING:
    from mmseg_ros.sim.dataset import DatasetConfig
    from mmseg_ros.sim.sequence import DriveConfig

DEPTH_ENCODINGS = ('32FC1', '16UC1')
RENDERERS = ('fast', 'mitsuba')
RIGS = ('train', 'all', 'fixed')
MESHES = ('sweethome3d',)
EPILOG = """examples:
  python -m mmseg_ros simulate --layout deliver --scenes 20 --out out/deliver
  python -m mmseg_ros simulate --layout bag --frames 100 --condition night --out out/sequence
  python -m mmseg_ros simulate --layout bag --clock depth=0 --clock lidar=0 --out out/triggered
  python -m mmseg_ros simulate --layout bag --source rec.mcap --faults faults.yaml --out out/bad
  python -m mmseg_ros simulate --preview out/sheet.png

deliver: DeLiVER's folders (img, hha, event, lidar, semantic), ids 1..25, for the trainer.
bag:     one MCAP bag per scene: raw sensor topics, calibration, odometry and ground truth.
faults:  a YAML file, faults: [{kind: drop, topic: /lidar/points, start_s: 2, end_s: 4}, ...] with
         drop, delay, freeze, duplicate, burst, clock_offset, bad_encoding, wrong_calibration.
The same seed gives the same data; an interrupted data set resumes where it stopped."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.epilog = EPILOG
    parser.add_argument(
        '--layout',
        choices=('deliver', 'bag'),
        default='deliver',
        help='a training data set, or a bag',
    )
    parser.add_argument('--out', type=Path, default=None, help='folder of the data set or bag')
    parser.add_argument(
        '--preview', type=Path, metavar='PNG',
        help='write a contact sheet of all conditions, failures and sensors',
    )  # fmt: skip
    parser.add_argument(
        '--faults', type=Path, metavar='YAML', help='inject the faults of a schedule'
    )
    parser.add_argument(
        '--source', type=Path, metavar='BAG', help='inject them into this recording (bag)'
    )
    _add_streets(parser)
    _add_sensors(parser)


def _add_streets(parser: argparse.ArgumentParser) -> None:
    """Declare what is driven through, and how long."""
    parser.add_argument('--scenes', type=whole_number(1), default=1, help='number of sequences')
    parser.add_argument(
        '--frames', type=whole_number(1), default=20, help='camera frames per sequence'
    )
    parser.add_argument(
        '--seed',
        type=whole_number(0, LARGEST_SEED),
        default=0,
        help='any number; other seeds, other streets',
    )
    parser.add_argument(
        '--condition',
        choices=CONDITIONS,
        action='append',
        help='may be repeated; default: all in turn',
    )
    parser.add_argument('--failure', choices=FAILURES, default='', help='sensor failure (bag)')
    parser.add_argument('--theme', default='', help='kind of street (bag); default: from the seed')
    parser.add_argument(
        '--height',
        type=whole_number(1, LARGEST_SIDE_PX),
        default=192,
        help='rows of the images (deliver)',
    )
    parser.add_argument(
        '--width',
        type=whole_number(1, LARGEST_SIDE_PX),
        default=320,
        help='columns of the images (deliver)',
    )
    parser.add_argument(
        '--split', choices=('auto', 'train', 'val', 'test'), default='auto', help='(deliver)'
    )
    parser.add_argument(
        '--referring', action='store_true', help='write text prompts with masks too (deliver)'
    )
    parser.add_argument(
        '--interval', type=real_number(most=3600.0, positive=True), default=None, metavar='S',
        help='seconds between frames; 0.5 for deliver, 0.1 for bag',
    )  # fmt: skip


def _add_sensors(parser: argparse.ArgumentParser) -> None:
    """Declare what it is seen with."""
    parser.add_argument(
        '--clock', action='append', default=[], metavar='SENSOR=HZ[,PHASE_S[,LATENCY_S]]',
        help='clock of a sensor (bag), such as depth=15,0.01; 0 Hz is triggered by the camera; '
        'default: depth 15 Hz, LiDAR 10 Hz, event packets 50 Hz, each by itself',
    )  # fmt: skip
    parser.add_argument(
        '--depth-encoding', choices=DEPTH_ENCODINGS, default='32FC1', help='meters, or mm (bag)'
    )
    parser.add_argument('--rig', default='', help='calibration YAML; default: the demo rig')
    parser.add_argument(
        '--rigs', choices=RIGS, default=None,
        help='scenes with drawn mounts, lenses, LiDAR and sensor noise (deliver): those of the '
        'split train, all, or none; default: train, and fixed with a --rig of your own',
    )  # fmt: skip
    parser.add_argument(
        '--renderer', choices=RENDERERS, default='fast',
        help="what makes the camera's images; mitsuba traces light (pip extra mitsuba, LLVM)",
    )  # fmt: skip
    parser.add_argument(
        '--meshes', choices=MESHES, default='',
        help='models of an installed package among what is built (apt: sweethome3d-furniture)',
    )  # fmt: skip
    parser.add_argument(
        '--jobs',
        type=whole_number(1, MOST_PROCESSES),
        default=os.cpu_count() or 1,
        help='processes',
    )


def run(args: argparse.Namespace) -> int:
    """Simulate what was asked for."""
    from mmseg_ros.core.errors import ConfigError

    if args.preview:
        _write_preview(args)
    if args.out is None:
        if args.preview:
            return 0
        raise ConfigError('Say where to write with --out, or ask for a --preview.')
    if args.source and not (args.faults and args.layout == 'bag'):
        raise ConfigError('--source needs --layout bag and a --faults schedule.')
    if args.source:
        return _inject_faults(args, args.source, args.out)
    return _write_dataset(args) if args.layout == 'deliver' else _write_bags(args)


def _write_preview(args: argparse.Namespace) -> None:
    from mmseg_ros.core.atomic_files import require_writable
    from mmseg_ros.projection import load_rig
    from mmseg_ros.sim.preview import write_preview
    from mmseg_ros.sim.sequence import DriveConfig

    require_writable(args.preview)
    config = DriveConfig(
        theme=args.theme, rig=load_rig(args.rig), renderer=args.renderer, meshes=args.meshes
    )
    write_preview(args.preview, args.seed, config, args.jobs)
    print(f'{args.preview}: contact sheet of seed {args.seed}.', file=sys.stderr)


def _inject_faults(args: argparse.Namespace, source: Path, out: Path) -> int:
    from mmseg_ros.bag.faults import load_schedule
    from mmseg_ros.bag.inject import inject_faults
    from mmseg_ros.commands.progress import progress_bar

    schedule, done = load_schedule(args.faults), 0
    messages = inject_faults(source, out, schedule, args.seed)
    with progress_bar(f'injecting faults into {source.name}') as progress, closing(messages):
        for done in messages:
            progress(done, done)
    print(f'{out}: {done} messages, {len(schedule)} faults.', file=sys.stderr)
    return 0


def _dataset_config(args: argparse.Namespace) -> DatasetConfig:
    from mmseg_ros.projection import load_rig
    from mmseg_ros.sim.dataset import DatasetConfig

    return DatasetConfig(
        out=args.out,
        scenes=args.scenes,
        frames=args.frames,
        height=args.height,
        width=args.width,
        interval_s=args.interval or 0.5,
        conditions=tuple(args.condition or CONDITIONS),
        split=args.split,
        seed=args.seed,
        rig=load_rig(args.rig),
        rigs=args.rigs or ('fixed' if args.rig else 'train'),
        referring=args.referring,
        renderer=args.renderer,
        meshes=args.meshes,
    )


def _write_dataset(args: argparse.Namespace) -> int:
    from mmseg_ros.commands.progress import progress_bar
    from mmseg_ros.sim.dataset import write_dataset

    config = _dataset_config(args)
    written = 0
    with progress_bar('simulating') as progress:
        for done, (_, new) in enumerate(write_dataset(config, args.jobs), 1):
            written += new
            progress(done, config.scenes)
    print(
        f'{args.out}: {config.scenes} scenes of {config.frames} frames, {written} written now.',
        file=sys.stderr,
    )
    return 0


def _write_bags(args: argparse.Namespace) -> int:
    from mmseg_ros.commands.progress import progress_bar
    from mmseg_ros.sim.recording import record_drive

    for k in range(args.scenes):
        path = args.out if args.scenes == 1 else args.out / f'drive_{args.seed + k}'
        clean = path.with_name(path.name + '_clean') if args.faults else path
        config = _drive_config(args, k)
        with progress_bar(f'driving {path.name}') as progress:
            drive = record_drive(clean, args.seed + k, config, args.jobs, args.depth_encoding)
            with closing(drive) as frames:
                for done in frames:
                    progress(done, args.frames)
        print(f'{clean}: {args.frames} frames, {config.condition}.', file=sys.stderr)
        if args.faults:
            _inject_faults(args, clean, path)
    return 0


def _drive_config(args: argparse.Namespace, k: int) -> DriveConfig:
    from mmseg_ros.projection import load_rig
    from mmseg_ros.sim.sensing.clocks import FREE_RUNNING, parse_clock
    from mmseg_ros.sim.sequence import DriveConfig

    conditions = tuple(args.condition or CONDITIONS[-1:])
    return DriveConfig(
        frames=args.frames,
        interval_s=args.interval or 0.1,
        condition=conditions[k % len(conditions)],
        failure=args.failure,
        theme=args.theme,
        rig=load_rig(args.rig),
        clocks={**FREE_RUNNING, **dict(parse_clock(text) for text in args.clock)},
        renderer=args.renderer,
        meshes=args.meshes,
    )
