"""The text that Prophesee's files begin with: lines that start with %."""

from __future__ import annotations

import re
from pathlib import Path

from mmseg_ros.core.errors import SampleError

_PIXELS = r'(\d{1,5})(?!\d)'
"""A side of a sensor; events number their pixels in 16 bits."""
_SENSOR_SIZES = {'gen3': (480, 640), 'gen4': (720, 1280), 'imx636': (720, 1280)}


def read_content(path: str | Path) -> bytes:
    """Return the bytes of a recording.

    Raises:
        SampleError: The file cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SampleError(f'{path}: cannot read the recording ({error}).') from error


def split_header(content: bytes) -> tuple[str, bytes]:
    """Return the header (lines that start with %) and what follows it."""
    position = 0
    while content[position : position + 1] == b'%':
        end = content.find(b'\n', position)
        if end < 0:
            break
        line, position = content[position:end], end + 1
        if line.strip() == b'% end':
            break
    return content[:position].decode('latin-1'), content[position:]


def sensor_size(header: str) -> tuple[int, int] | None:
    """Return rows and columns of the sensor, if the header tells them."""
    geometry = re.search(rf'^% geometry {_PIXELS}x{_PIXELS}', header, re.M)
    if geometry:
        return int(geometry[2]), int(geometry[1])
    height = re.search(rf'height[= ]{_PIXELS}', header, re.I)
    width = re.search(rf'width[= ]{_PIXELS}', header, re.I)
    if height and width:
        return int(height[1]), int(width[1])
    # Old recorders name only the plugin of the sensor's generation.
    generation = re.search(r'^% plugin_name .*(gen\d|imx636)', header, re.M)
    return _SENSOR_SIZES.get(generation[1]) if generation else None
