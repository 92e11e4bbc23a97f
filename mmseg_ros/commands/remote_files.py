"""Sources and outputs that are no local paths: any file system that fsspec knows, `s3://...`."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from mmseg_ros.core.errors import BagError, ConfigError, OutputError
from mmseg_ros.core.output_errors import DRAFT_SUFFIX

Place: TypeAlias = Path | str
"""A local path, or the URL of something elsewhere."""

_MARK, _LOCAL = '://', 'file://'
_STORAGE_SUFFIXES = ('.mcap', '.db3', '.zstd', '.zst')
_LAST = ('metrics.json', 'robustness.json', 'summary.csv', 'metadata.yaml')
"""Files whose presence says that the others are there."""


def place(text: str) -> Place:
    """Read a word of the command line: a path, or a URL; `file://` is a path."""
    if text.startswith(_LOCAL):
        return Path(text[len(_LOCAL) :])
    return text.rstrip('/') if _MARK in text else Path(text)


def url_name(url: str) -> str:
    """Return what the folder of the scores of a remote source is called."""
    name = PurePosixPath(url.partition(_MARK)[2]).name
    while PurePosixPath(name).suffix in _STORAGE_SUFFIXES:
        name = PurePosixPath(name).stem
    return name


@contextmanager
def local_source(source: Place) -> Iterator[Path]:
    """Yield the path of a source; a remote one is copied for the time of the block.

    Raises:
        BagError: It cannot be read.
    """
    if isinstance(source, Path):
        yield source
        return
    system, path = _opened(source)
    with TemporaryDirectory(prefix='mmseg-source-') as folder:
        target = Path(folder) / PurePosixPath(path).name
        try:
            system.get(path, str(target), recursive=bool(system.isdir(path)))
        except Exception as error:  # every file system raises its own types
            raise BagError(
                f'{source} cannot be copied ({type(error).__name__}: {error}); check that it '
                'exists and may be read.'
            ) from error
        yield target


@contextmanager
def local_target(target: Place) -> Iterator[Path]:
    """Yield the path to write a folder to; what a URL names gets it when the block ends well.

    Raises:
        OutputError: It cannot be written.
    """
    if isinstance(target, Path):
        yield target
        return
    with TemporaryDirectory(prefix='mmseg-output-') as folder:
        local = Path(folder) / url_name(target)
        yield local
        if local.is_dir():
            store(local, target)


def store(folder: Path, url: str) -> None:
    """Copy a local folder to a URL: each file under its name only when it is whole there.

    Args:
        folder: With its folders below.
        url: Of the folder to make or to add to.

    Raises:
        OutputError: It cannot be written.
    """
    system, root = _opened(url)
    files = [path for path in folder.rglob('*') if path.is_file()]
    files = [path for path in files if not path.name.endswith(DRAFT_SUFFIX)]
    for path in sorted(files, key=lambda path: (_is_last(path), path)):
        target = f'{root}/{path.relative_to(folder).as_posix()}'
        try:
            system.makedirs(str(PurePosixPath(target).parent), exist_ok=True)
            system.pipe_file(target + DRAFT_SUFFIX, path.read_bytes())
            system.mv(target + DRAFT_SUFFIX, target)
        except Exception as error:  # every file system raises its own types
            raise OutputError(
                f'{url} cannot be written ({type(error).__name__}: {error}); check the address '
                'and what you may do there.'
            ) from error


def require_usable(url: str) -> None:
    """Raise before long work if nothing can be written to a URL for want of a file system.

    Raises:
        ConfigError: There is no file system of that name, or fsspec is missing.
    """
    _opened(url)


def _is_last(path: Path) -> bool:
    return path.name in _LAST or path.name.endswith('.finished.json')


def _opened(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path in it."""
    try:
        fsspec = importlib.import_module('fsspec')
    except ImportError as error:
        raise ConfigError(
            f'{url} is read through fsspec, which is not installed; install mmseg_ros[fleet].'
        ) from error
    try:
        system, path = fsspec.core.url_to_fs(url)
    except Exception as error:  # an unknown protocol, a missing library, a wrong address
        raise ConfigError(f'{url} names no file system that can be used: {error}') from error
    return system, str(path)
