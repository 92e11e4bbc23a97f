"""A hand-over between threads in which the newest item wins."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

Item = TypeVar('Item')


class NewestSlot(Generic[Item]):
    """Holds at most one item; a newer one replaces it.

    Attributes:
        dropped: How many items were replaced before anybody took them.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._item: Item | None = None
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: Item) -> None:
        """Store an item; never blocks for longer than another `put`."""
        with self._changed:
            self.dropped += self._item is not None
            self._item = item
            self._changed.notify()

    def take(self) -> Item | None:
        """Wait for an item and return it; None once the slot is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed)
            item, self._item = self._item, None
            return None if self._closed else item

    def clear(self) -> None:
        """Drop the item that waits, if any."""
        with self._changed:
            self._item = None

    def close(self) -> None:
        """Let `take` return None from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
