"""The storage files that make up a recording, however it lies on the disk."""

from __future__ import annotations

import logging
import re
import shutil
import sqlite3
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import zstandard

from mmseg_ros.bag.channels import Storage
from mmseg_ros.bag.storage_mcap import McapStorage
from mmseg_ros.bag.storage_sqlite import SqliteStorage
from mmseg_ros.core.errors import BagError
from mmseg_ros.core.safe_yaml import load_yaml

SUFFIXES = ('.mcap', '.db3')
_PACKED_SUFFIXES = ('.zstd', '.zst')
_ROS1_MAGIC = b'#ROSBAG V'
_ROS1_SUFFIX = '.bag'
_log = logging.getLogger(__name__)


def storage_files(path: Path) -> list[Path]:
    """Return the storage files of a bag folder, or the one file that was given.

    Which kind a file is says its name, not metadata.yaml: `storage_identifier` may be empty, and
    the file itself may be missing. Files compressed as a whole (.mcap.zstd) count.

    Raises:
        BagError: There is no recording, a split of it is missing, or it is one of ROS 1.
    """
    if not path.exists():
        raise BagError(f'{path} does not exist; give a bag folder, or an .mcap or .db3 file.')
    if path.is_file():
        if _is_ros1(path):
            raise _ros1_error(path)
        if not _is_storage(path):
            raise BagError(f'{path} is not a bag; expected a folder, or an .mcap or .db3 file.')
        return [path]
    files = sorted(file for file in path.iterdir() if file.is_file() and _is_storage(file))
    named = _named_files(path)
    missing = [name for name in named if not any(_is_same_file(file, name) for file in files)]
    if files and missing and len(files) < len(named):
        raise BagError(
            f'{path}: metadata.yaml names {", ".join(missing)}, which {_are(missing)} missing; '
            'bring it back, or read the files that are there by moving metadata.yaml away.'
        )
    if named and not missing:
        return [file for file in files if any(_is_same_file(file, name) for name in named)]
    if files:
        return files
    ros1 = sorted(path.glob('*' + _ROS1_SUFFIX))
    if ros1:
        raise _ros1_error(ros1[0])
    had = 'metadata.yaml, but' if named else 'no metadata.yaml and holds'
    raise BagError(f'{path} has {had} no .mcap or .db3 file; give the folder of a recording.')


def is_recording(path: Path) -> bool:
    """Return whether a path is a folder or looks like the file of a bag, also packed or ROS 1."""
    return path.is_dir() or _is_storage(path) or path.suffix == _ROS1_SUFFIX


def rescuable_files(path: Path) -> list[Path]:
    """Return the storage files of a damaged recording, whatever metadata.yaml says.

    Raises:
        BagError: There is none, or it is a recording of ROS 1.
    """
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file() and _is_storage(file))
        plain = {file.name for file in files}
        # A recorder that was killed while packing leaves both.
        files = [file for file in files if file.suffix in SUFFIXES or file.stem not in plain]
        return sorted(files, key=_split_number) or storage_files(path)
    return storage_files(path)


def _split_number(path: Path) -> tuple[int, str]:
    """Return the order of a split: <bag>_10.mcap comes after <bag>_9.mcap."""
    number = re.search(r'_(\d+)\.', path.name)
    return (int(number[1]) if number else 0, path.name)


def open_storage(path: Path, stack: ExitStack) -> Storage:
    """Open one storage file; what that takes is closed and removed with the stack.

    Raises:
        BagError: The file cannot be read; the message says how to rescue it.
    """
    plain = path
    try:
        if path.suffix in _PACKED_SUFFIXES:
            plain = _unpacked(path, Path(stack.enter_context(TemporaryDirectory())))
        storage: Storage = SqliteStorage(plain) if plain.suffix == '.db3' else McapStorage(plain)
    except BagError:
        raise
    except Exception as error:  # damage shows in any way
        raise damage_error(path, error) from error
    stack.callback(storage.close)
    return storage


def damage_error(path: Path, error: Exception) -> BagError:
    """Return the error for a storage file that cannot be read, with the way to rescue it."""
    size = path.stat().st_size if path.is_file() else None
    if size == 0:
        return BagError(f'{path} is empty: nothing was recorded into it.')
    if isinstance(error, OSError) and error.errno is not None:
        return BagError(f'{path} cannot be read ({error}).')
    text = str(error) or type(error).__name__
    if isinstance(error, sqlite3.Error):
        return BagError(
            f'{path} is a damaged SQLite bag ({text}); try `sqlite3 {path} .recover`, and record '
            'as MCAP, which stays readable up to a cut.'
        )
    if isinstance(error, ValueError) and 'does not begin' in text:
        return BagError(f'{path} cannot be read as a ROS 2 bag ({text}).')
    return BagError(
        f'{path} was not closed, is cut off or damaged ({text}): the recorder was killed, the '
        'disk was full or a copy is incomplete. Rescue every whole message with '
        f'`python -m mmseg_ros repair {path} OUTPUT`.'
    )


def _unpacked(path: Path, folder: Path) -> Path:
    target = folder / path.stem
    _log.info('%s: unpacking to read it', path)
    with path.open('rb') as packed, target.open('wb') as plain:
        reader = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
        shutil.copyfileobj(reader, plain)
    return target


def _is_storage(path: Path) -> bool:
    inner = path.with_suffix('') if path.suffix in _PACKED_SUFFIXES else path
    return inner.suffix in SUFFIXES


def _is_same_file(file: Path, name: str) -> bool:
    """Return whether a file is the one that metadata.yaml names; either may tell of packing."""
    return file.name in (name, *(name + suffix for suffix in _PACKED_SUFFIXES)) or (
        PurePosixPath(name).suffix in _PACKED_SUFFIXES and file.name == PurePosixPath(name).stem
    )


def _named_files(folder: Path) -> list[str]:
    path = folder / 'metadata.yaml'
    if not path.is_file():
        return []
    try:
        information = load_yaml(path, BagError)['rosbag2_bagfile_information']
        return [PurePosixPath(name).name for name in information['relative_file_paths']]
    except (BagError, ValueError, KeyError, TypeError, AttributeError) as error:
        _log.warning('%s cannot be read (%s); the files beside it are taken.', path, error)
        return []


def recorded_counts(path: Path) -> dict[str, int]:
    """Return how many messages of each topic metadata.yaml counts; nothing where it does not."""
    metadata = path / 'metadata.yaml'
    if not metadata.is_file():
        return {}
    try:
        information = load_yaml(metadata, BagError)['rosbag2_bagfile_information']
        return {
            str(topic['topic_metadata']['name']): int(topic['message_count'])
            for topic in information['topics_with_message_count']
        }
    except (BagError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _is_ros1(path: Path) -> bool:
    if path.suffix == _ROS1_SUFFIX:
        return True
    with path.open('rb') as stream:
        return stream.read(len(_ROS1_MAGIC)) == _ROS1_MAGIC


def _ros1_error(path: Path) -> BagError:
    output = path.with_suffix('')
    return BagError(
        f'{path} is a recording of ROS 1; convert it with `rosbags-convert --src {path} '
        f'--dst {output}` (installed with the package rosbags) and give {output}.'
    )


def _are(names: list[str]) -> str:
    return 'is' if len(names) == 1 else 'are'
