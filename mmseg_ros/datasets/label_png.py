"""Label images as they are stored: the numbers of the file, not the colors it is shown in."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError

_SIGNATURE = b'\x89PNG\r\n\x1a\n'
_JPEG_START = b'\xff\xd8\xff'
_GREY, _PALETTE = 0, 3
_HEADER_END = 33  # signature, then the IHDR chunk: length, name, 13 bytes, checksum


def read_label_png(path: Path) -> NDArray[Any]:
    """Return the H x W uint8 or uint16 numbers of a label image.

    A palette PNG gives its indices and an image of 1, 2 or 4 bits its values. Of color images all
    channels must be the same, or the second and third zero (a simulator's raw tags); alpha does
    not count.

    Raises:
        DatasetError: The file is no image, or its channels differ: it holds colors; or its numbers
            are not those that were written: JPEG changes them, fractions are no classes.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DatasetError(f'{path} cannot be read ({error}).') from error
    if content[:3] == _JPEG_START:
        raise DatasetError(
            f'{path} is a JPEG, which changes class numbers at every outline; write labels as PNG.'
        )
    depth, kind = _depth_and_kind(content)
    if kind == _PALETTE:
        content = _as_grey(content)
    pixels = _decoded(content)
    if pixels is None:
        raise DatasetError(f'{path} is no readable image; copy the file again.')
    if pixels.dtype not in (np.uint8, np.uint16):
        raise DatasetError(
            f'{path} holds {pixels.dtype} values; class numbers are whole, of 8 or 16 bits.'
        )
    if pixels.ndim == 3:
        return _one_channel(pixels, path)
    if kind in (_GREY, _PALETTE) and depth < 8:
        # OpenCV spreads few bits over all 256 steps.
        return np.asarray(pixels // (255 // ((1 << depth) - 1)), np.uint8)
    return pixels


def _depth_and_kind(content: bytes) -> tuple[int, int]:
    """Return bits per value and the color type of a PNG; (8, -1) for other files."""
    if content[:8] != _SIGNATURE or len(content) < _HEADER_END:
        return 8, -1
    return content[24], content[25]


def _as_grey(content: bytes) -> bytes:
    """Return a palette PNG whose indices are gray values, without its table of colors."""
    header = content[12:25] + bytes([_GREY]) + content[26:29]
    parts = [content[:12], header, struct.pack('>I', zlib.crc32(header))]
    position = _HEADER_END
    while position + 12 <= len(content):
        (length,) = struct.unpack_from('>I', content, position)
        end = position + 12 + length
        if content[position + 4 : position + 8] not in (b'PLTE', b'tRNS', b'bKGD', b'hIST'):
            parts.append(content[position:end])
        position = end
    return b''.join(parts)


def _decoded(content: bytes) -> NDArray[Any] | None:
    try:
        return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None


def _one_channel(pixels: NDArray[Any], path: Path) -> NDArray[Any]:
    # OpenCV reads BGR(A): the file's first channel is the third.
    first, second, third = pixels[..., 2], pixels[..., 1], pixels[..., 0]
    same = np.array_equal(first, second) and np.array_equal(first, third)
    if same or not (second.any() or third.any()):
        return first
    colors = np.unique(pixels[..., 2::-1].reshape(-1, 3), axis=0)
    raise DatasetError(
        f'{path} holds colors, not class numbers: its channels differ (among its {len(colors)} '
        f'colors is {tuple(int(v) for v in colors[len(colors) // 2])}); write the number of the '
        'class into one channel, or as a palette PNG.'
    )
