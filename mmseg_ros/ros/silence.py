"""Notices that no result comes although sensors deliver."""

from __future__ import annotations

import time

_SENSOR_SILENCE_S = 2.0


class Silence:
    """How long results have been missing while there was something to make them from.

    It is asked at the rate of the diagnostics and counts on a steady clock: simulated time may
    stand still as well.
    """

    def __init__(self) -> None:
        self._since_s = self._heard_s = time.monotonic()
        self._received = self._published = 0

    def seconds(self, received: int, published: int, is_wanted: bool) -> float:
        """Return the length of the silence; 0 while results come or cannot be expected.

        Args:
            received: Messages of all sensors so far.
            published: Results so far.
            is_wanted: Whether anybody subscribes to a result.
        """
        now_s = time.monotonic()
        if received != self._received:
            self._received, self._heard_s = received, now_s
        is_idle = now_s - self._heard_s > _SENSOR_SILENCE_S
        if published != self._published or not is_wanted or is_idle:
            self._published, self._since_s = published, now_s
        return now_s - self._since_s
