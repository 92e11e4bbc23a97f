"""Numbers in label images to class ids, with every number that is none of them named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.datasets.label_png import read_label_png

_IDS = 65_536
_UNKNOWN = -1
_LISTED = 12


class LabelTable:
    """A lookup from the numbers of a data set's label images to the ids of a label space.

    Args:
        space: Classes, with the ignored id.
        ids: Number in the file -> class id, or `space.ignore_id`; every other one is an error.
    """

    def __init__(self, space: LabelSpace, ids: Mapping[int, int]) -> None:
        self.space = space
        self._table = np.full(_IDS, _UNKNOWN, np.int32)
        for number, label in ids.items():
            self._table[number] = label
        bytes_256 = self._table[:256]
        self._of_bytes = np.where(bytes_256 < 0, 0, bytes_256).astype(np.uint8)
        self._unknown_bytes = (bytes_256 < 0).astype(np.uint8)

    @classmethod
    def train_ids(cls, space: LabelSpace, *ignored: int) -> LabelTable:
        """Return the table of files that hold class ids; `ignored` and the ignored id are too."""
        ids = dict.fromkeys((*ignored, space.ignore_id), space.ignore_id)
        return cls(space, {**ids, **{i: i for i in range(space.num_classes)}})

    @classmethod
    def one_based(cls, space: LabelSpace) -> LabelTable:
        """Return the table of files that hold class id + 1; 0 and 255 are ignored."""
        ids = {0: space.ignore_id, 255: space.ignore_id}
        return cls(space, {**ids, **{i + 1: i for i in range(space.num_classes)}})

    def read(self, path: Path) -> NDArray[np.uint8]:
        """Return the H x W uint8 class ids of a label image.

        Raises:
            DatasetError: The file is missing, damaged or colored, or holds other numbers.
        """
        return self.apply(read_label_png(path), path)

    def apply(self, raw: NDArray[Any], path: Path | str) -> NDArray[np.uint8]:
        """Return class ids (uint8) in the shape of `raw`.

        Args:
            raw: Whole numbers 0..65535.
            path: Where they come from, for the message.

        Raises:
            DatasetError: Numbers outside the table; each is listed with its count.
        """
        # Most label images are of 8 bits, for which there is a faster way.
        if raw.dtype == np.uint8 and raw.ndim == 2 and not self._has_unknown(raw):
            return np.asarray(cv2.LUT(raw, self._of_bytes), np.uint8)
        labels = self._table[raw]
        wrong = labels < 0
        if wrong.any():
            raise DatasetError(f'{path}: {self._outside(raw[wrong])}')
        return np.asarray(labels, np.uint8)

    def _has_unknown(self, raw: NDArray[np.uint8]) -> bool:
        return cv2.countNonZero(cv2.LUT(raw, self._unknown_bytes)) > 0

    def _outside(self, values: NDArray[Any]) -> str:
        numbers, counts = np.unique(values, return_counts=True)
        listed = [f'{n} ({c} px)' for n, c in zip(numbers, counts, strict=True)]
        more = f' and {len(listed) - _LISTED} more' if len(listed) > _LISTED else ''
        known = np.flatnonzero(self._table >= 0)
        return (
            f'label values outside the classes of {self.space.id!r}: '
            f'{", ".join(listed[:_LISTED])}{more}; expected {_ranges(known.tolist())}.'
        )


def _ranges(numbers: list[int]) -> str:
    """Return ascending numbers as text: 0..18, 255.

    >>> _ranges([0, 1, 2, 5, 255])
    '0..2, 5, 255'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ', '.join(str(a) if a == b else f'{a}..{b}' for a, b in runs)


def require_classes(space: LabelSpace, count: int, what: str) -> None:
    """Check that a label space has as many classes as a data set.

    Raises:
        DatasetError: It has not.
    """
    if space.num_classes != count:
        raise DatasetError(
            f'{what} is labeled with {count} classes, but the label space {space.id!r} has '
            f'{space.num_classes}; name the right one (data.label_space), or evaluate with '
            '--classes MAP.'
        )
