"""`--write-bag` and `--export-masks`: the labels themselves, beside their scores."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_ros.commands.remote_files import Place, local_target, place

if TYPE_CHECKING:
    from mmseg_ros.evaluation.exports import ExportPaths


def add_exports(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        '--write-bag', type=place, metavar='OUT',
        help='also write a copy of the recording with labels, confidence and labeled points (bag)',
    )  # fmt: skip
    parser.add_argument(
        '--export-masks', type=place, metavar='DIR',
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
    below = {name: where and _below(where, part) for name, where in given.items()}
    return argparse.Namespace(**{**vars(args), **below})


@contextmanager
def local_exports(args: argparse.Namespace) -> Iterator[argparse.Namespace]:
    """Yield the arguments with paths for exports; what URLs name gets them at the end.

    Raises:
        OutputError: They cannot be written there.
    """
    with ExitStack() as stack:
        changed = {
            name: where and stack.enter_context(local_target(where))
            for name, where in (
                ('write_bag', args.write_bag),
                ('export_masks', args.export_masks),
            )
        }
        yield argparse.Namespace(**{**vars(args), **changed})


def _below(where: Place, part: Path) -> Place:
    return where / part if isinstance(where, Path) else f'{where}/{part.as_posix()}'


def without_exports(args: argparse.Namespace) -> argparse.Namespace:
    """Return the arguments of a run that only scores."""
    return argparse.Namespace(**{**vars(args), 'write_bag': None, 'export_masks': None})
