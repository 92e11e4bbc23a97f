"""The event camera: a threshold on the change of log intensity, per pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mmseg_ros.core.types import EventData
from mmseg_ros.sim.world.mesh import FloatArray

_FLOOR = 0.004


@dataclass(frozen=True, slots=True)
class EventModel:
    """The sensor.

    Attributes:
        threshold: Change of log intensity per event. mismatch: Its relative spread over pixels.
        refractory_s: Dead time of a pixel after an event.
        noise_hz: Events per pixel and second without any change.
    """

    threshold: float = 0.25
    mismatch: float = 0.03
    refractory_s: float = 0.0005
    noise_hz: float = 0.15


class EventCamera:
    """Turns images at known times into events; every pixel remembers its own reference."""

    def __init__(
        self, height: int, width: int, model: EventModel, rng: np.random.Generator
    ) -> None:
        self.height, self.width = height, width
        self.model = model
        spread = 1.0 + model.mismatch * rng.standard_normal((height, width)).clip(-3, 3)
        self._threshold = (model.threshold * spread).astype(np.float32)
        self._reference: FloatArray | None = None
        self._log: FloatArray = np.zeros((height, width), np.float32)
        self._last_s = np.full((height, width), -1e9)
        self._time_s = 0.0
        self._rng = rng

    def reset(self, rng: np.random.Generator) -> None:
        """Forget the past: the next image starts anew, with noise from `rng`."""
        self._reference = None
        self._last_s[:] = -1e9
        self._rng = rng

    def feed(self, luminance: FloatArray, time_s: float, origin_ns: int) -> EventData:
        """Return the events between the previous image and this one, oldest first.

        Log intensity is taken to change linearly in between; events fall where it crosses the
        next threshold.

        Args:
            luminance: H x W float32, linear.
            time_s: When, seconds.
            origin_ns: Stamp of time 0.

        Source: Rebecq et al., ESIM: an Open Event Camera Simulator, CoRL 2018.
        """
        log = np.log(luminance + np.float32(_FLOOR)).astype(np.float32)
        if self._reference is None:
            self._reference, self._log, self._time_s = log.copy(), log, time_s
            return _packet([np.zeros(0)] * 4, self.width, self.height, origin_ns)
        steps = np.abs(log - self._reference) / self._threshold
        capacity = int(np.ceil(steps).sum()) + 16
        x, y = np.empty(capacity, np.uint16), np.empty(capacity, np.uint16)
        t, p = np.empty(capacity), np.empty(capacity, np.bool_)
        count = _cross(
            self._log, log, self._time_s, time_s, self._threshold, self.model.refractory_s,
            self._reference, self._last_s, x, y, t, p,
        )  # fmt: skip
        columns = self._with_noise([x[:count], y[:count], t[:count], p[:count]], time_s)
        self._log, self._time_s = log, time_s
        return _packet(columns, self.width, self.height, origin_ns)

    def _with_noise(self, columns: list[NDArray[Any]], time_s: float) -> list[NDArray[Any]]:
        span = time_s - self._time_s
        count = int(self._rng.poisson(self.model.noise_hz * span * self.height * self.width))
        noise: list[NDArray[Any]] = [
            self._rng.integers(self.width, size=count).astype(np.uint16),
            self._rng.integers(self.height, size=count).astype(np.uint16),
            self._rng.uniform(self._time_s, time_s, count),
            self._rng.random(count) < 0.5,
        ]
        merged = [np.concatenate(pair) for pair in zip(columns, noise, strict=True)]
        order = np.argsort(merged[2], kind='stable')
        return [column[order] for column in merged]


def _packet(columns: list[NDArray[Any]], width: int, height: int, origin_ns: int) -> EventData:
    x, y, t, p = columns
    stamps = origin_ns + np.round(np.asarray(t, np.float64) * 1e9).astype(np.int64)
    return EventData(
        x.astype(np.uint16), y.astype(np.uint16), stamps, p.astype(np.bool_), width, height
    )


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _cross(
    before: FloatArray, after: FloatArray, t0: float, t1: float, threshold: FloatArray,
    refractory: float, reference: FloatArray, last: NDArray[np.float64],
    x: NDArray[np.uint16], y: NDArray[np.uint16], t: NDArray[np.float64], p: NDArray[np.bool_],
) -> int:  # fmt: skip
    """Write the crossings of all pixels, as many as there is room for; return how many there are.

    A level that is not a number, or grows too little to count, has no crossings.
    """
    count, room = 0, min(len(x), len(y), len(t), len(p))
    height, width = before.shape
    for i in range(height):
        for j in range(width):
            change = after[i, j] - before[i, j]
            if change == 0.0 or not np.isfinite(change):
                continue
            step = threshold[i, j] if change > 0 else -threshold[i, j]
            level = reference[i, j] + step
            while (level - after[i, j]) * step <= 0 and level + step != level and count < room:
                share = (level - before[i, j]) / change
                reference[i, j] = level
                level += step
                if share < 0.0:
                    continue
                moment = t0 + share * (t1 - t0)
                if moment - last[i, j] < refractory:
                    continue
                x[count], y[count], t[count], p[count] = j, i, moment, change > 0
                last[i, j] = moment
                count += 1
    return count
