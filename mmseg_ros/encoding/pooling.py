"""Pixels of a larger image gathered into the pixels of a smaller one, each by its own rule."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.projection.compiled import compiled

NO_EVENTS = 128


@compiled
def take_nearest(
    image: NDArray[np.uint8],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    out: NDArray[np.uint8],
) -> None:
    """Copy one pixel of the image into each of `out`.

    Args:
        image: H x W x C.
        rows: h, row of `image` for each row.
        columns: w, the same for columns.
        out: h x w x C.

    Raises:
        IndexError: A row or column lies outside the image.
    """
    if not (_are_below(rows, image.shape[0]) and _are_below(columns, image.shape[1])):
        raise IndexError('Pixels outside the image cannot be copied.')
    for i in range(len(rows)):
        if i > 0 and rows[i] == rows[i - 1]:
            out[i] = out[i - 1]
        else:
            _take_row(image[rows[i]], columns, out[i])


@compiled
def _are_below(places: NDArray[np.intp], size: int) -> bool:
    outside = 0
    for i in range(len(places)):
        outside += (places[i] < 0) | (places[i] >= size)
    return outside == 0


@compiled
def _take_row(row: NDArray[np.uint8], columns: NDArray[np.intp], out: NDArray[np.uint8]) -> None:
    if row.shape[1] == 3:  # a number that the compiler knows
        for j in range(len(columns)):
            for k in range(3):
                out[j, k] = row[columns[j], k]
    elif row.shape[1] == 1:
        for j in range(len(columns)):
            out[j, 0] = row[columns[j], 0]
    else:
        for j in range(len(columns)):
            out[j] = row[columns[j]]


@compiled
def pool_largest(
    image: NDArray[np.uint8],
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    out: NDArray[np.uint8],
) -> None:
    """Fill the largest value per channel.

    Args:
        image: H x W x 3.
        rows: H, row of `out` that each row falls on, -1 for none.
        columns: W, the same for columns.
        out: h x w x 3 zeros.
    """
    for i in range(len(rows)):
        if not 0 <= rows[i] < out.shape[0]:
            continue
        source, target = image[i], out[rows[i]]
        for j in range(len(columns)):
            a, b, c = source[j, 0], source[j, 1], source[j, 2]
            column = columns[j]
            if (a | b | c) == 0 or not 0 <= column < len(target):  # most pixels have no event
                continue
            target[column, 0] = max(a, target[column, 0])
            target[column, 1] = max(b, target[column, 1])
            target[column, 2] = max(c, target[column, 2])


@compiled
def pool_signed(
    image: NDArray[np.uint8],
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    out: NDArray[np.uint8],
) -> None:
    """Fill the value that lies farthest from 128; `out` holds 128 before. See `pool_largest`."""
    for i in range(len(rows)):
        if not 0 <= rows[i] < out.shape[0]:
            continue
        source, target = image[i], out[rows[i]]
        for j in range(len(columns)):
            column = columns[j]
            if not 0 <= column < len(target):
                continue
            for k in range(3):
                new = np.int32(source[j, k]) - NO_EVENTS
                if abs(new) > abs(np.int32(target[column, k]) - NO_EVENTS):
                    target[column, k] = source[j, k]


@compiled
def fill_from_cells(
    image: NDArray[np.uint8],
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    middles: NDArray[np.float32],
    out: NDArray[np.uint8],
) -> None:
    """Fill each unmeasured pixel (all 0) with the measured one of its cell nearest to the middle.

    Args:
        image: H x W x 3.
        rows: 2 x h, first and past-the-last row of each cell in `image`.
        columns: 2 x w, the same for columns.
        middles: h + w, middle row of each cell, then middle column.
        out: h x w x 3.
    """
    height, width = out.shape[:2]
    for i in range(height):
        first, last = max(rows[0, i], 0), min(rows[1, i], image.shape[0])
        for j in range(width):
            if (out[i, j, 0] | out[i, j, 1] | out[i, j, 2]) != 0:
                continue
            best = np.float32(np.inf)
            for y in range(first, last):
                for x in range(max(columns[0, j], 0), min(columns[1, j], image.shape[1])):
                    if (image[y, x, 0] | image[y, x, 1] | image[y, x, 2]) == 0:
                        continue
                    down, across = y - middles[i], x - middles[height + j]
                    distance = np.float32(down * down + across * across)
                    if distance < best:
                        best = distance
                        for k in range(3):
                            out[i, j, k] = image[y, x, k]


@compiled
def _has_points(pixels: NDArray[np.uint32]) -> bool:
    nearness = np.uint32(0)
    for j in range(len(pixels)):
        nearness |= pixels[j] & np.uint32(255)
    return bool(nearness > 0)


@compiled
def _count_alike(pixels: NDArray[np.uint32], row: int, counts: NDArray[np.uint8]) -> None:
    """Fill how many of the 9 pixels around each hold its values; those outside count too."""
    here = pixels[row]
    counts[:] = 1
    for y in range(row - 1, row + 2):
        if not 0 <= y < pixels.shape[0]:
            counts[:] += np.uint8(3)
            continue
        other = pixels[y]
        if y != row:
            _add_same(here, other, counts)
        _add_same(here[1:], other[:-1], counts[1:])
        _add_same(here[:-1], other[1:], counts[:-1])
        counts[0] += np.uint8(1)
        counts[-1] += np.uint8(1)


@compiled
def _add_same(
    here: NDArray[np.uint32], other: NDArray[np.uint32], counts: NDArray[np.uint8]
) -> None:
    for j in range(len(counts)):
        counts[j] += np.uint8(here[j] == other[j])


@compiled
def _find_middles(
    pixels: NDArray[np.uint32], row: int, counts: NDArray[np.uint8], middle: NDArray[np.bool_]
) -> None:
    """Fill which pixels of a row hold a point and are its middle."""
    here, alike = pixels[row], counts[row]
    for j in range(len(middle)):
        middle[j] = (here[j] & np.uint32(255)) > 0
    for y in range(max(row - 1, 0), min(row + 2, pixels.shape[0])):
        other, more = pixels[y], counts[y]
        if y != row:
            _leave_out(here, alike, other, more, middle)
        _leave_out(here[1:], alike[1:], other[:-1], more[:-1], middle[1:])
        _leave_out(here[:-1], alike[:-1], other[1:], more[1:], middle[:-1])


@compiled
def _leave_out(
    here: NDArray[np.uint32],
    alike: NDArray[np.uint8],
    other: NDArray[np.uint32],
    more: NDArray[np.uint8],
    middle: NDArray[np.bool_],
) -> None:
    for j in range(len(middle)):
        middle[j] = middle[j] & ((here[j] != other[j]) | (more[j] <= alike[j]))


@compiled
def scatter_points(
    pixels: NDArray[np.uint32],
    counts: NDArray[np.uint8],
    top: int,
    left: int,
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    points: NDArray[np.uint8],
    keys: NDArray[np.uint16],
) -> None:
    """Find points again that cover 3 x 3 pixels, and put the nearest of each goal into `points`.

    The middle of a point is the pixel whose neighbors hold its values more often than those of
    any neighbor with the same values do; so a point of one pixel is found too.

    Args:
        pixels: H x W, the three values of each pixel as the lower bytes of one number, nearness
            first: two pixels are compared at once.
        counts: H x W, scratch.
        top: First row of the image that counts.
        left: First column.
        rows: n, row of `points` that each row from `top` on falls on, -1 for none.
        columns: The same for columns.
        points: h x w x 3.
        keys: (h + 2) x (w + 2) zeros, a border of one around `points`; gets 16 x the nearness.
    """
    height, width = pixels.shape
    # What lies further away has nothing of the image, and sums of it would overflow.
    top, left = min(max(top, -len(rows)), height), min(max(left, -len(columns)), width)
    byte, middle = np.uint32(255), np.empty(width, np.bool_)
    # Above the horizon and between beams rows are empty, and what they count is never asked for.
    has_points = np.zeros(height, np.bool_)
    for row in range(max(top - 1, 0), min(top + len(rows) + 1, height)):
        has_points[row] = _has_points(pixels[row])
        if has_points[row]:
            _count_alike(pixels, row, counts[row])
    for i in range(len(rows)):
        row = top + i
        if not (0 <= rows[i] < points.shape[0] and 0 <= row < height):
            continue
        if not has_points[row]:
            continue
        _find_middles(pixels, row, counts, middle)
        source, target, nearest = pixels[row], points[rows[i]], keys[rows[i] + 1]
        for j in range(min(len(columns), len(source) - left)):
            goal = columns[j]
            if not 0 <= goal < len(target) or left + j < 0 or not middle[left + j]:
                continue
            pixel = source[left + j]
            key = np.uint16((pixel & byte) * np.uint32(16))
            if key > nearest[goal + 1]:
                nearest[goal + 1] = key
                target[goal, 0] = pixel & byte
                target[goal, 1] = (pixel >> np.uint32(8)) & byte
                target[goal, 2] = (pixel >> np.uint32(16)) & byte
