"""Runs processes side by side: one log, restarts after crashes, a common end."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO

from mmseg_ros.core.child_process import found_group, signal_group
from mmseg_ros.up.command_lines import Program

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
STEADY_S = 30.0
"""A process that ran so long before it crashed is restarted after the first pause again."""
GRACE_S = 8.0
_POLL_S = 0.05
_STARTUP_FAULTS = (1, 2)
"""Status of a program that says what is wrong with what it was given: trying again is no help."""

Write = Callable[[str], None]


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
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._started_s = 0.0
        self._pause_s = FIRST_PAUSE_S
        self._again_s = 0.0

    @property
    def pid(self) -> int:
        """Return its process number; 0 while it does not run."""
        return self._process.pid if self._process is not None else 0

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
        if code == 0 and not self.program.lasts:
            return False
        if code in _STARTUP_FAULTS and self.restarts == 0 and ran_s < STEADY_S:
            self._write(f'ended with status {code} and is not started again: see above.')
            return False
        self._pause_s = FIRST_PAUSE_S if ran_s >= STEADY_S else self._pause_s
        self._write(f'{_ending(code)} after {ran_s:.1f} s; starts again in {self._pause_s:g} s.')
        self._again_s = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
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
            self._write('did not end in time and is killed.')
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
                self._write(line.decode('utf-8', 'replace').rstrip())


class Supervisor:
    """All programs together.

    Args:
        programs: In the order in which they start.
        environment: Of every one.
        write: Takes the lines of the log.
    """

    def __init__(
        self, programs: Sequence[Program], environment: Mapping[str, str], write: Write
    ) -> None:
        width = max(len(program.name) for program in programs)
        lock = threading.Lock()

        def writer(name: str) -> Write:
            def line(text: str) -> None:
                with lock:
                    write(f'[{name:<{width}}] {text}')

            return line

        self.children = [
            Supervised(program, environment, writer(program.name)) for program in programs
        ]

    def run(self, stop: threading.Event, stays: bool) -> int:
        """Run until `stop` is set, one cannot start, or what does not last has ended.

        Args:
            stop: Ends everything.
            stays: Whether the others go on after the end of those that do not last.

        Returns:
            0, or the status of what could not start.
        """
        status = 0
        running = list(self.children)
        try:
            for child in running:
                child.start()
            while running and not stop.wait(_POLL_S):
                over = [child for child in running if not child.look()]
                running = [child for child in running if child not in over]
                failed = [child.code for child in over if child.code]
                if failed:
                    status = failed[0] or 0
                    break
                if over and not stays:
                    break
        finally:
            self._end()
        return status

    def _end(self) -> None:
        for child in reversed(self.children):
            child.ask_to_end()
        until_s = time.monotonic() + GRACE_S
        for child in reversed(self.children):
            child.end(until_s)


def _ending(code: int) -> str:
    if code >= 0:
        return f'ended with status {code}'
    try:
        return f'ended by {signal.Signals(-code).name}'
    except ValueError:
        return f'ended by signal {-code}'
