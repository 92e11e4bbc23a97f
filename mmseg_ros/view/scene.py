"""What the page shows at the moment; written by the source, read by the page."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import Modality

HISTORY_S = 60.0
_JUMP_BACK_S = 1.0
_MOST_ENTRIES = 4000
_RATE_OVER_S = 2.0
LOST = 'LOST'


@dataclass(frozen=True, slots=True)
class Health:
    """What a sensor's status says.

    Attributes:
        level: 0 OK, 1 WARN, 2 ERROR. cause: Why it is not OK, or ''.
        state: Its health state. rate_hz: Its rate. values: Everything else.
    """

    level: int
    cause: str
    state: str
    rate_hz: str
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cloud:
    """Points of the scene: N x 3 float32 meters and N x 3 uint8 RGB."""

    xyz: NDArray[np.float32]
    colors: NDArray[np.uint8]


class Scene:
    """The newest of everything; thread-safe.

    Attributes:
        pictures: Per modality, the picture of its last message.
        rgb: Camera image, scaled. labels: Label image, scaled. mask: Mask of the text prompt.
        label_space: What the labels mean. cloud: Labeled points.
        health: Per sensor. statuses: Per other part of the node, (level, text).
        states: Per sensor, (time, state) whenever the state changed.
        history: (time, results per second, latency in ms).
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.version: dict[str, int] = {}
        self.label_space: LabelSpace | None = None
        self.clear()

    def clear(self) -> None:
        """Forget everything but the meaning of the labels, as when a bag begins again."""
        with self.lock:
            self.pictures: dict[Modality, NDArray[np.uint8]] = {}
            self.rgb: NDArray[np.uint8] | None = None
            self.labels: NDArray[Any] | None = None
            self.mask: NDArray[np.uint8] | None = None
            self.cloud: Cloud | None = None
            self.health: dict[str, Health] = {}
            self.statuses: dict[str, tuple[int, str]] = {}
            self.states: dict[str, deque[tuple[float, str]]] = {}
            self.history: deque[tuple[float, float, float]] = deque(maxlen=_MOST_ENTRIES)
            self.now_s = 0.0
            self._results: deque[float] = deque(maxlen=_MOST_ENTRIES)
            for name in self.version:
                self.version[name] += 1

    def set(self, name: str, value: Any) -> None:
        """Set an attribute and note that it changed."""
        with self.lock:
            setattr(self, name, value)
            self.touch(name)

    def set_picture(self, modality: Modality, picture: NDArray[np.uint8]) -> None:
        """Set the picture of a sensor."""
        with self.lock:
            self.pictures[modality] = picture
            self.touch(f'picture {modality}')

    def touch(self, name: str) -> None:
        """Note that something changed."""
        self.version[name] = self.version.get(name, 0) + 1

    def count_result(self, time_s: float) -> None:
        """Count a result by its stamp; once, however often it is told."""
        with self.lock:
            if self._results and time_s < self._results[-1] - _JUMP_BACK_S:
                self._results.clear()
            if self._results and time_s <= self._results[-1]:
                return
            self._results.append(time_s)

    def rate_hz(self) -> float:
        """Return results per second of the last seconds."""
        with self.lock:
            if not self._results:
                return 0.0
            since_s = max(self.now_s, self._results[-1]) - _RATE_OVER_S
            return sum(time_s > since_s for time_s in self._results) / _RATE_OVER_S

    def lost(self) -> frozenset[Modality]:
        """Return the sensors that the node has lost."""
        with self.lock:
            return frozenset(n for n, item in self.health.items() if item.state == LOST)

    def report(
        self,
        time_s: float,
        health: dict[str, Health],
        statuses: dict[str, tuple[int, str]],
        latency_ms: float,
    ) -> None:
        """Take one report of the node.

        Args:
            time_s: Its stamp.
            health: Of every sensor.
            statuses: Of its other parts.
            latency_ms: Median latency; NaN if there is none.
        """
        with self.lock:
            # A bag that loops, or a simulated clock whose first time has come.
            if not -_JUMP_BACK_S <= time_s - self.now_s <= HISTORY_S:
                self.states.clear()
                self.history.clear()
            self.now_s = time_s
            self.health, self.statuses = health, statuses
            for name, item in health.items():
                changes = self.states.setdefault(name, deque(maxlen=_MOST_ENTRIES))
                if not changes or changes[-1][1] != item.state:
                    changes.append((time_s, item.state))
                while len(changes) > 1 and changes[1][0] < time_s - HISTORY_S:
                    changes.popleft()
            self.history.append((time_s, self.rate_hz(), latency_ms))
            while self.history[0][0] < time_s - HISTORY_S:
                self.history.popleft()
            self.touch('report')
