"""Files that only the user can have written: no links, no other owner, no shared folder."""

from __future__ import annotations

import os
import stat
from io import FileIO
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def require_own_folder(folder: Path) -> None:
    """Check that a folder is the user's own and closed to others; an own one is closed.

    Raises:
        FileNotFoundError: There is none.
        OSError: It is a link, no folder, or belongs to another user.
    """
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(f'{folder} is a link or no folder; give a folder of your own')
    _require_owner(folder, status)
    if status.st_mode & _OTHERS:
        folder.chmod(0o700)


def open_own_file(path: Path, flags: int) -> FileIO:
    """Return an open file of the user; a link is not followed.

    Raises:
        OSError: It is a link, no regular file, or another user owns it or may write it.
    """
    full = flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    stream = FileIO(os.open(path, full, 0o600), 'wb' if flags & os.O_WRONLY else 'rb')
    try:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f'{path} is no regular file')
        _require_owner(path, status)
        if status.st_mode & _OTHERS_WRITE:
            raise PermissionError(f'{path} can be written by other users')
    except BaseException:
        stream.close()
        raise
    return stream


def read_own_file(path: Path) -> bytes:
    """Return the content of a file of the user; raises as `open_own_file`."""
    with open_own_file(path, os.O_RDONLY) as stream:
        return stream.readall()


def write_own_file(path: Path, content: bytes) -> None:
    """Write a file in one step; a leftover draft, or a link in its place, is removed first.

    Raises:
        OSError: It cannot be written.
    """
    draft = path.with_name(path.name + '.tmp')
    draft.unlink(missing_ok=True)
    with open_own_file(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as stream:
        left = memoryview(content)
        while left:
            left = left[stream.write(left) :]
        os.fsync(stream.fileno())
    draft.replace(path)


def _require_owner(path: Path, status: os.stat_result) -> None:
    if status.st_uid != os.geteuid():
        raise PermissionError(f'{path} belongs to user {status.st_uid}, not to you')
