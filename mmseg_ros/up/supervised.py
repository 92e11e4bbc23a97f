"""A program that `up` runs, and its process."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from mmseg_ros.core.child_process import Usage, found_group, signal_group, usage_of

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
STEADY_S = 30.0
"""A process that ran so long before it crashed is restarted after the first pause again."""
_STARTUP_FAULTS = (1, 2)
"""Status of a program that says what is wrong with what it was given: trying again is no help."""
_TAIL_LINES = 25

Write = Callable[[str, str], None]
"""Takes the name of a program and a line about it or from it."""


@dataclass(frozen=True, slots=True)
class Program:
    """What runs as one process.

    Attributes:
        name: Beginning of its lines in the log. command: Its command line.
        lasts: Whether it is meant to run for ever; else its end with status 0 is no fault.
        restarts: Whether it is started again after a crash.
    """

    name: str
    command: Sequence[str]
    lasts: bool = True
    restarts: bool = True


class Supervised:
    """One program and its process.

    Attributes:
        program: What runs. restarts: How often it was started again. code: Its last exit status.
    """

    def __init__(self, program: Program, environment: Mapping[str, str], write: Write) -> None:
        self.program = program
        self.restarts = 0
        self.code: int | None = None
        self._environment = dict(environment)
        self._write = write
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._started_s = 0.0
        self._pause_s = FIRST_PAUSE_S
        self._again_s = 0.0

    @property
    def pid(self) -> int:
        """Return its process number; 0 while it does not run."""
        return self._process.pid if self._process is not None else 0

    def usage(self) -> Usage:
        """Return what its present process has used so far; zeros while it does not run."""
        return usage_of(self.pid)

    def tail(self) -> str:
        """Return its last lines."""
        return '\n'.join(self._tail) or '(it wrote nothing)'

    def start(self) -> None:
        """Start the process; its output goes to the log line by line."""
        self.code = None
        self._started_s = time.monotonic()
        self._process = subprocess.Popen(
            list(self.program.command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment,
            preexec_fn=found_group,
        )
        assert self._process.stdout is not None  # noqa: S101
        self._reader = threading.Thread(
            target=self._forward, args=(self._process.stdout,), daemon=True
        )
        self._reader.start()

    def look(self) -> bool:
        """Restart it if it has crashed and its pause is over; return whether it goes on at all."""
        if self._process is None:
            if time.monotonic() >= self._again_s:
                self.restarts += 1
                self.start()
            return True
        code = self._process.poll()
        if code is None:
            return True
        ran_s = time.monotonic() - self._started_s
        self._finish(code)
        if not self._starts_again(code, ran_s):
            return False
        self._pause_s = FIRST_PAUSE_S if ran_s >= STEADY_S else self._pause_s
        self._say(f'{ending(code)} after {ran_s:.1f} s; starts again in {self._pause_s:g} s.')
        self._again_s = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        return True

    def _starts_again(self, code: int, ran_s: float) -> bool:
        if code == 0 and not self.program.lasts:
            return False
        if not self.program.restarts:
            self._say(f'{ending(code)} after {ran_s:.1f} s.')
            return False
        if code in _STARTUP_FAULTS and self.restarts == 0 and ran_s < STEADY_S:
            self._say(f'ended with status {code} and is not started again: see above.')
            return False
        return True

    def ask_to_end(self) -> None:
        """Send SIGINT."""
        if self._process is not None:
            signal_group(self._process.pid, signal.SIGINT)

    def end(self, until_s: float) -> None:
        """Wait for it until a time of the steady clock, then kill it and its children."""
        process = self._process
        if process is None:
            return
        try:
            code = process.wait(max(until_s - time.monotonic(), 0.01))
        except subprocess.TimeoutExpired:
            self._say('did not end in time and is killed.')
            signal_group(process.pid, signal.SIGKILL)
            code = process.wait()
        signal_group(process.pid, signal.SIGKILL)  # what it has left behind
        self._finish(code)

    def _finish(self, code: int) -> None:
        self.code = code
        self._process = None
        if self._reader is not None:
            self._reader.join(1.0)

    def _forward(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                text = line.decode('utf-8', 'replace').rstrip()
                self._tail.append(text)
                self._write(self.program.name, text)

    def _say(self, text: str) -> None:
        self._write(self.program.name, text)


def ending(code: int) -> str:
    """Return an exit status in words."""
    if code >= 0:
        return f'ended with status {code}'
    try:
        return f'ended by {signal.Signals(-code).name}'
    except ValueError:
        return f'ended by signal {-code}'
