"""Whether a network is right as often as its confidence says."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.metrics.metrics import rounded
from mmseg_ros.metrics.tally import confidence_counts, ids

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
    >>> sure = np.array([255, 255], np.uint8)
    >>> counts.update(sure, labels=np.array([1, 1]), truth=np.array([1, 0]), ignore_id=255)
    >>> counts.ece()
    0.5

    Attributes:
        counts: 2 x 256 int64: right labels, all labels, by confidence 0..255.
    """

    def __init__(self) -> None:
        """Start with no pixel counted."""
        self.counts: NDArray[np.int64] = np.zeros((2, LEVELS), np.int64)

    def update(
        self,
        confidence: NDArray[np.uint8],
        labels: NDArray[np.integer],
        truth: NDArray[np.integer],
        ignore_id: int,
    ) -> None:
        """Add the pixels of one image.

        Args:
            confidence: Probability of the chosen class scaled to 0..255, any shape.
            labels: Predicted class ids, same shape.
            truth: True class ids, same shape.
            ignore_id: Truth that is not scored.

        Raises:
            DatasetError: Shapes differ, or the confidence is not of type uint8.
        """
        if not confidence.shape == labels.shape == truth.shape or confidence.dtype != np.uint8:
            raise DatasetError(
                'Expected one uint8 confidence and one true class per label, but got '
                f'{confidence.shape} ({confidence.dtype}), {labels.shape} and {truth.shape}.'
            )
        self.counts += confidence_counts(confidence, ids(labels), ids(truth), ignore_id)

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
