"""`mmseg_ros calibration`: show a calibration of any known format, or convert it to ours."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_ros.commands.sensors_option import add_sensors, sensors_of

if TYPE_CHECKING:
    from mmseg_ros.projection.extrinsics import Rig

EPILOG = """examples:
  python -m mmseg_ros calibration show out/sequence
  python -m mmseg_ros calibration show camchain.yaml
  python -m mmseg_ros calibration convert calib.json rig.yaml --image-size 1280x720

IN is a file (mmseg_ros YAML, CameraInfo, ost.yaml, Kalibr camchain, koide3 and MUSES calib.json,
nuScenes records, KITTI calib), a folder (KITTI raw, nuScenes tables) or a bag (/tf_static, /tf,
CameraInfo)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.epilog = EPILOG
    parser.add_argument(
        'action', choices=('show', 'convert'), help='print it, or write it as YAML'
    )
    parser.add_argument('source', type=Path, metavar='IN', help='file, folder or bag')
    parser.add_argument('output', type=Path, nargs='?', metavar='OUT', help='YAML file (convert)')
    parser.add_argument(
        '--image-size', type=_size, metavar='WxH', help='of the reference image, if IN lacks it'
    )
    add_sensors(parser, 'which topic of the bag is which sensor')


def run(args: argparse.Namespace) -> int:
    """Print the calibration, or write it as YAML.

    Raises:
        CalibrationError: It cannot be read.
        ConfigError: The output is missing or cannot be written.
    """
    import yaml

    from mmseg_ros.core.errors import ConfigError
    from mmseg_ros.projection.summary import lacking, rig_summary

    rig, tree = _read(args)
    if args.action == 'show':
        rows = [*tree, rig_summary(rig), *lacking(rig)]
        sys.stdout.write('\n'.join(rows) + '\n')
        return 0
    if args.output is None:
        raise ConfigError('calibration convert needs IN and OUT.')
    text = yaml.safe_dump(rig.to_dict(), sort_keys=False, default_flow_style=None, width=99)
    try:
        args.output.write_text(text, encoding='utf-8')
    except OSError as error:
        raise ConfigError(f'{args.output} cannot be written ({error}).') from error
    sys.stdout.write('\n'.join([*lacking(rig), str(args.output)]) + '\n')
    return 0


def _read(args: argparse.Namespace) -> tuple[Rig, list[str]]:
    """Return the rig, and the tree of frames of a bag as lines."""
    from mmseg_ros.projection.extrinsics import load_rig

    if not _is_bag(args.source):
        return load_rig(args.source, args.image_size), []
    from mmseg_ros.bag.calibration import frames_of_bag, rig_from_bag
    from mmseg_ros.bag.proposal import propose_topics
    from mmseg_ros.bag.reader import BagReader
    from mmseg_ros.bag.replay import sensor_topics

    given = sensors_of(args)
    with BagReader(args.source) as reader:
        topics = {**propose_topics(reader), **sensor_topics(reader, [*given.topics], given.topics)}
        rig = rig_from_bag(reader, topics, given=given.rig, infos=given.infos)
        if args.image_size is not None:
            rig = rig.with_image_size(rig.reference, *args.image_size)
        return rig, frames_of_bag(reader).lines()


def _is_bag(path: Path) -> bool:
    from mmseg_ros.bag.files import storage_files
    from mmseg_ros.core.errors import BagError

    try:
        return bool(storage_files(path))
    except BagError:
        return False


def _size(text: str) -> tuple[int, int]:
    """Return (height, width) of WIDTHxHEIGHT."""
    try:
        width, height = (int(word) for word in text.lower().split('x'))
    except ValueError:
        raise argparse.ArgumentTypeError(f'must be WIDTHxHEIGHT, but is {text}') from None
    return height, width
