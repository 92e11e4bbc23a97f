"""Masks as COCO writes them: run lengths, packed run lengths, and polygons."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError

_SCALE = 5
"""Polygons are traced on a grid this much finer than the pixels."""


def decode_segmentation(segmentation: Any, height: int, width: int) -> NDArray[np.bool_]:
    """Return H x W bool from the `segmentation` of a COCO annotation.

    Args:
        segmentation: A list of polygons, or `{'size': [H, W], 'counts': runs or text}`.
        height: Rows of the image.
        width: Columns of the image.

    Raises:
        DatasetError: It is neither, or does not fit the image.
    """
    if isinstance(segmentation, list):
        masks = [polygon_mask(polygon, height, width) for polygon in segmentation]
        return np.any(masks, axis=0) if masks else np.zeros((height, width), bool)
    if not isinstance(segmentation, dict) or 'counts' not in segmentation:
        raise DatasetError(
            f'A segmentation is {str(segmentation)[:60]!r}; expected polygons or run lengths.'
        )
    if list(segmentation.get('size', ())) != [height, width]:
        raise DatasetError(
            f'A mask is {segmentation.get("size")}, its image {[height, width]}; '
            'is instances.json that of these images?'
        )
    counts = segmentation['counts']
    runs = counts if isinstance(counts, list) else unpack_runs(counts)
    return runs_mask(runs, height, width)


def runs_mask(runs: Sequence[int], height: int, width: int) -> NDArray[np.bool_]:
    """Return H x W bool from lengths of runs outside, inside, outside, ... down the columns.

    Raises:
        DatasetError: They do not add up to the number of pixels.
    """
    lengths = np.asarray(runs, np.int64)
    if lengths.sum() != height * width or (lengths < 0).any():
        raise DatasetError(f'Runs cover {lengths.sum()} pixels of {height} x {width}.')
    inside = np.arange(len(lengths)) % 2 == 1
    return np.repeat(inside, lengths).reshape(width, height).T


def unpack_runs(text: str | bytes) -> list[int]:
    """Return run lengths from their packed text.

    A character holds five bits and whether more follow; from the fourth on, the difference to
    the length before the last is stored.

    Raises:
        DatasetError: The text is cut off, or holds another character.
    """
    codes = np.frombuffer(text.encode('latin1') if isinstance(text, str) else text, np.uint8)
    if len(codes) and (codes.min() < 48 or codes.max() > 111 or (codes[-1] - 48) & 0x20):
        raise DatasetError('A packed mask is damaged; copy instances.json again.')
    runs: list[int] = []
    value, shift = 0, 0
    for code in (codes - 48).tolist():
        value |= (code & 0x1F) << shift
        shift += 5
        if code & 0x20:
            continue
        if code & 0x10:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value, shift = 0, 0
    return runs


def polygon_mask(polygon: Sequence[float], height: int, width: int) -> NDArray[np.bool_]:
    """Return H x W bool: what COCO counts as inside of x0, y0, x1, y1, ...

    The outline is traced on a grid of fifth pixels. Where it crosses the middle of a pixel's
    column, inside and outside change; a rectangle from 0 to 4 so covers exactly four pixels.

    Raises:
        DatasetError: There is an odd number of values, or one is not finite.
    """
    values = np.asarray(polygon, np.float64)
    if values.ndim != 1 or len(values) % 2 or not np.isfinite(values).all():
        raise DatasetError(f'A polygon has {values.size} values, expected finite pairs of x, y.')
    if len(values) < 6:
        return np.zeros((height, width), bool)
    corners = (_SCALE * values.reshape(-1, 2) + 0.5).astype(np.int64)
    closed = np.concatenate([corners, corners[:1]])
    outline = np.concatenate([_line(a, b) for a, b in pairwise(closed)])
    return _fill(outline, height, width)


def _line(start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the points of a line from start to end, one per step of its longer axis."""
    step = np.abs(end - start)
    axis = 0 if step[0] >= step[1] else 1
    backwards = start[axis] > end[axis]
    first, last = (end, start) if backwards else (start, end)
    along = np.arange(step[axis] + 1)
    slope = (last[1 - axis] - first[1 - axis]) / max(step[axis], 1)
    points = np.empty((len(along), 2), np.int64)
    points[:, axis] = first[axis] + along
    points[:, 1 - axis] = (first[1 - axis] + slope * along + 0.5).astype(np.int64)
    return points[::-1] if backwards else points


def _fill(outline: NDArray[np.int64], height: int, width: int) -> NDArray[np.bool_]:
    before, after = outline[:-1], outline[1:]
    moved = after[:, 0] != before[:, 0]
    before, after = before[moved], after[moved]
    column = np.where(after[:, 0] < before[:, 0], after[:, 0], after[:, 0] - 1)
    x = (column + 0.5) / _SCALE - 0.5
    y = np.ceil((np.minimum(after[:, 1], before[:, 1]) + 0.5) / _SCALE - 0.5)
    crossing = (x == np.floor(x)) & (x >= 0) & (x <= width - 1)
    place = x[crossing] * height + np.clip(y[crossing], 0, height)
    changes = np.zeros(height * width + 1, np.int64)
    np.add.at(changes, place.astype(np.int64), 1)
    inside = np.cumsum(changes[:-1]) % 2 == 1
    return np.asarray(inside.reshape(width, height).T)
