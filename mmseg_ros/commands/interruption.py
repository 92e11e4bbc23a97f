"""Ctrl-C during a long run: it ends after the frame at hand, with what there is."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any


class Interruption:
    """Says whether the user has asked to end.

    Inside its `with` block the first SIGINT only notes the wish; a second one ends the program at
    once. Elsewhere than in the main thread, or where SIGINT is ignored, nothing changes.
    """

    def __init__(self) -> None:
        """Start with no wish."""
        self._asked = False
        self._before: Any = None

    def __call__(self) -> bool:
        """Return whether to end."""
        return self._asked

    def __enter__(self) -> Interruption:
        before = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is threading.main_thread() and before != signal.SIG_IGN:
            self._before = before
            signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        sys.stderr.write('ending after this frame; interrupt again to end at once\n')
