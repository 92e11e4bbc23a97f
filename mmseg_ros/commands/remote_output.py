"""An output that is a URL: files are made here and copied there as they are finished."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mmseg_ros.commands.remote_files import require_usable, store

Mirror = Callable[[Path], None]
"""Called with the local folder of the output whenever files in it are finished."""


@contextmanager
def mirrored_output(args: argparse.Namespace) -> Iterator[argparse.Namespace]:
    """Yield the arguments with a local folder as output, and with `mirror`.

    What is in the folder is copied to the URL whenever `mirror` is called. A path stays as it is,
    and `mirror` does nothing then.

    Raises:
        ConfigError: There is no such file system.
        OutputError: The URL cannot be written.
    """
    for url in (args.output, args.write_bag, args.export_masks):
        if isinstance(url, str):
            require_usable(url)
    mirror: Mirror = _nothing
    changed: dict[str, object] = {}
    with TemporaryDirectory(prefix='mmseg-scores-') as folder:
        if isinstance(args.output, str):
            mirror, changed = _Mirror(args.output), {'output': Path(folder)}
        yield argparse.Namespace(**{**vars(args), **changed, 'mirror': mirror})


class _Mirror:
    """Copies what is new to a URL; can be sent to another process, where it is not used."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, output: Path) -> None:
        store(output, self._url)


def _nothing(output: Path) -> None:
    """Leave local files where they are."""
