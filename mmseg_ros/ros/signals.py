"""SIGINT and SIGTERM end the node in order, whenever and however often they come.

A signal handler of Python runs between any two instructions of the main thread, in the middle of
a transition too. Here both signals are blocked in all threads instead, and one thread waits for
them.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

_STOP = frozenset({signal.SIGINT, signal.SIGTERM})


def hold_stop_signals() -> None:
    """Block both signals in this thread and in those it starts; those that come are kept.

    Call it before any library starts a thread.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)


def on_stop_signal(stop: Callable[[], None]) -> None:
    """Call `stop` once, from a thread of its own, when a held signal comes or has come.

    Later signals stay blocked, so that nothing interrupts the tidying up.
    """

    def wait() -> None:
        signal.sigwait(_STOP)
        stop()

    threading.Thread(target=wait, name='mmseg_signals', daemon=True).start()
