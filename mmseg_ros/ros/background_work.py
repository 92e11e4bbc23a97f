"""Long work beside the executor: a coroutine awaits it, everything else goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from typing import Generic, TypeVar

Result = TypeVar('Result')


class BackgroundWork(Generic[Result]):
    """Runs a function in its own thread; awaitable in a coroutine of an rclpy executor.

    The function must not raise.

    Args:
        name: Name of the thread.
        body: The work.
        wake: Called at its end from that thread; it must make the executor look at its tasks.
    """

    def __init__(self, name: str, body: Callable[[], Result], wake: Callable[[], None]) -> None:
        self._done = threading.Event()
        self._result: Result | None = None
        self._body = body
        self._wake = wake
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def __await__(self) -> Generator[None, None, Result]:
        """Yield to the executor until the work is done; return its result."""
        while not self._done.is_set():
            yield
        return self._result  # type: ignore[return-value]

    def _run(self) -> None:
        try:
            self._result = self._body()
        finally:
            self._done.set()
            self._wake()
