"""Two threads in a row: one frame is prepared while the one before it is in the network."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from mmseg_ros.ros.newest_slot import NewestSlot

Item = TypeVar('Item')
Ready = TypeVar('Ready')


class Slot(Protocol[Item]):
    """Where items wait for the worker."""

    def put(self, item: Item) -> None:
        """Let an item wait."""

    def take(self) -> Item | None:
        """Wait for an item and return the next one; None once closed."""

    def clear(self) -> None:
        """Drop what waits."""

    def close(self) -> None:
        """Let `take` return None from now on."""

    @property
    def dropped(self) -> int:
        """How many items nobody took."""


_HEAD_START = 2.0
"""How early the next item is taken, in multiples of the time that preparing took last."""


class OverlappedWorker(Generic[Item, Ready]):
    """Prepares the newest item in one thread and finishes it in another.

    At most one prepared item waits, so nothing is prepared for nothing. The next one is taken, the
    newest by then, just early enough to be ready when the item at hand is finished, as far as the
    times of the last ones tell: more would only make the results older. If that item is finished
    sooner than they tell, the next one is taken at once, so one slow item delays no other.

    Neither function may raise: what it raises ends its thread and reaches `threading.excepthook`.

    Args:
        name: Beginning of the threads' names.
        prepare: First half; None drops the item.
        finish: Second half.
        slot: Where items wait and which one is next; none given keeps the newest.
    """

    def __init__(
        self,
        name: str,
        prepare: Callable[[Item], Ready | None],
        finish: Callable[[Ready], None],
        slot: Slot[Item] | None = None,
    ) -> None:
        self.slot: Slot[Item] = NewestSlot() if slot is None else slot
        self._ready: NewestSlot[Ready] = NewestSlot()
        self._free = threading.Semaphore(1)
        self._finisher_idle = threading.Event()
        self._finisher_idle.set()
        self._prepare = prepare
        self._finish = finish
        self._prepare_s = 0.0
        self._finish_s = 0.0
        self._threads = [
            threading.Thread(target=work, name=f'{name}_{part}', daemon=True)
            for part, work in (('prepare', self._run_prepare), ('finish', self._run_finish))
        ]
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 10.0) -> bool:
        """Finish the items at hand and end the threads; return whether they ended in time."""
        self._finisher_idle.set()
        self.slot.close()
        self._ready.close()
        self._free.release()
        end_s = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(end_s - time.monotonic(), 0.0))
        return not any(thread.is_alive() for thread in self._threads)

    def _run_prepare(self) -> None:
        while True:
            self._free.acquire()
            wait_s = max(self._finish_s - _HEAD_START * self._prepare_s, 0.0)
            self._finisher_idle.wait(wait_s)
            ready = None
            while ready is None:
                item = self.slot.take()
                if item is None:
                    return
                began_s = time.monotonic()
                ready = self._prepare(item)
                self._prepare_s = time.monotonic() - began_s
            self._ready.put(ready)

    def _run_finish(self) -> None:
        while (ready := self._ready.take()) is not None:
            self._finisher_idle.clear()
            self._free.release()
            began_s = time.monotonic()
            self._finish(ready)
            self._finish_s = time.monotonic() - began_s
            self._finisher_idle.set()
