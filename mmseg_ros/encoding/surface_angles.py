"""Angles of HHA in a smaller image: the mean over the pixels that show the same surface."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.encoding.hha import LARGEST_GAP
from mmseg_ros.encoding.view import View
from mmseg_ros.projection.compiled import compiled


def average_angles(image: NDArray[np.uint8], view: View, shown: NDArray[np.uint8]) -> None:
    """Replace the angle of each pixel by the mean over the surface that it shows.

    A normal is found from pixels at a fixed reach, so in an image of twice the size from half the
    distance, and the noise of depth turns it twice as far. The mean over the pixels of the larger
    image that fall on one of the smaller takes that back.

    Args:
        image: H x W x 3 uint8 HHA; 0 where nothing is measured.
        view: Made for H x W; shrinks along one axis at least.
        shown: h x w x 3, the shown part of the view: disparity, height and angle of one measured
            pixel each.
    """
    rows, _ = view.rows.cells()
    left, columns = view.columns.goal()
    # A copy, for a frozen or turned image would be compiled for anew.
    part = np.array(image[:, left : left + len(columns)], order='C')
    # As numbers without a sign, columns that fall on none lie beyond the last.
    _average(part, rows, columns.view(np.uint32), shown)


@compiled
def _average(
    image: NDArray[np.uint8],
    rows: NDArray[np.int32],
    columns: NDArray[np.uint32],
    out: NDArray[np.uint8],
) -> None:
    """Fill the third channel of `out`.

    Args:
        image: H x W x 3.
        rows: 2 x h, first and past-the-last row of `image` for each row of `out`.
        columns: W, column of `out` that each column falls on; larger ones are left out.
        out: h x w x 3.
    """
    height, width = min(len(out), rows.shape[1]), out.shape[1]
    codes, sums = np.empty(width, np.int32), np.empty(width, np.uint64)
    for i in range(height):
        for j in range(width):
            codes[j], sums[j] = out[i, j, 0], 0
        for y in range(max(rows[0, i], 0), min(rows[1, i], image.shape[0])):
            _add_row(image[y], columns, codes, sums)
        for j in range(width):
            count = sums[j] >> np.uint64(32)
            mean = np.float32(sums[j] & np.uint64(0xFFFFFFFF)) / np.float32(count)
            if count > 0:
                out[i, j, 2] = np.int32(mean + np.float32(0.5))


@compiled
def _add_row(
    pixels: NDArray[np.uint8],
    columns: NDArray[np.uint32],
    codes: NDArray[np.int32],
    sums: NDArray[np.uint64],
) -> None:
    """Add angles of the same surface; the upper half of a sum counts them."""
    one, nothing, gap = np.uint64(1 << 32), np.uint64(0), np.float32(LARGEST_GAP)
    for x in range(min(len(columns), len(pixels))):
        column = columns[x]
        if column >= len(codes):
            continue
        disparity, height, angle = np.int32(pixels[x, 0]), pixels[x, 1], np.uint64(pixels[x, 2])
        is_measured = (np.uint64(disparity) | height | angle) != 0
        is_near = abs(disparity - codes[column]) <= gap * codes[column]
        sums[column] += (one | angle) if is_measured & is_near else nothing
