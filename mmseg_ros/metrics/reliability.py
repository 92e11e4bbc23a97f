"""Whether a network is right as often as its confidence says."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.metrics.metrics import rounded

LEVELS = 256
BINS = 10
ECE_TEXT = (
    f'Scored pixels are sorted into {BINS} bins of equal width by the confidence of their label. '
    'Confidence of a bin = mean confidence of its pixels, accuracy = share of them with the right '
    'label. ECE (expected calibration error) = |accuracy - confidence| averaged over the bins, '
    'each weighted by its share of the pixels; 0 is best. Below the diagonal the network is surer '
    'than it is right.'
)


class Reliability:
    """Counts of right and of all labels per level of confidence.

    >>> counts = Reliability()
    >>> counts.update(np.array([255, 255]), np.array([True, False]))
    >>> counts.ece()
    0.5

    Attributes:
        counts: 2 x 256 int64: right labels, all labels, by confidence 0..255.
    """

    def __init__(self) -> None:
        """Start with no pixel counted."""
        self.counts: NDArray[np.int64] = np.zeros((2, LEVELS), np.int64)

    def update(self, confidence: NDArray[np.integer], right: NDArray[np.bool_]) -> None:
        """Add the scored pixels of one image.

        Args:
            confidence: N values 0..255, the probability of the chosen class scaled to 255.
            right: N bool, whether the label is the true class.

        Raises:
            DatasetError: Shapes differ, or a confidence lies outside 0..255.
        """
        if confidence.shape != right.shape:
            raise DatasetError(
                f'Expected one confidence per label, but got {confidence.shape} and {right.shape}.'
            )
        levels = confidence.astype(np.int64).ravel()
        if levels.size and not (levels.min() >= 0 and levels.max() < LEVELS):
            raise DatasetError(
                f'Expected confidence in 0..{LEVELS - 1}, but got {levels.min()}..{levels.max()}.'
            )
        both = np.bincount(levels + LEVELS * right.ravel(), minlength=2 * LEVELS)
        self.counts += both[LEVELS:], both[:LEVELS] + both[LEVELS:]

    def merge(self, other: Reliability) -> None:
        """Add the counts of another part of the data."""
        self.counts += other.counts

    def bins(self) -> NDArray[np.float64]:
        """Return BINS x 3 float64: right labels, all labels, sum of confidence (0..1)."""
        level = np.arange(LEVELS)
        place = np.minimum(level * BINS // (LEVELS - 1), BINS - 1)
        summed = np.zeros((BINS, 3))
        weighted = self.counts[1] * level / (LEVELS - 1)
        np.add.at(summed, place, np.stack([*self.counts, weighted], axis=1))
        return summed

    def ece(self) -> float:
        """Return the expected calibration error, 0..1; NaN where nothing was scored."""
        right, total, confidence = self.bins().T
        return float(np.abs(right - confidence).sum() / total.sum()) if total.sum() else np.nan

    def plain(self) -> dict[str, Any]:
        """Return JSON-ready values: `ece`, and bounds, pixels, confidence, accuracy per bin."""
        return {'ece': rounded(self.ece()), 'bins': [self._bin(i) for i in range(BINS)]}

    def _bin(self, index: int) -> dict[str, Any]:
        right, total, confidence = self.bins()[index]
        return {
            'low': index / BINS,
            'high': (index + 1) / BINS,
            'pixels': int(total),
            'confidence': rounded(confidence / total) if total else None,
            'accuracy': rounded(right / total) if total else None,
        }
