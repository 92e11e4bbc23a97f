"""What was counted on single frames: enough to compare two runs frame by frame."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.subsets import Subset, subset_name
from mmseg_ros.metrics.metrics import ConfusionMatrix

_DIGEST_CHARACTERS = 16


def plain_counts(matrix: ConfusionMatrix) -> dict[str, Any]:
    """Return what was counted as JSON-ready values.

    Args:
        matrix: Of one frame.

    Returns:
        `correct` and `total` scored pixels (or points), and `classes`: intersection and union per
        class id that occurs in truth or labels. Sums of them over frames give IoU, mIoU and
        accuracy of those frames.
    """
    hits = np.diag(matrix.counts)
    unions = matrix.unions()
    return {
        'correct': int(hits.sum()),
        'total': matrix.pixels,
        'classes': {str(i): [int(hits[i]), int(unions[i])] for i in np.flatnonzero(unions)},
    }


def labels_digest(labels: NDArray[Any]) -> str:
    """Return a short hash of a label image: of its size, its type and its bytes."""
    digest = hashlib.sha256(f'{labels.shape} {labels.dtype.str} '.encode())
    digest.update(np.ascontiguousarray(labels).tobytes())
    return digest.hexdigest()[:_DIGEST_CHARACTERS]


class FrameCounts:
    """The counts of one frame, for every subset of sensors that was run on it.

    Attributes:
        name: Of the frame: its stamp in a recording, its path in a data set.
        condition: Weather or light in a data set; '' in a recording.
        available: The sensors that the frame really had.
    """

    def __init__(self, name: str, condition: str, available: Subset) -> None:
        """Start with no subset scored."""
        self.name = name
        self.condition = condition
        self.available = available
        self._scores: dict[Subset, dict[str, Any]] = {}

    def add(
        self,
        subset: Subset,
        labels: NDArray[Any],
        pixels: ConfusionMatrix,
        points: ConfusionMatrix | None = None,
    ) -> None:
        """Keep what was counted with the sensors of `subset`.

        Args:
            subset: Sensors that the network was given.
            labels: H x W class ids that came out.
            pixels: Of this frame alone.
            points: Of its labeled points alone.
        """
        score: dict[str, Any] = {'labels': labels_digest(labels)}
        for key, matrix in (('pixels', pixels), ('points', points)):
            if matrix is not None and matrix.pixels:
                score[key] = plain_counts(matrix)
        self._scores[subset] = score

    def row(self) -> dict[str, Any]:
        """Return one entry of `frames` in metrics.json."""
        return {
            'name': self.name,
            'condition': self.condition,
            'available': subset_name(self.available),
            'scores': {subset_name(subset): score for subset, score in self._scores.items()},
        }


def totals(
    frames: Sequence[Mapping[str, Any]], subset: str, num_classes: int, key: str = 'pixels'
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return counts per frame as arrays.

    Args:
        frames: Entries of `frames` in metrics.json.
        subset: Name of a subset; '' takes the sensors that each frame really had.
        num_classes: Number of classes K.
        key: `pixels` or `points`.

    Returns:
        F x K x 2 int64 intersections and unions, and F x 2 int64 correct and total.
    """
    classes = np.zeros((len(frames), num_classes, 2), np.int64)
    correct = np.zeros((len(frames), 2), np.int64)
    for i, frame in enumerate(frames):
        counts = frame['scores'].get(subset or frame['available'], {}).get(key)
        if counts is None:
            continue
        correct[i] = counts['correct'], counts['total']
        for class_id, pair in counts['classes'].items():
            classes[i, int(class_id)] = pair
    return classes, correct
