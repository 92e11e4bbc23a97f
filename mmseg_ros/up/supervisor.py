"""Runs processes side by side: one log, restarts after crashes, a common end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

from mmseg_ros.core.errors import MmsegError
from mmseg_ros.up.supervised import Program, Supervised, Write, ending

GRACE_S = 8.0
"""How long programs may take to end after SIGINT."""
_POLL_S = 0.05


class ProcessError(MmsegError):
    """A process failed or ended too early."""


class OneLog:
    """Takes the lines of several programs; each gets its program's name before it.

    Args:
        programs: Whose lines come. write: Takes the lines of the log, one at a time.
    """

    def __init__(self, programs: Sequence[Program], write: Callable[[str], None]) -> None:
        self._width = max(len(program.name) for program in programs)
        self._write = write
        self._lock = threading.Lock()

    def __call__(self, name: str, text: str) -> None:
        """Take a line."""
        with self._lock:
            self._write(f'[{name:<{self._width}}] {text}')


class Supervisor:
    """All programs together: started at the beginning of a block, ended at its end.

    Args:
        programs: In the order in which they start.
        environment: Of every one.
        write: Takes the lines of all; it is called by several threads.

    Attributes:
        children: The programs with their processes, in the same order.
    """

    def __init__(
        self, programs: Sequence[Program], environment: Mapping[str, str], write: Write
    ) -> None:
        self.children = [Supervised(program, environment, write) for program in programs]
        self._running: list[Supervised] = []

    def __enter__(self) -> Supervisor:
        try:
            for child in self.children:
                child.start()
                self._running.append(child)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def __getitem__(self, name: str) -> Supervised:
        return next(child for child in self.children if child.program.name == name)

    def look(self) -> list[Supervised]:
        """Restart what has crashed; return what has ended for good since the last call."""
        over = [child for child in self._running if not child.look()]
        self._running = [child for child in self._running if child not in over]
        return over

    def check(self) -> list[Supervised]:
        """Do the same where every end is a fault but that of a program that does not last.

        Raises:
            ProcessError: Such an end; has the program's last lines.
        """
        over = self.look()
        for child in over:
            require_good_end(child)
        return over

    def stop(self, name: str, grace_s: float) -> None:
        """Ask one program to end, and kill it if that takes too long.

        Raises:
            ProcessError: It ended with another status than 0; has its last lines.
        """
        child = self[name]
        child.ask_to_end()
        child.end(time.monotonic() + grace_s)
        self._running = [other for other in self._running if other is not child]
        if child.code:
            raise ProcessError(f'{_told(child)}\n{child.tail()}')

    def run(self, stop: threading.Event, stays: bool) -> int:
        """Run until `stop` is set, one cannot start, or what does not last has ended.

        Args:
            stop: Ends everything.
            stays: Whether the others go on after the end of those that do not last.

        Returns:
            0, or the status of what could not start.
        """
        with self:
            while self._running and not stop.wait(_POLL_S):
                over = self.look()
                failed = [child.code for child in over if child.code]
                if failed:
                    return failed[0] or 0
                if over and not stays:
                    break
        return 0

    def _end(self) -> None:
        for child in reversed(self.children):
            child.ask_to_end()
        until_s = time.monotonic() + GRACE_S
        for child in reversed(self.children):
            child.end(until_s)


def require_good_end(child: Supervised) -> None:
    """Make sure that a program that has ended was allowed to.

    Raises:
        ProcessError: It failed, or was meant to last; has its last lines.
    """
    if child.code or child.program.lasts:
        raise ProcessError(f'{_told(child)}\n{child.tail()}')


def _told(child: Supervised) -> str:
    return f'The {child.program.name} {ending(child.code or 0)}; its last lines:'
