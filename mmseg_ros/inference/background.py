"""Work that must not hold up the frames: one thread, each job once, first come first served."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Callable

_AT_EXIT_S = 30.0
_running: weakref.WeakSet[BackgroundJobs] = weakref.WeakSet()


class BackgroundJobs:
    """Runs jobs, named by strings, one after the other in a daemon thread.

    Args:
        name: Name of the thread.
        work: Called with each job's name; must not raise.
    """

    def __init__(self, name: str, work: Callable[[str], None]) -> None:
        self._work = work
        self._waiting: list[str] = []
        self._known: set[str] = set()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        _running.add(self)

    def request(self, job: str) -> None:
        """Queue a job unless it was requested before; returns at once."""
        if job in self._known:
            return
        with self._changed:
            if not self._closed:
                self._known.add(job)
                self._waiting.append(job)
                self._changed.notify_all()

    def pending(self) -> tuple[str, ...]:
        """Return the jobs that are waiting or being done."""
        with self._changed:
            return tuple(self._waiting)

    def wait(self, timeout_s: float) -> bool:
        """Wait until nothing is pending; return whether that came to pass."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting, timeout_s)

    def stop(self, timeout_s: float = 60.0) -> bool:
        """Drop what waits and end the thread after the job at hand; return whether it ended."""
        with self._changed:
            self._closed = True
            del self._waiting[1:]
            self._changed.notify_all()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                job = self._waiting[0]
            self._work(job)
            with self._changed:
                self._waiting.remove(job)
                self._changed.notify_all()


@atexit.register
def _stop_all() -> None:
    """End the threads before the interpreter takes a library away from under a job."""
    for jobs in list(_running):
        jobs.stop(_AT_EXIT_S)
