"""One loaded bundle with what runs it; freed when no frame uses it any more."""

from __future__ import annotations

import threading

from mmseg_ros.core.types import Modality
from mmseg_ros.inference.backend import Backend
from mmseg_ros.inference.bundle import Bundle


class Network:
    """A bundle in its backend, held by each frame that is prepared for it.

    Attributes:
        bundle: The bundle. backend: What runs it, loaded and warm.
        unconnected: Its inputs that no enabled sensor feeds. closed: Whether it is freed.
    """

    def __init__(
        self, bundle: Bundle, backend: Backend, unconnected: tuple[Modality, ...] = ()
    ) -> None:
        self.bundle = bundle
        self.backend = backend
        self.unconnected = unconnected
        self._frames = 0
        self.closed = False
        self._changed = threading.Condition()

    def hold(self) -> None:
        """Count one more frame that uses it."""
        with self._changed:
            self._frames += 1

    def let_go(self) -> None:
        """Count one frame less."""
        with self._changed:
            self._frames -= 1
            self._changed.notify_all()

    def close_when_idle(self, timeout_s: float) -> bool:
        """Wait for the frames that use it, then free it; return whether it came to that."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._frames <= 0, timeout_s):
                return False
        self.close()
        return True

    def close(self) -> None:
        """Free it at once; safe to call twice."""
        with self._changed:
            closed, self.closed = self.closed, True
        if not closed:
            self.backend.close()
