"""Prophesee RAW recordings (EVT 2.0, 2.1 and 3.0)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import EventData
from mmseg_ros.messages import event_codecs as codecs
from mmseg_ros.messages.event_header import read_content, sensor_size, split_header
from mmseg_ros.messages.event_points import event_data
from mmseg_ros.messages.prophesee import WORD_TYPES, decode_prophesee

_FORMATS = {'EVT2': 'evt2', 'EVT21': 'evt21', 'EVT3': 'evt3'}
_NS_PER_US = 1000


def read_event_file(path: str | Path, start_ns: int = 0) -> EventData:
    """Return all events of a .raw file, oldest first.

    A file that ends within a word (a recording cut off) gives the events before it.

    Args:
        path: The file.
        start_ns: Stamp of the sensor's time zero.

    Raises:
        SampleError: The file cannot be read, its header names no supported format, or events lie
            outside the sensor.
    """
    header, body = split_header(read_content(path))
    name, height, width = _format(header, str(path))
    data = np.frombuffer(body, np.uint8)
    state = np.zeros(codecs.STATE_SIZE, np.int64)
    encoding = _FORMATS[name]
    whole = len(data) // np.dtype(WORD_TYPES[encoding]).itemsize
    data = data[: whole * np.dtype(WORD_TYPES[encoding]).itemsize]
    if encoding == 'evt21' and _has_swapped_halves(header):
        data = data.view('<u4').reshape(-1, 2)[:, ::-1].reshape(-1).view(np.uint8)
    x, y, times_us, polarity = decode_prophesee(encoding, data, state)
    stamps = times_us * _NS_PER_US + start_ns
    return event_data(x, y, stamps, polarity, height, width)


def event_format(path: str | Path) -> str:
    """Return the format that a .raw file's header names: EVT2, EVT21 or EVT3.

    Raises:
        SampleError: The file cannot be read, or its header names no supported format.
    """
    return _format(split_header(read_content(path))[0], str(path))[0]


def _has_swapped_halves(header: str) -> bool:
    """Return whether EVT 2.1 words are stored with their upper 32 bits first."""
    return (
        re.search(r'^% (format EVT21;.*endianness=legacy|endianness legacy)', header, re.M)
        is not None
    )


def _format(header: str, path: str) -> tuple[str, int, int]:
    named = re.search(r'^% format (\w+)', header, re.M)
    version = re.search(r'^% evt ([\d.]+)', header, re.M)
    if named:
        name = named[1].upper()
    elif version:
        name = 'EVT' + version[1].removesuffix('.0').replace('.', '')
    else:
        name = 'none'
    if name not in _FORMATS:
        raise SampleError(
            f'{path}: the header names the event format {name!r}; '
            f'supported: {", ".join(_FORMATS)}.'
        )
    size = sensor_size(header)
    if size is None:
        raise SampleError(f'{path}: the header does not name the size of the sensor.')
    return name, *size
