"""`--write-bag` and `--export-masks`: the labels themselves, beside their scores."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmseg_ros.evaluation.exports import ExportPaths


def add_exports(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        '--write-bag', type=Path, metavar='OUT',
        help='also write a copy of the recording with labels, confidence and labeled points (bag)',
    )  # fmt: skip
    parser.add_argument(
        '--export-masks', type=Path, metavar='DIR',
        help='also write label images (ids and colors) with their stamps; --labels reads them',
    )  # fmt: skip


def export_paths(args: argparse.Namespace) -> ExportPaths:
    """Return where the labels go.

    Raises:
        OutputError: Something stands there.
    """
    from mmseg_ros.core.atomic_files import require_absent
    from mmseg_ros.evaluation.exports import ExportPaths

    for path in (args.write_bag, args.export_masks):
        if path is not None:
            require_absent(path)
    return ExportPaths(args.write_bag, args.export_masks)


def exports_below(args: argparse.Namespace, part: Path) -> argparse.Namespace:
    """Return the arguments of one of several pairs, whose exports go to folders below.

    Args:
        args: Of the verb.
        part: SOURCE/BUNDLE.
    """
    given = {'write_bag': args.write_bag, 'export_masks': args.export_masks}
    below = {name: path and path / part for name, path in given.items()}
    return argparse.Namespace(**{**vars(args), **below})


def without_exports(args: argparse.Namespace) -> argparse.Namespace:
    """Return the arguments of a run that only scores."""
    return argparse.Namespace(**{**vars(args), 'write_bag': None, 'export_masks': None})
