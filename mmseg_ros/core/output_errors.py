"""One clear sentence for what a disk says when a file cannot be written."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmseg_ros.core.errors import MmsegError, OutputError

_REASONS = {
    errno.ENOSPC: 'the disk is full; make room or choose another place',
    errno.EDQUOT: 'the disk quota is used up; make room or choose another place',
    errno.EROFS: 'the disk is read-only; choose another place',
    errno.EACCES: 'this user may not write there; choose another place',
    errno.EPERM: 'this user may not write there; choose another place',
    errno.EFBIG: 'the file would exceed the largest size allowed here (`ulimit -f`)',
    errno.ENAMETOOLONG: 'the name is too long; choose a shorter one',
    errno.EIO: 'the disk reports an input/output error; check it or choose another place',
    errno.ENOTDIR: 'a part of the path is a file; choose another place',
    errno.EEXIST: 'a part of the path is a file; choose another place',
    errno.EISDIR: 'it is a folder; choose another name',
    errno.ELOOP: 'symbolic links lead in a circle or stand in place of the draft; remove them',
    errno.EMFILE: 'too many files are open (`ulimit -n`)',
}
DRAFT_SUFFIX = '.draft'
_LONGEST_SHOWN = 200
_PROBE_BYTES = 1 << 20


@contextmanager
def reported(path: Path | str) -> Iterator[None]:
    """Turn whatever keeps `path` from being written into OutputError.

    Libraries hide the system's error behind kinds of their own (`RuntimeError` of torch,
    `SafetensorError`), so after such a one the disk itself is asked. Errors of other files that
    are read meanwhile pass.

    Raises:
        OutputError: The path cannot be written.
    """
    try:
        yield
    except MmsegError:
        raise
    except OSError as error:
        if not _concerns(error, Path(path)):
            raise
        raise OutputError(f'{shown(path)} cannot be written: {reason(error)}.') from error
    except ValueError as error:
        if '\0' not in str(path):
            raise
        raise OutputError(f'{shown(path)!r} cannot be written: {error}.') from error
    except Exception as error:
        rejection = _system_error(error) or _tried(Path(path))
        if rejection is None:
            raise
        raise OutputError(f'{shown(path)} cannot be written: {reason(rejection)}.') from error


def shown(path: Path | str) -> str:
    """Return a path as messages show it: a very long one without its middle."""
    text = str(path)
    return text if len(text) <= _LONGEST_SHOWN else f'{text[:80]}...{text[-40:]}'


def reason(error: OSError) -> str:
    """Return what is wrong and what to do, without a full stop."""
    return _REASONS.get(error.errno or 0) or error.strerror or str(error)


def _concerns(error: OSError, path: Path) -> bool:
    """Return whether an error is about `path`, its draft, what lies in them or a folder above.

    Errors of opened files name none.
    """
    if not isinstance(error.filename, str | bytes):
        return error.errno in _REASONS
    named = os.path.abspath(os.fsdecode(error.filename))
    for target in (os.path.abspath(path), os.path.realpath(path)):
        parent, name = os.path.split(target)
        if target == named or target.startswith(named.rstrip('/') + '/'):
            return True
        below = os.path.relpath(named, parent).split('/')[0]
        if below == name or (below.startswith('.') and below.endswith(DRAFT_SUFFIX)):
            return True
    return False


def _system_error(error: BaseException) -> OSError | None:
    """Return the system's error behind another one."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _REASONS:
            return cause
        cause = cause.__cause__ or cause.__context__
    return None


def _tried(path: Path) -> OSError | None:
    """Write a little beside `path` and return what the system says against it."""
    try:
        with tempfile.TemporaryFile(dir=path.parent) as stream:
            stream.write(bytes(_PROBE_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        return error
    return None
