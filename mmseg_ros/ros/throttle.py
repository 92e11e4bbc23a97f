"""Log lines once per cause and period."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable

_MAX_CAUSES = 256


class Throttle:
    """Passes a text on at most once per period and cause; thread-safe.

    Texts that differ in numbers alone have the same cause. What was held back is counted in the
    next line of that cause.
    """

    def __init__(self, write: Callable[[str], None], period_s: float = 5.0) -> None:
        self._write = write
        self._period_s = period_s
        self._lock = threading.Lock()
        self._held: dict[str, tuple[float, int]] = {}

    def __call__(self, text: str) -> None:
        """Write `text`, or count it."""
        cause = re.sub(r'\d+', '#', text)
        now_s = time.monotonic()
        with self._lock:
            written_s, count = self._held.get(cause, (-self._period_s, 0))
            if now_s - written_s < self._period_s:
                self._held[cause] = (written_s, count + 1)
                return
            if len(self._held) >= _MAX_CAUSES:
                self._held.clear()
            self._held[cause] = (now_s, 0)
        self._write(f'{text} ({count} more like this)' if count else text)
