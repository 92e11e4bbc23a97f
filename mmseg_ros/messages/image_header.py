"""The size of a compressed image, read from its header before any pixel is made.

A PNG of 0.4 MB may hold 144 million pixels, so the size has to be known before it is decoded.

Source: the specifications of PNG, JPEG (ITU-T T.81, B.1 and B.2), TIFF 6.0, BMP and WebP.
"""

from __future__ import annotations

import struct

Size = tuple[int, int]
"""Width and height in pixels."""

_PNG, _JPEG, _WEBP = b'\x89PNG\r\n\x1a\n', b'\xff\xd8', b'WEBP'
_TIFF = {b'II*\0': '<', b'MM\0*': '>'}
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
_TIFF_TYPES = {3: 'H', 4: 'I'}
# Start of frame: all codes but Huffman tables, arithmetic coding and the reserved one.
_JPEG_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
READABLE = 'JPEG, PNG, TIFF, BMP and WebP'


def stored_size(data: bytes) -> Size | None:
    """Return the size that a file's header names; None if it is no whole header of a known kind.

    Args:
        data: The beginning of the file, or all of it.
    """
    try:
        if data.startswith(_PNG):
            return _png(data)
        if data.startswith(_JPEG):
            return _jpeg(data)
        if data[:4] in _TIFF:
            return _tiff(data, _TIFF[data[:4]])
        if data.startswith(b'BM'):
            return _bmp(data)
        if data.startswith(b'RIFF') and data[8:12] == _WEBP:
            return _webp(data)
    except (struct.error, IndexError):
        pass
    return None


def _png(data: bytes) -> Size | None:
    if data[12:16] != b'IHDR':
        return None
    width, height = struct.unpack_from('>II', data, 16)
    return width, height


def _jpeg(data: bytes) -> Size | None:
    at = 2
    while data[at] == 0xFF:
        code = data[at + 1]
        if code == 0xFF:  # filler before a marker
            at += 1
        elif code in _JPEG_WITHOUT_LENGTH:
            at += 2
        elif code in _JPEG_FRAMES:
            height, width = struct.unpack_from('>HH', data, at + 5)
            return width, height
        else:
            (length,) = struct.unpack_from('>H', data, at + 2)
            at += 2 + max(length, 2)
    return None


def _tiff(data: bytes, order: str) -> Size | None:
    (first,) = struct.unpack_from(order + 'I', data, 4)
    (count,) = struct.unpack_from(order + 'H', data, first)
    found: dict[int, int] = {}
    for i in range(count):
        tag, kind = struct.unpack_from(order + 'HH', data, first + 2 + 12 * i)
        if tag in (_TIFF_WIDTH, _TIFF_HEIGHT) and kind in _TIFF_TYPES:
            (found[tag],) = struct.unpack_from(
                order + _TIFF_TYPES[kind], data, first + 10 + 12 * i
            )
    if len(found) < 2:
        return None
    return found[_TIFF_WIDTH], found[_TIFF_HEIGHT]


def _bmp(data: bytes) -> Size:
    (header_size,) = struct.unpack_from('<I', data, 14)
    width, height = struct.unpack_from('<HH' if header_size == 12 else '<ii', data, 18)
    return abs(width), abs(height)


def _webp(data: bytes) -> Size | None:
    kind = data[12:16]
    if kind == b'VP8 ':
        width, height = struct.unpack_from('<HH', data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b'VP8L':
        (bits,) = struct.unpack_from('<I', data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b'VP8X':
        low = struct.unpack_from('<HBHB', data, 24)
        return (low[0] | low[1] << 16) + 1, (low[2] | low[3] << 16) + 1
    return None
