"""RVL: lossless compression of 16-bit depth images.

Source: Wilson, "Fast Lossless Depth Image Compression", ISS 2017.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.limits import size_fault
from mmseg_ros.projection.compiled import compiled


def decode_rvl(data: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Return H x W uint16 of two int32 (columns, rows) and the 32-bit words of RVL behind them.

    Raises:
        SampleError: The size is impossible, or the words end before the last pixel.
    """
    if len(data) < 8:
        raise SampleError(f'RVL data of {len(data)} bytes is cut off before its size.')
    width, height = (int(value) for value in data[:8].view('<i4'))
    fault = size_fault(width, height)
    if width < 1 or height < 1 or fault:
        raise SampleError(f'RVL data names an image of {fault or f"{width} x {height} pixels"}.')
    body = data[8:]
    words = np.zeros(-(-len(body) // 4) * 4, np.uint8)
    words[: len(body)] = body
    pixels = np.zeros(width * height, np.uint16)
    if not _decode(words.view('<u4').astype(np.uint32), pixels):
        raise SampleError(f'RVL data of {width} x {height} pixels ends before the last pixel.')
    return pixels.reshape(height, width)


@compiled
def _decode(words: NDArray[np.uint32], pixels: NDArray[np.uint16]) -> bool:
    """Fill the pixels; return whether the data reached to the last one.

    Runs of zeros and of differences alternate; every number comes in nibbles of 3 bits, low ones
    first, whose highest bit says that another follows.
    """
    nibble, count, n = 0, len(words) * 8, 0
    previous = np.int64(0)
    left_of_run, in_zeros = np.int64(-1), True
    while n < len(pixels):
        value, shift, more = np.int64(0), 0, True
        # The end of a run of differences is NaN or infinite of its own.
        if left_of_run == 0 and not in_zeros:
            left_of_run, in_zeros = np.int64(-1), True
            continue
        while more:
            if nibble >= count or shift > 33:
                return False
            bits = np.int64((words[nibble >> 3] >> (28 - 4 * (nibble & 7))) & 0xF)
            nibble += 1
            value |= (bits & 7) << shift
            shift += 3
            more = bits & 8 != 0
        if left_of_run > 0 and not in_zeros:
            previous += (value >> 1) ^ -(value & 1)
            pixels[n] = previous & 0xFFFF
            n += 1
            left_of_run -= 1
        elif in_zeros:
            if value > len(pixels) - n:
                return False
            n += int(value)
            in_zeros, left_of_run = False, np.int64(-1)
        else:
            left_of_run = value
    return True
