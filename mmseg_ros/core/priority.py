"""Threads that wait for processor time which others want."""

from __future__ import annotations

import contextlib
import os
import threading

LOWEST, LOW = 10, 5
"""Steps of niceness: for work that may take as long as it likes, and for slow answers."""


def lower_priority(niceness: int) -> None:
    """Let the calling thread give way to the others; threads that it starts inherit it.

    It cannot be taken back without privileges. Where the system has no such thing, nothing
    changes.

    Args:
        niceness: Of the thread from now on, if it is not higher already.
    """
    with contextlib.suppress(OSError, AttributeError):
        thread = threading.get_native_id()
        present = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, max(present, niceness))
