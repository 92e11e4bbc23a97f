"""Child processes that never outlive the process that started them, and what they use."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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


@contextlib.contextmanager
def exit_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into SystemExit inside the block, so that what it opened is closed."""

    def leave(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    previous = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process used: CPU seconds, and the largest resident memory in megabytes."""

    cpu_s: float
    peak_mb: float


def usage_of(pid: int) -> Usage:
    """Return what a process has used so far; zeros once it has ended."""
    try:
        statistics = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1]
        status = Path(f'/proc/{pid}/status').read_text()
    except (OSError, IndexError):
        return Usage(0.0, 0.0)
    user, system = statistics.split()[11:13]
    peak_kb = next(
        (line.split()[1] for line in status.splitlines() if line.startswith('VmHWM')), '0'
    )
    ticks = os.sysconf('SC_CLK_TCK')
    return Usage((int(user) + int(system)) / ticks, int(peak_kb) / 1024)
