"""Options of `evaluate` that do not go with its source."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmseg_ros.core.errors import ConfigError


def reject_bag_options(args: argparse.Namespace, source: Path) -> None:
    """Raise ConfigError for options that only a bag has."""
    given = (args.calibration, args.sensors, args.labels, args.label_map, args.write_bag)
    if args.every != 1 or any(given):
        raise ConfigError(
            f'{source} is a data set: --every, --calibration, --sensors, --labels, --label-map '
            'and --write-bag are for bags; leave them out.'
        )


def reject_exports(args: argparse.Namespace, bundle: str) -> None:
    """Raise ConfigError for exports that a text-prompted bundle does not make."""
    if args.export_masks:
        raise ConfigError(
            f'--export-masks writes labels of classes, but {bundle} answers text prompts.'
        )


def reject_data_set_options(args: argparse.Namespace) -> None:
    """Raise ConfigError for options that only a data set has."""
    if args.protocol:
        raise ConfigError('--protocol is for data sets; a bag is scored with --subsets.')
