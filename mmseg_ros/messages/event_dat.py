"""Prophesee DAT recordings: a header of text, then eight bytes per event."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import EventData
from mmseg_ros.messages.event_header import read_content, sensor_size, split_header
from mmseg_ros.messages.event_points import event_data

_CHANGES = (0x00, 0x0C)
"""Types of records that are changes of brightness; triggers have others."""
_RECORD = np.dtype([('t', '<u4'), ('packed', '<u4')])
_NS_PER_US = 1000
_OLD_SIZE = (240, 304)
"""Rows and columns of the only sensor that files without a version come from."""


def read_dat_file(path: str | Path, start_ns: int = 0) -> EventData:
    """Return all events of a .dat file, oldest first.

    Version 2 packs 14 bits of column, 14 of row and the polarity; older files 9, 8 and 1. Times
    are microseconds in 32 bits, which begin again after 71 minutes.

    Args:
        path: The file.
        start_ns: Stamp of the sensor's time zero.

    Raises:
        SampleError: The file cannot be read, holds other records than events, or events lie
            outside the sensor.
    """
    header, body = split_header(read_content(path))
    if len(body) < 2 or body[0] not in _CHANGES or body[1] != _RECORD.itemsize:
        found = f'type {body[0]} of {body[1]} bytes' if len(body) > 1 else 'nothing'
        raise SampleError(
            f'{path}: after the header come records of {found}; events are of type 0 or 12 and '
            '8 bytes.'
        )
    whole = (len(body) - 2) // _RECORD.itemsize
    records = np.frombuffer(body, _RECORD, whole, offset=2)
    version = re.search(r'^% Version (\d+)', header, re.M | re.I)
    is_old = version is None or int(version[1]) < 2
    bits_x, bits_y = (9, 8) if is_old else (14, 14)
    packed = records['packed']
    x = packed & ((1 << bits_x) - 1)
    y = (packed >> bits_x) & ((1 << bits_y) - 1)
    polarity = (packed >> (bits_x + bits_y)) & 1 > 0
    height, width = sensor_size(header) or (_OLD_SIZE if is_old else (0, 0))
    if not height:
        raise SampleError(f'{path}: the header does not name the size of the sensor.')
    stamps = unwrapped_us(records['t']) * _NS_PER_US + start_ns
    return event_data(x, y, stamps, polarity, height, width)


def unwrapped_us(times_us: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return times that go on where 32 bits begin again; small steps back stay as they are."""
    long = times_us.astype(np.int64)
    turns = np.cumsum(np.diff(long, prepend=long[:1]) < -(2**31))
    return np.asarray(long + turns * 2**32, np.int64)
