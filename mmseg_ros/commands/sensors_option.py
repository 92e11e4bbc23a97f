"""The option `--sensors`, the same on every verb that reads or writes a bag."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmseg_ros.bag.sensor_setup import SensorSetup


def add_sensors(parser: argparse.ArgumentParser, text: str) -> None:
    """Declare `--sensors`.

    Args:
        parser: Of the verb.
        text: What the verb does with it.
    """
    parser.add_argument(
        '--sensors',
        nargs='+',
        action='extend',
        default=[],
        metavar='NAME=TOPIC',
        help=f'{text}; or a YAML file that `inspect` proposed',
    )


def sensors_of(args: argparse.Namespace) -> SensorSetup:
    """Return what was given.

    Raises:
        ConfigError: A word is neither NAME=TOPIC nor a file that describes sensors.
    """
    from mmseg_ros.bag.sensor_setup import read_sensor_setup

    return read_sensor_setup(args.sensors)
