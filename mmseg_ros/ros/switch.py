"""Replaces what one parameter names while the node runs: load beside, swap, free, or keep."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from mmseg_ros.core.errors import MmsegError
from mmseg_ros.core.unexpected import reason_of
from mmseg_ros.ros.background_work import BackgroundWork

Loaded = TypeVar('Loaded')

STOPPED = 'The node was deconfigured meanwhile.'
_FREE_WITHIN_S = 10.0


class Slot(Protocol[Loaded]):
    """Where the loaded thing goes."""

    def load(self, name: str) -> Loaded:
        """Load and warm up; runs in a thread.

        Raises:
            MmsegError: It cannot be used; says why.
        """

    def swap(self, loaded: Loaded) -> Callable[[float], object]:
        """Use it from the next frame on; return what frees the one so far within some seconds.

        Raises:
            MmsegError: It cannot be used; says why.
        """

    def discard(self, loaded: Loaded) -> None:
        """Free what is not used after all."""


class Switch(Generic[Loaded]):
    """One such parameter. All methods run in the executor's thread.

    Args:
        slot: Where it goes. running: Name of what runs now.
        wake: Makes the executor look at its tasks.
        tell: Told when one is in use, or why not.

    Attributes:
        running: Name of what runs. wanted: Name of what is asked for, else the same.
        rejected: Why the last change did not happen; empty after a success. done: How many did.
    """

    def __init__(
        self,
        slot: Slot[Loaded],
        running: str,
        wake: Callable[[], None],
        tell: Callable[[str, bool], None],
    ) -> None:
        self.running = self.wanted = running
        self.rejected = ''
        self.done = 0
        self._slot = slot
        self._wake = wake
        self._tell = tell
        self._again = False
        self._busy = False
        self._stopped = False

    def request(self, name: str, again: bool = False) -> bool:
        """Ask for another one; return whether the caller has to start `run` now.

        Args:
            name: Which.
            again: Load it also if it is the running one, whose files may be others.
        """
        self.wanted = name
        self._again = self._again or again
        start = not self._busy and (name != self.running or self._again)
        self._busy = self._busy or start
        return start

    def stop(self) -> None:
        """Use nothing that is still being loaded."""
        self._stopped = True

    @property
    def loading(self) -> str:
        """Return the name of what is being loaded, or ''."""
        return self.wanted if self._busy else ''

    async def run(self) -> None:
        """Load and swap until the wanted one runs, or was rejected."""
        try:
            while not self._stopped and (self.wanted != self.running or self._again):
                self._again = False
                await self._change(self.wanted)
        finally:
            self._busy = False
            self._wake()  # whoever waits for the end looks again
        if self._stopped:
            self.rejected = STOPPED

    async def _change(self, name: str) -> None:
        began_s = time.monotonic()
        loaded, reason = await BackgroundWork(
            'mmseg_switch', lambda: self._attempt(name), self._wake
        )
        free = None
        if loaded is not None:
            if self._stopped or name != self.wanted:
                self._slot.discard(loaded)
                return
            free, reason = self._swap(loaded)
        if free is None:
            if name == self.wanted:
                self.rejected, self.wanted = reason, self.running
                self._tell(f'{name!r} is rejected, {self.running!r} goes on: {reason}', False)
            return
        self.running, self.rejected = name, ''
        self.done += 1
        self._tell(f'{name!r} is in use after {time.monotonic() - began_s:.1f} s.', True)
        release = free
        await BackgroundWork('mmseg_free', lambda: release(_FREE_WITHIN_S), self._wake)

    def _attempt(self, name: str) -> tuple[Loaded | None, str]:
        try:
            return self._slot.load(name), ''
        except Exception as error:  # whatever a bundle makes a runtime raise, the old one goes on
            return None, _reason(error)

    def _swap(self, loaded: Loaded) -> tuple[Callable[[float], object] | None, str]:
        try:
            return self._slot.swap(loaded), ''
        except Exception as error:
            self._slot.discard(loaded)
            return None, _reason(error)


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, MmsegError) else reason_of(error, 'loading')
