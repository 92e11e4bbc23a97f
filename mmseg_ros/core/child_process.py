"""Child processes that never outlive the process that started them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
# Loaded here: between fork and exec nothing may be imported.
_LIBC = ctypes.CDLL(None) if sys.platform == 'linux' else None


def found_group() -> None:
    """Lead a process group, and let the kernel end this process when its parent is gone.

    For `preexec_fn`: a signal of the terminal then reaches the parent alone.
    """
    os.setpgid(0, 0)
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def signal_group(pid: int, number: int) -> None:
    """Send a signal to all processes of a group; those that are gone need none."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
