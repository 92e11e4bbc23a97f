"""SIGINT and SIGTERM end the process with status 0, whenever and however often they come.

A signal handler of Python runs between any two instructions of the main thread, in the middle of
a transition too. Here both signals are blocked in all threads instead, and one thread waits for
them.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

_STOP = frozenset({signal.SIGINT, signal.SIGTERM})


def hold_stop_signals() -> None:
    """Block both signals in this thread and in those it starts; those that come are kept.

    Call it before any library starts a thread.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)


class StopSignals:
    """Waits for both signals, which must be held; see `hold_stop_signals`.

    The first one ends the process at once as long as there is nothing to tidy up. Later ones stay
    blocked, so that nothing interrupts the tidying up.
    """

    def __init__(self) -> None:
        self._stop: Callable[[], None] | None = None
        self._within_s = 0.0
        threading.Thread(target=self._wait, name='mmseg_signals', daemon=True).start()

    def on_stop(self, stop: Callable[[], None], within_s: float) -> None:
        """Call `stop` from now on; the process ends `within_s` later, tidied up or not.

        So no result that nobody waits for any more, as of a network that is being compiled, holds
        up the end: `ros2 launch` is not patient.
        """
        self._within_s, self._stop = within_s, stop

    def _wait(self) -> None:
        signal.sigwait(_STOP)
        if self._stop is not None:
            self._stop()
            time.sleep(self._within_s)
        os._exit(0)
