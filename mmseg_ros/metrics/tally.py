"""Counts of pixels in one pass: neighbors are alike, so runs are counted and not pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.projection.compiled import compiled

NOWHERE = 255
"""Place of a pixel that nothing counts."""


def ids(values: NDArray[Any]) -> NDArray[Any]:
    """Return values flat, uint8 or int64: the loops are compiled for these two."""
    flat = values.ravel() if values.dtype == np.uint8 else values.astype(np.int64).ravel()
    return flat if flat.flags.writeable else flat.copy()


def pair_counts(
    labels: NDArray[Any],
    truth: NDArray[Any],
    places: NDArray[np.uint8] | None,
    ignore_id: int,
    size: tuple[int, int],
) -> tuple[NDArray[np.int64], bool]:
    """Return how often each class got each label, and whether the truth holds other ids.

    Args:
        labels: N predicted ids, as `ids` returns them.
        truth: N true ids, the same.
        places: N numbers of the table that counts the pixel, NOWHERE for none; None for one table.
        ignore_id: Truth that is not counted.
        size: Number of tables T and of classes K.

    Returns:
        T x K x (K + 1) int64, by place, truth and label; the last column counts labels that are no
        class. And True if some truth is neither a class nor `ignore_id`.
    """
    tables, classes = size
    counts = np.zeros((tables, classes, classes + 1), np.int64)
    is_one = places is None
    flat = np.zeros(1, np.uint8) if places is None else ids(places)
    has_strange = _count_pairs(labels, truth, flat, is_one, ignore_id, counts)
    return counts, bool(has_strange)


def confidence_counts(
    confidence: NDArray[np.uint8], labels: NDArray[Any], truth: NDArray[Any], ignore_id: int
) -> NDArray[np.int64]:
    """Return 2 x 256 int64: right labels and all labels of scored pixels, by their confidence.

    Args:
        confidence: N of them, 0..255.
        labels: N predicted ids, as `ids` returns them.
        truth: N true ids, the same.
        ignore_id: Truth that is not counted.
    """
    counts = np.zeros((2, 256), np.int64)
    _count_confidence(ids(confidence), labels, truth, ignore_id, counts)
    return counts


def bin_numbers(values: NDArray[np.floating], limits: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return per value how many of the ascending limits it reaches, NOWHERE for NaN.

    Args:
        values: Any shape, floats.
        limits: L of them, fewer than 255.
    """
    flat = values.ravel()
    found = np.empty(flat.size, np.uint8)
    _put_in_bins(flat if flat.flags.writeable else flat.copy(), limits, found)
    return found.reshape(values.shape)


@compiled
def _count_pairs(
    labels: NDArray[Any],
    truth: NDArray[Any],
    places: NDArray[np.uint8],
    is_one: bool,
    ignore_id: int,
    counts: NDArray[np.int64],
) -> bool:
    tables, classes = counts.shape[0], counts.shape[1]
    has_strange = False
    i, n = 0, min(len(labels), len(truth))
    if not is_one:
        n = min(n, len(places))
    while i < n:
        label, true, place = labels[i], truth[i], places[0 if is_one else i]
        first = i
        i += 1
        while i < n and labels[i] == label and truth[i] == true:
            if not is_one and places[i] != place:
                break
            i += 1
        if true == ignore_id or place >= tables:
            continue
        if true < 0 or true >= classes:
            has_strange = True
            continue
        column = label if 0 <= label < classes else classes
        counts[place, true, column] += i - first
    return has_strange


@compiled
def _count_confidence(
    confidence: NDArray[np.uint8],
    labels: NDArray[Any],
    truth: NDArray[Any],
    ignore_id: int,
    counts: NDArray[np.int64],
) -> None:
    for i in range(min(len(confidence), len(labels), len(truth))):
        if truth[i] != ignore_id:
            counts[0, confidence[i]] += labels[i] == truth[i]
            counts[1, confidence[i]] += 1


@compiled
def _put_in_bins(
    values: NDArray[np.floating], limits: NDArray[np.float32], found: NDArray[np.uint8]
) -> None:
    for i in range(len(found)):
        number = 0
        for limit in limits:
            number += values[i] >= limit
        found[i] = number if values[i] == values[i] else NOWHERE
