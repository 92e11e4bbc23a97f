"""Moved pixels into a z-buffer: each fills the area that it covers, and the nearest wins.

Each loop touches few arrays, so that the compiler turns it into vector code; only the last ones,
which write to the image, take pixel by pixel.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.projection.compiled import compiled

# Grown pixels overlap a little: with distortion their sizes are not exact.
SEAM = 1.1
ROUNDING = 2e-5
"""By how much of a pixel sizes may seem larger than they are: rays are float32."""
NUMBERS = 5
"""Rows of int32 scratch that `put_row` needs."""
_NOWHERE, _SEVERAL = -1, -2
_NONE, _HARDLY, _MUCH = 0, 1, 2


@compiled
def put_row(
    u: NDArray[np.float64],
    v: NDArray[np.float64],
    z: NDArray[np.float64],
    before: NDArray[np.float32],
    sizes: tuple[NDArray[np.float32], NDArray[np.float32]],
    half: NDArray[np.float64],
    near: NDArray[np.float32],
    numbers: NDArray[np.int32],
    camera: NDArray[np.float64],
    z_buffer: NDArray[np.float32],
) -> None:
    """Fill what one row of moved pixels covers.

    Args:
        u: W float64, columns in the target.
        v: W float64, its rows.
        z: W float64 meters in the target, NaN of pixels that do not count.
        before: W float32, the meters before they were moved.
        sizes: Two of W float32, half the width and height of each pixel if it were moved by the
            rotation alone.
        half: 2 x W float64, scratch.
        near: W float32, scratch.
        numbers: NUMBERS x W int32, scratch.
        camera: `CameraModel.parameters` of the target.
        z_buffer: H x W float32 meters of the target, inf where nothing is yet.
    """
    half_u, half_v = half[0, : len(u)], half[1, : len(u)]
    _grow(sizes[0], before, z, half_u)
    _grow(sizes[1], before, z, half_v)
    pixels, several = numbers[0, : len(u)], 0
    growth = _growth(half_u, half_v)
    if growth == _NONE or (growth == _HARDLY and _is_clear(u, v, z)):
        _pixels(u, v, z, camera, pixels, near)
    else:
        _edges(u, half_u, camera[1], numbers[1], numbers[2])
        _edges(v, half_v, camera[2], numbers[3], numbers[4])
        several = _pixels_of_areas(u, v, z, camera, numbers, near)
    put_pixels(pixels, near, z_buffer.reshape(-1))
    if several > 0:
        put_areas(pixels, numbers, near, z_buffer)


@compiled
def put_pixels(
    pixels: NDArray[np.int32], near: NDArray[np.float32], z_buffer: NDArray[np.float32]
) -> None:
    """Fill single pixels, where they are nearer than what is there.

    Args:
        pixels: W int32, which pixel of the flat image each one covers, negative for none.
        near: W float32 meters.
        z_buffer: The flat image.
    """
    for j in range(len(pixels)):
        k = pixels[j]
        if 0 <= k < len(z_buffer):
            # Written in any case: which of two is nearer is a guess that processors get wrong.
            before = z_buffer[k]
            z_buffer[k] = near[j] if near[j] < before else before


@compiled
def put_areas(
    pixels: NDArray[np.int32],
    numbers: NDArray[np.int32],
    near: NDArray[np.float32],
    z_buffer: NDArray[np.float32],
) -> None:
    """Fill the areas of more than one pixel.

    Args:
        pixels: W int32, which of them cover several pixels.
        numbers: NUMBERS x W int32, from the second row on first and past-the-last column and row.
        near: W float32 meters.
        z_buffer: H x W float32 meters.
    """
    rows, columns = z_buffer.shape
    for j in range(len(pixels)):
        if pixels[j] != _SEVERAL:
            continue
        for row in range(max(numbers[3, j], 0), min(numbers[4, j], rows)):
            for column in range(max(numbers[1, j], 0), min(numbers[2, j], columns)):
                if near[j] < z_buffer[row, column]:
                    z_buffer[row, column] = near[j]


@compiled
def _grow(
    half: NDArray[np.float32],
    before: NDArray[np.float32],
    after: NDArray[np.float64],
    result: NDArray[np.float64],
) -> None:
    for j in range(len(result)):
        size = SEAM * half[j] * float(before[j]) / after[j] - 0.5 * (SEAM - 1.0)
        result[j] = size if size > 0.5 else 0.5


@compiled
def _growth(half_u: NDArray[np.float64], half_v: NDArray[np.float64]) -> int:
    """Return whether pixels are larger than those of the image: none, hardly any, or more."""
    larger, much = 0, 0
    for j in range(len(half_u)):
        larger += (half_u[j] > 0.5) | (half_v[j] > 0.5)
        much += (half_u[j] > 0.5 + ROUNDING) | (half_v[j] > 0.5 + ROUNDING)
    return _MUCH if much > 0 else _HARDLY if larger > 0 else _NONE


@compiled
def _is_clear(u: NDArray[np.float64], v: NDArray[np.float64], z: NDArray[np.float64]) -> bool:
    """Return whether no pixel lies so that `ROUNDING` more on each side covers a second one."""
    close = 0
    for j in range(len(u)):
        across, down = u[j] - 0.5, v[j] - 0.5
        across, down = abs(across - np.rint(across)), abs(down - np.rint(down))
        close += ((across < 2.0 * ROUNDING) | (down < 2.0 * ROUNDING)) & (z[j] > 0.0)
    return close == 0


@compiled
def _pixels(
    u: NDArray[np.float64],
    v: NDArray[np.float64],
    z: NDArray[np.float64],
    camera: NDArray[np.float64],
    pixels: NDArray[np.int32],
    near: NDArray[np.float32],
) -> None:
    """Fill which pixel each small one covers."""
    columns, right, bottom = np.int32(camera[1]), camera[1] - 0.5, camera[2] - 0.5
    for j in range(len(pixels)):
        inside = (z[j] > 0.0) & (u[j] > -0.5) & (u[j] < right) & (v[j] > -0.5) & (v[j] < bottom)
        row, column = np.int32(math.ceil(v[j] - 0.5)), np.int32(math.ceil(u[j] - 0.5))
        pixels[j] = row * columns + column if inside else np.int32(_NOWHERE)
        near[j] = z[j]


@compiled
def _edges(
    middle: NDArray[np.float64],
    half: NDArray[np.float64],
    size: float,
    first: NDArray[np.int32],
    last: NDArray[np.int32],
) -> None:
    """Fill the first and the past-the-last column or row that each area covers in the image."""
    for j in range(len(middle)):
        low, high = math.ceil(middle[j] - half[j]), math.ceil(middle[j] + half[j])
        first[j] = np.int32(low if low > 0.0 else 0.0)
        last[j] = np.int32(high if high < size else size)


@compiled
def _pixels_of_areas(
    u: NDArray[np.float64],
    v: NDArray[np.float64],
    z: NDArray[np.float64],
    camera: NDArray[np.float64],
    numbers: NDArray[np.int32],
    near: NDArray[np.float32],
) -> int:
    """Fill the pixel of the areas that cover one; return how many cover several."""
    pixels, left, right = numbers[0], numbers[1], numbers[2]
    top, bottom = numbers[3], numbers[4]
    columns, widest, lowest = np.int32(camera[1]), camera[1] - 0.5, camera[2] - 0.5
    several = 0
    for j in range(len(u)):
        seen = (z[j] > 0.0) & (u[j] >= -0.5) & (u[j] < widest) & (v[j] >= -0.5) & (v[j] < lowest)
        width, height = right[j] - left[j], bottom[j] - top[j]
        there, one = seen & (width > 0) & (height > 0), (width == 1) & (height == 1)
        pixel = np.int32(top[j] * columns + left[j]) if one else np.int32(_SEVERAL)
        pixels[j] = pixel if there else np.int32(_NOWHERE)
        several += there & (not one)
        near[j] = z[j]
    return several
