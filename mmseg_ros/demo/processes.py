"""Child processes that never outlive the demo, each with its own log."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from mmseg_ros.core.errors import MmsegError

_PR_SET_PDEATHSIG = 1
# Loaded here: between fork and exec nothing may be imported.
_LIBC = ctypes.CDLL(None) if sys.platform == 'linux' else None
_GRACE_S = 5.0
_POLL_S = 0.05
_TAIL_LINES = 25


class ProcessError(MmsegError):
    """A child process failed or ended too early."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process used: CPU seconds, and the largest resident memory in megabytes."""

    cpu_s: float
    peak_mb: float


class Child:
    """One running process in a process group of its own, which dies with this process.

    Attributes:
        name: What it is called in messages. log: File with its output.
    """

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.log = log
        self._stream = log.open('wb')
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=self._stream,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            preexec_fn=_found_group,
        )

    @property
    def return_code(self) -> int | None:
        """Return its exit status, None while it runs."""
        return self._process.poll()

    def usage(self) -> Usage:
        """Return what it has used so far; zeros once it has ended."""
        try:
            statistics = Path(f'/proc/{self._process.pid}/stat').read_text().rsplit(')', 1)[1]
            status = Path(f'/proc/{self._process.pid}/status').read_text()
        except (OSError, IndexError):
            return Usage(0.0, 0.0)
        user, system = statistics.split()[11:13]
        peak_kb = next(
            (line.split()[1] for line in status.splitlines() if line.startswith('VmHWM')), '0'
        )
        ticks = os.sysconf('SC_CLK_TCK')
        return Usage((int(user) + int(system)) / ticks, int(peak_kb) / 1024)

    def tail(self) -> str:
        """Return the last lines of its log."""
        lines = self.log.read_text(encoding='utf-8', errors='replace').splitlines()
        return '\n'.join(lines[-_TAIL_LINES:]) or '(it wrote nothing)'

    def check(self) -> None:
        """Make sure that it has not failed.

        Raises:
            ProcessError: It ended with another status than 0; the end of its log is shown.
        """
        if self.return_code not in (None, 0):
            raise ProcessError(
                f'The {self.name} ended with status {self.return_code}; the end of {self.log}:\n'
                f'{self.tail()}'
            )

    def stop(self, grace_s: float | None = None) -> None:
        """Ask it to end, wait, then kill it and its children.

        Args:
            grace_s: How long it may take to end by itself; None gives it a few seconds.
        """
        for number in (signal.SIGINT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE_S if grace_s is None else grace_s)
                break
        # The leader may be gone while a child of its own still runs in the session.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._stream.close()


def _found_group() -> None:
    """Lead a process group, and let the kernel end this process when its parent is gone."""
    os.setpgid(0, 0)
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Processes:
    """Starts children and stops all of them, in reverse order, when the block is left."""

    def __init__(self, environment: Mapping[str, str], logs: Path) -> None:
        """Prepare to start children.

        Args:
            environment: Environment of every child.
            logs: Folder of their logs; it is made.
        """
        self._environment = environment
        self._logs = logs
        self._children: list[Child] = []

    def __enter__(self) -> Processes:
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for child in reversed(self._children):
            child.stop()

    def start(self, name: str, command: Sequence[str]) -> Child:
        """Start one child; its output goes to `<logs>/<name>.log`."""
        child = Child(name, command, self._environment, self._logs / f'{name}.log')
        self._children.append(child)
        return child

    def check(self) -> None:
        """Make sure that no child has failed.

        Raises:
            ProcessError: One has; the end of its log is shown.
        """
        for child in self._children:
            child.check()

    def wait_for(self, child: Child, limit_s: float) -> None:
        """Wait until a child ends by itself, watching the others.

        Raises:
            ProcessError: A child failed, or this one takes longer than `limit_s`.
        """
        end_s = time.monotonic() + limit_s
        while child.return_code is None:
            self.check()
            if time.monotonic() > end_s:
                raise ProcessError(
                    f'The {child.name} did not end within {limit_s:.0f} s; the end of '
                    f'{child.log}:\n{child.tail()}'
                )
            time.sleep(_POLL_S)
        child.check()


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
