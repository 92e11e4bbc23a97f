"""How sure the difference of two scores is: the paired bootstrap over frames."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

_CHUNK = 64

Statistic: TypeAlias = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""From R x ... counts, summed over frames, to R scores."""


@dataclass(frozen=True, slots=True)
class PairedScore:
    """One score of two runs over the same frames.

    Attributes:
        a: Score of the first run.
        b: Of the second; NaN where nothing was scored.
        low: Lower end of the interval of b - a. high: Upper end.
    """

    a: float
    b: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        """Return b - a."""
        return self.b - self.a

    @property
    def verdict(self) -> str:
        """Return `better` or `worse` where the interval excludes 0, `same` where it does not.

        `unknown` where there is no interval: nothing was scored, or one frame alone.
        """
        if np.isnan(self.low):
            return 'unknown'
        if self.low > 0:
            return 'better'
        return 'worse' if self.high < 0 else 'same'


def mean_iou(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return mIoU of R x K x 2 intersections and unions; classes without a union do not count."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', RuntimeWarning)
        return np.asarray(np.nanmean(ratio(counts), axis=-1), np.float64)


def ratio(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return first / second of ... x 2 counts; NaN where the second is 0."""
    part, whole = counts[..., 0], counts[..., 1]
    shares = np.full(part.shape, np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares


def paired_bootstrap(
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    statistic: Statistic,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> PairedScore:
    """Return a score of both runs and the interval of their difference.

    Frames are drawn with replacement, the same ones from both runs, so what a frame is hard by
    cancels. The interval holds the middle `level` of the differences.

    Args:
        a: F x ... counts per frame of the first run.
        b: Of the second, the same frames.
        statistic: From summed counts to the score.
        resamples: How often frames are drawn.
        level: Share of the differences inside the interval, 0..1.
        seed: Of the draws; equal seeds give equal intervals.
    """
    total_a, total_b = (float(statistic(counts.sum(0)[None])[0]) for counts in (a, b))
    if len(a) < 2:
        return PairedScore(total_a, total_b, np.nan, np.nan)
    differences = np.concatenate(
        [
            statistic(np.tensordot(draws, b, 1)) - statistic(np.tensordot(draws, a, 1))
            for draws in _draws(len(a), resamples, seed)
        ]
    )
    known = differences[~np.isnan(differences)]
    if not known.size:
        return PairedScore(total_a, total_b, np.nan, np.nan)
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(known, [tail, 100 - tail])
    return PairedScore(total_a, total_b, float(low), float(high))


def _draws(frames: int, resamples: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Yield chunks of R x F int64: how often each frame was drawn."""
    rng = np.random.default_rng([seed, 19])
    share = np.full(frames, 1 / frames)
    for start in range(0, resamples, _CHUNK):
        yield rng.multinomial(frames, share, min(_CHUNK, resamples - start))
