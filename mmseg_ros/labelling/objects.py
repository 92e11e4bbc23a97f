"""Which object a pixel of a label image belongs to, and how large that object is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.projection.compiled import compiled


def object_sizes(truth: NDArray[Any], ignore_id: int) -> NDArray[np.float32]:
    """Return H x W shares of the image that the object of each pixel covers; NaN if unlabeled.

    An object is a region of one class whose pixels touch, also at corners: objects of one class
    that touch count as one.

    Args:
        truth: H x W true class ids.
        ignore_id: Id of unlabeled pixels.
    """
    classes = np.ascontiguousarray(truth, np.int32)
    parents = np.empty(classes.size, np.int32)
    _join(classes, parents)
    areas = np.zeros(classes.size, np.int64)
    _count(parents, areas)
    shares = np.empty(classes.shape, np.float32)
    _share(classes.reshape(-1), parents, areas, ignore_id, shares.reshape(-1))
    return shares


@compiled
def _join(classes: NDArray[np.int32], parents: NDArray[np.int32]) -> None:
    """Let every pixel point to an earlier one of its object; the first one points to itself."""
    rows, columns = classes.shape
    for row in range(rows):
        for column in range(columns):
            here, value = row * columns + column, classes[row, column]
            left = column > 0 and classes[row, column - 1] == value
            parents[here] = parents[here - 1] if left else here
            if row == 0:
                continue
            above_left = column > 0 and classes[row - 1, column - 1] == value
            if classes[row - 1, column] == value:
                if not (left and above_left):  # otherwise these four are one object already
                    _unite(parents, here, here - columns)
                continue
            if above_left and not left:
                _unite(parents, here, here - columns - 1)
            if column + 1 < columns and classes[row - 1, column + 1] == value:
                _unite(parents, here, here - columns + 1)


@compiled
def _unite(parents: NDArray[np.int32], a: int, b: int) -> None:
    a, b = _first(parents, a), _first(parents, b)
    parents[max(a, b)] = min(a, b)


@compiled
def _first(parents: NDArray[np.int32], pixel: int) -> int:
    """Return the first pixel of an object; on the way there every second step is shortened."""
    while parents[pixel] != pixel:
        parents[pixel] = parents[parents[pixel]]
        pixel = parents[pixel]
    return pixel


@compiled
def _count(parents: NDArray[np.int32], areas: NDArray[np.int64]) -> None:
    """Let every pixel point to the first one of its object, and count the pixels there."""
    for pixel in range(len(parents)):
        parents[pixel] = parents[parents[pixel]]  # which is earlier, and so already right
        areas[parents[pixel]] += 1


@compiled
def _share(
    classes: NDArray[np.int32],
    parents: NDArray[np.int32],
    areas: NDArray[np.int64],
    ignore_id: int,
    shares: NDArray[np.float32],
) -> None:
    """Fill the share of the image that the object of each pixel covers."""
    size = np.float64(len(classes))
    for pixel in range(len(classes)):
        if classes[pixel] == ignore_id:
            shares[pixel] = np.nan
        else:
            shares[pixel] = np.float32(areas[parents[pixel]] / size)
