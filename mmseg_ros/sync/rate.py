"""The period of a stream, learned from its own stamps."""

from __future__ import annotations

_BLOCK = 8
_EARLY = (1, 2, 4)
_UNSURE_SHARE = 0.85


class RateEstimator:
    """Median and shortest distance between consecutive stamps, refreshed every eight samples.

    The median withstands single gaps and doubled frames; a change of rate is learned after at most
    two blocks. The first estimate is there after two samples.

    Attributes:
        period_ns: Median distance; 0 until two samples came.
        shortest_ns: Shortest distance in the last block, 0 until two samples came; before the
            first full block 15 % less, as few distances do not show the jitter.
    """

    __slots__ = ('_deltas', '_settled', 'period_ns', 'shortest_ns')

    def __init__(self) -> None:
        self.period_ns = 0
        self.shortest_ns = 0
        self._deltas: list[int] = []
        self._settled = False

    def add(self, delta_ns: int) -> None:
        """Add the distance between two consecutive stamps, positive."""
        deltas = self._deltas
        deltas.append(delta_ns)
        count = len(deltas)
        if count < _BLOCK and (self._settled or count not in _EARLY):
            return
        ordered = sorted(deltas)
        self.period_ns = ordered[(count - 1) // 2]
        self.shortest_ns = ordered[0]
        if count >= _BLOCK:
            deltas.clear()
            self._settled = True
        else:
            self.shortest_ns = round(_UNSURE_SHARE * ordered[0])

    @property
    def rate_hz(self) -> float:
        """Learned rate; 0 while unknown."""
        return 1e9 / self.period_ns if self.period_ns else 0.0

    @property
    def is_regular(self) -> bool:
        """Whether the stream keeps time: no distance is shorter than 0.8 of the median."""
        return self.period_ns > 0 and self.shortest_ns >= 0.8 * self.period_ns
