"""Confusion matrix over a whole data set and the scores derived from it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.metrics.tally import ids, pair_counts


class ConfusionMatrix:
    """Counts of (truth, predicted) class pairs, summed over all pixels of a data set.

    IoU is computed from the summed counts, as Cityscapes and DeLiVER report it, and not averaged
    over images. A truth of `ignore_id` is never scored. A prediction outside 0..num_classes-1
    (for example the ignored id) on a pixel with a true class counts as wrong: it enters the
    union of the true class and of no other.

    >>> matrix = ConfusionMatrix(num_classes=2, ignore_id=255)
    >>> matrix.update(np.array([0, 1, 1, 1]), np.array([0, 1, 0, 255]))
    >>> matrix.iou().tolist()
    [0.5, 0.5]
    >>> matrix.miou()
    0.5

    Attributes:
        counts: num_classes x num_classes int64, rows are the truth, columns the prediction.
        missed: num_classes int64, pixels of each true class whose prediction is no class.
    """

    def __init__(self, num_classes: int, ignore_id: int) -> None:
        """Start with no pixel counted.

        Args:
            num_classes: Number of classes K; ids are 0..K-1.
            ignore_id: Truth id that is not scored, outside 0..K-1.

        Raises:
            DatasetError: `num_classes` is not positive or `ignore_id` is the id of a class.
        """
        if num_classes < 1:
            raise DatasetError(
                f'Expected num_classes to be at least 1, but got {num_classes}; '
                'take it from the label space.'
            )
        if 0 <= ignore_id < num_classes:
            raise DatasetError(
                f'Expected ignore_id to lie outside 0..{num_classes - 1}, but got {ignore_id}; '
                'take it from the label space.'
            )
        self.num_classes = num_classes
        self.ignore_id = ignore_id
        self.counts: NDArray[np.int64] = np.zeros((num_classes, num_classes), np.int64)
        self.missed: NDArray[np.int64] = np.zeros(num_classes, np.int64)

    def update(self, labels: NDArray[np.integer], truth: NDArray[np.integer]) -> None:
        """Add the pixels (or points) of one image.

        Args:
            labels: Predicted class ids, any shape, integer.
            truth: True class ids of the same shape, integer.

        Raises:
            DatasetError: Shapes differ, a dtype is not integer, or the truth holds an id that is
                neither a class nor `ignore_id`.
        """
        update_all([self], None, labels, truth)

    def merge(self, other: ConfusionMatrix) -> None:
        """Add the counts of another part of the data set.

        Raises:
            DatasetError: The other matrix has other classes or another ignored id.
        """
        ours, theirs = (self.num_classes, self.ignore_id), (other.num_classes, other.ignore_id)
        if ours != theirs:
            raise DatasetError(
                f'Expected (num_classes, ignore_id) = {ours} in both matrices, but got {theirs}.'
            )
        self.counts += other.counts
        self.missed += other.missed

    @property
    def pixels(self) -> int:
        """Return how many pixels were scored."""
        return int(self.counts.sum() + self.missed.sum())

    def iou(self) -> NDArray[np.float64]:
        """Return K float64 intersection over union; NaN for a class in neither side."""
        return _ratio(np.diag(self.counts), self.unions())

    def unions(self) -> NDArray[np.int64]:
        """Return K int64 pixels that are each class, or are labeled it, or both."""
        both = np.diag(self.counts)
        union: NDArray[np.int64] = self.counts.sum(0) + self.counts.sum(1) + self.missed - both
        return union

    def miou(self) -> float:
        """Return the mean IoU over the classes in truth or prediction; NaN if there is none."""
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', RuntimeWarning)
            return float(np.nanmean(self.iou()))

    def accuracy(self) -> float:
        """Return the share of scored pixels with the right class; NaN if there is none."""
        return float(np.trace(self.counts)) / self.pixels if self.pixels else float('nan')


def update_all(
    matrices: Sequence[ConfusionMatrix],
    places: NDArray[np.uint8] | None,
    labels: NDArray[np.integer],
    truth: NDArray[np.integer],
) -> None:
    """Add pixels (or points) to several matrices in one pass; see `ConfusionMatrix.update`.

    Args:
        matrices: Of the same classes.
        places: Which of them counts the pixel, NOWHERE for none, in the shape of the truth; None
            if there is one matrix.
        labels: Predicted class ids.
        truth: True class ids.

    Raises:
        DatasetError: As of `ConfusionMatrix.update`.
    """
    _check(labels, truth)
    num_classes, ignore_id = matrices[0].num_classes, matrices[0].ignore_id
    size = len(matrices), num_classes
    pairs, has_strange = pair_counts(ids(labels), ids(truth), places, ignore_id, size)
    if has_strange:
        scored = truth[truth != ignore_id]
        raise DatasetError(
            f'Expected truth ids in 0..{num_classes - 1} or {ignore_id}, but got '
            f'{scored.min()}..{scored.max()}; was it made with another label space? '
            'A map says which class each id is (--label-map for a recording).'
        )
    for matrix, table in zip(matrices, pairs, strict=True):
        matrix.counts += table[:, :-1]
        matrix.missed += table[:, -1]


def _check(labels: NDArray[np.integer], truth: NDArray[np.integer]) -> None:
    if labels.shape != truth.shape:
        raise DatasetError(
            f'Expected labels and truth of one shape, but got {labels.shape} and '
            f'{truth.shape}; resize the labels with nearest neighbor first.'
        )
    for name, values in (('labels', labels), ('truth', truth)):
        if not np.issubdtype(values.dtype, np.integer):
            raise DatasetError(f'Expected integer {name}, but got dtype {values.dtype}.')


def plain_scores(matrix: ConfusionMatrix, names: Sequence[str]) -> dict[str, Any]:
    """Return mIoU, pixel accuracy and IoU per class, as metrics.json holds them.

    Args:
        matrix: What was counted.
        names: Of the classes, in the order of their ids.
    """
    return {
        'miou': rounded(matrix.miou()),
        'pixel_accuracy': rounded(matrix.accuracy()),
        'class_iou': dict(zip(names, map(rounded, matrix.iou()), strict=True)),
    }


def rounded(value: float) -> float | None:
    """Return a score to six digits, None for NaN: JSON has none."""
    return None if math.isnan(value) else round(float(value), 6)


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    result = np.full(part.shape, np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result
