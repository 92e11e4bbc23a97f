"""Scores by distance and by size: where in the scene, and on what, the labels are right."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.metrics.metrics import ConfusionMatrix, rounded, update_all
from mmseg_ros.metrics.tally import bin_numbers

DISTANCES_M: tuple[float, ...] = (10.0, 20.0, 30.0, 50.0)
SIZES: tuple[float, ...] = (0.001, 0.01, 0.1)


class Strata:
    """One confusion matrix per bin of a quantity.

    Attributes:
        names: Of the bins, in order.
    """

    def __init__(self, limits: Sequence[float], names: Sequence[str], space: LabelSpace) -> None:
        """Start with nothing counted.

        Args:
            limits: Ascending; bin i holds values from limit i - 1 up to below limit i.
            names: One more than limits.
            space: The classes.
        """
        self.names = tuple(names)
        self._limits = np.array(limits, np.float32)
        size = space.num_classes, space.ignore_id
        self._matrices = [ConfusionMatrix(*size) for _ in names]

    def update(
        self, labels: NDArray[Any], truth: NDArray[Any], values: NDArray[np.floating]
    ) -> None:
        """Count labels in the bins of their values.

        Args:
            labels: Class ids, any shape.
            truth: True class ids, same shape.
            values: Same shape; where it is NaN, nothing is counted.
        """
        update_all(self._matrices, bin_numbers(values, self._limits), labels, truth)

    def plain(self) -> list[dict[str, Any]]:
        """Return one row per bin: name, number counted, mIoU and the share that is right."""
        return [
            {
                'bin': name,
                'count': matrix.pixels,
                'miou': rounded(matrix.miou()),
                'accuracy': rounded(matrix.accuracy()),
            }
            for name, matrix in zip(self.names, self._matrices, strict=True)
        ]


def distance_strata(space: LabelSpace) -> Strata:
    """Return bins of distances in meters."""
    ends = [f'{value:g}' for value in DISTANCES_M]
    inner = [f'{low} to {high} m' for low, high in pairwise(ends)]
    return Strata(DISTANCES_M, [f'< {ends[0]} m', *inner, f'> {ends[-1]} m'], space)


def size_strata(space: LabelSpace) -> Strata:
    """Return bins of the sizes of objects, as shares of the image."""
    ends = [f'{100 * value:g}' for value in SIZES]
    inner = [f'{low} to {high} %' for low, high in pairwise(ends)]
    return Strata(SIZES, [f'< {ends[0]} %', *inner, f'> {ends[-1]} %'], space)
