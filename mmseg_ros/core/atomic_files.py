"""Files and folders that appear whole or not at all, for every verb that writes.

A draft lies beside its target under a hidden name and takes the target's name in one step when it
is complete; it is removed when writing fails. The draft of a killed process stays behind, is never
read, and gives way to the next draft of the same target.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mmseg_ros.core.errors import MmsegError, OutputError
from mmseg_ros.core.output_errors import DRAFT_SUFFIX, reported

_LONGEST_SHOWN = 200
_NO_LOCKS_HERE = (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)


def write_text(path: Path | str, text: str) -> None:
    """Write UTF-8 text, as `write_bytes` does."""
    write_bytes(path, text.encode('utf-8'))


def write_bytes(path: Path | str, content: bytes | memoryview, durable: bool = True) -> None:
    """Write a file, making its folder; a reader sees the old file or the new one.

    Args:
        path: The file.
        content: All of it.
        durable: Whether it must survive a power cut from now on; costs milliseconds.

    Raises:
        OutputError: The file cannot be written; what stood there before still stands.
    """
    with atomic_file(path, durable) as draft, draft.open('wb') as stream:
        stream.write(content)


def append_text(path: Path | str, text: str) -> None:
    """Add UTF-8 text at the end of a file, making it if it is not there.

    Raises:
        OutputError: The text cannot be added; the file is as it was.
    """
    with reported(path):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with Path(path).open('ab', buffering=0) as stream:
            before = stream.tell()
            content = memoryview(text.encode('utf-8'))
            try:
                while content:
                    content = content[stream.write(content) :]
            except OSError:
                stream.truncate(before)
                if not before:
                    Path(path).unlink()
                raise


@contextmanager
def atomic_file(path: Path | str, durable: bool = True) -> Iterator[Path]:
    """Yield an empty file that becomes `path` if the block ends well, else vanishes.

    For libraries that write to a path. The draft has no suffix that they could read a format from.

    Raises:
        OutputError: The file cannot be written; what stood there before still stands.
    """
    shown = Path(path)
    with reported(shown):
        target = Path(os.path.realpath(shown))
        _require_replaceable(shown, target)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = _draft_of(target)
        lock = _locked(draft, os.O_CREAT | os.O_RDWR, shown)
        try:
            os.ftruncate(lock, 0)
            yield draft
            if durable:
                _sync(draft)
            os.replace(draft, target)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        finally:
            os.close(lock)
        if durable:
            _sync(target.parent)


@contextmanager
def atomic_folder(path: Path | str, replaces: bool = False) -> Iterator[Path]:
    """Yield a folder to fill that becomes `path` if the block ends well, else vanishes.

    The folder has the last part of `path` as its name, which writers of bags put into it.

    Args:
        path: The folder to make; its parents are made too.
        replaces: Whether a folder that stands there gives way to the new one. Otherwise it is an
            error.

    Raises:
        OutputError: The folder exists or cannot be written; what stood there before still stands.
    """
    path = Path(path)
    with reported(path), _outer_draft(path, replaces) as outer:
        inner = outer / (path.name or 'content')
        inner.mkdir()
        yield inner
        for file in inner.rglob('*'):
            if file.is_file():
                _sync(file)
        if replaces and path.exists():
            os.rename(path, outer / '.replaced')
        elif not replaces:
            require_absent(path)
        os.rename(inner, path)


def require_writable(path: Path | str) -> None:
    """Make the folder of `path` and a draft in it: before long work whose result goes there.

    Raises:
        OutputError: The file cannot be written.
    """
    shown = Path(path)
    with reported(shown):
        target = Path(os.path.realpath(shown))
        _require_replaceable(shown, target)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = _draft_of(target)
        os.close(_locked(draft, os.O_CREAT | os.O_RDWR, shown))
        draft.unlink(missing_ok=True)


def require_absent(path: Path, kind: type[MmsegError] = OutputError) -> None:
    """Raise an error of a kind if something stands at `path`; OutputError if nothing can."""
    with reported(path):
        if os.path.lexists(path):
            raise kind(f'{path} exists; remove it or choose another --output.')


@contextmanager
def _outer_draft(path: Path, replaces: bool) -> Iterator[Path]:
    """Yield the empty, locked draft folder of `path`, which is removed at the end."""
    if not replaces:
        require_absent(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    outer = _draft_of(path)
    outer.mkdir(exist_ok=True)
    lock = _locked(outer, os.O_RDONLY | os.O_DIRECTORY, path)
    try:
        for stale in outer.iterdir():
            shutil.rmtree(stale)
        yield outer
    finally:
        shutil.rmtree(outer, ignore_errors=True)
        os.close(lock)
    _sync(path.parent)


def _draft_of(path: Path) -> Path:
    """Return the draft's path; a long name is shortened to fit the file system."""
    name = path.name
    if len(os.fsencode(name)) > _LONGEST_SHOWN:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    return path.with_name(f'.{name}{DRAFT_SUFFIX}')


def _locked(draft: Path, flags: int, target: Path) -> int:
    """Open and lock a draft; the system frees the lock when the process ends, however it ends."""
    while True:
        descriptor = os.open(draft, flags | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise OutputError(
                f'{target} is being written by another process; wait for it or choose another '
                'output.'
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS_HERE:
                os.close(descriptor)
                raise
        # Whoever held the lock before may have moved the draft away meanwhile.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(draft, follow_symlinks=False)):
                return descriptor
        os.close(descriptor)


def _require_replaceable(shown: Path, target: Path) -> None:
    """Raise OutputError if `target` is a folder, device or pipe: renaming would destroy it."""
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(target).st_mode):
            raise OutputError(f'{shown} is not a regular file; choose another output.')


def _sync(path: Path) -> None:
    """Have the system store what it holds of a file or folder; a full disk may show only then."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
