"""Recordings of event cameras in one file, as the packets of a bag."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError, MissingLibraryError, SampleError
from mmseg_ros.core.types import EventData
from mmseg_ros.datasets.hdf5 import read_recording
from mmseg_ros.messages.event_dat import read_dat_file
from mmseg_ros.messages.event_file import event_format, read_event_file
from mmseg_ros.messages.event_points import event_data

PACKET_NS = 10_000_000
"""Length of the packets that a recording is cut into."""
_ABSOLUTE_US = 10**14
"""Times from here on (1973) are of a clock; smaller ones are counted from the sensor's start."""
_NS_PER_US = 1000
_SENSOR_SIZES = ((180, 240), (240, 304), (260, 346), (480, 640), (720, 1280))
"""Rows and columns of usual sensors, for files that do not name theirs."""

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class EventRecording:
    """The events of one file and how they are stored.

    Attributes:
        events: All of them, oldest first.
        codec: Name of the format.
        names_size: Whether the file itself names the size of its sensor.
    """

    events: EventData
    codec: str
    names_size: bool

    @property
    def is_absolute(self) -> bool:
        """Return whether the times are of a clock, not counted from the sensor's start."""
        stamps = self.events.stamp_ns
        return len(stamps) > 0 and int(stamps[0]) >= _ABSOLUTE_US * _NS_PER_US


def is_event_file(path: Path) -> bool:
    """Return whether the path is a file with the suffix of an event recording."""
    return path.suffix.lower() in _READERS and path.is_file()


def read_event_recording(
    path: Path, start_ns: int = 0, size: tuple[int, int] | None = None
) -> EventData:
    """Return all events of a .raw, .dat, .h5, .hdf5 or .aedat4 file; see `open_event_recording`.

    Raises:
        MmsegError: The file cannot be read, or needs a library that is not installed.
    """
    return open_event_recording(path, start_ns, size).events


def open_event_recording(
    path: Path, start_ns: int = 0, size: tuple[int, int] | None = None
) -> EventRecording:
    """Return all events of a .raw, .dat, .h5, .hdf5 or .aedat4 file, and how it stores them.

    Args:
        path: The file.
        start_ns: Stamp of the sensor's time zero. Times of a clock (AEDAT4, DSEC) stay.
        size: Rows and columns of the sensor where the file does not name them; None takes the
            smallest usual sensor that holds all events.

    Raises:
        MmsegError: The file cannot be read, or needs a library that is not installed.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DatasetError(
            f'{path}: event recordings are read from {", ".join(sorted(_READERS))}.'
        )
    return reader(path, start_ns, size)


def event_packets(events: EventData) -> Iterator[EventData]:
    """Yield the events in packets of at most `PACKET_NS`, without the empty ones."""
    stamps = events.stamp_ns
    first = 0
    while first < len(stamps):
        last = int(np.searchsorted(stamps, stamps[first] + PACKET_NS))
        part = slice(first, last)
        yield EventData(
            events.x[part],
            events.y[part],
            stamps[part],
            events.polarity[part],
            events.width,
            events.height,
        )
        first = last


def _raw(path: Path, start_ns: int, _: Size | None) -> EventRecording:
    return EventRecording(read_event_file(path, start_ns), f'RAW {event_format(path)}', True)


def _dat(path: Path, start_ns: int, _: Size | None) -> EventRecording:
    return EventRecording(read_dat_file(path, start_ns), 'DAT', True)


def _hdf5(path: Path, start_ns: int, size: Size | None) -> EventRecording:
    (x, y, times_us, polarity), named = read_recording(path)
    events = _events(path, (x, y, times_us, polarity), start_ns, named or size)
    return EventRecording(events, 'HDF5', named is not None)


def _aedat4(path: Path, start_ns: int, size: Size | None) -> EventRecording:
    try:
        aedat = importlib.import_module('aedat')
    except ImportError as error:
        raise MissingLibraryError(
            f'{path} needs the library aedat ({error}); install mmseg_ros[events].'
        ) from error
    try:
        decoder = aedat.Decoder(str(path))
        streams = {
            number: stream
            for number, stream in decoder.id_to_stream().items()
            if stream['type'] == 'events'
        }
        first = min(streams, default=None)
        parts = [item['events'] for item in decoder if item['stream_id'] == first]
    except Exception as error:  # the library raises its own and built-in ones
        raise SampleError(f'{path} cannot be read as AEDAT4 ({error}).') from error
    if not parts:
        raise SampleError(f'{path} holds no events.')
    table = np.concatenate(parts)
    named = streams[first].get('height'), streams[first].get('width')
    size = (int(named[0]), int(named[1])) if all(named) else size
    columns = table['x'], table['y'], table['t'].astype(np.int64), table['on']
    return EventRecording(_events(path, columns, start_ns, size), 'AEDAT4', all(named))


def _events(
    path: Path, columns: tuple[NDArray[Any], ...], start_ns: int, size: Size | None
) -> EventData:
    x, y, times_us, polarity = columns
    height, width = size or _usual_size(path, x, y)
    is_absolute = len(times_us) > 0 and int(times_us.min()) >= _ABSOLUTE_US
    stamps = times_us * _NS_PER_US + (0 if is_absolute else start_ns)
    return event_data(x, y, stamps, np.asarray(polarity, np.bool_), height, width)


def _usual_size(path: Path, x: NDArray[Any], y: NDArray[Any]) -> Size:
    if not len(x):
        return _SENSOR_SIZES[0]
    needed = int(y.max()) + 1, int(x.max()) + 1
    for rows, columns in _SENSOR_SIZES:
        if needed[0] <= rows and needed[1] <= columns:
            return rows, columns
    raise SampleError(
        f'{path} does not name the size of its sensor and has events up to column {needed[1] - 1} '
        f'and row {needed[0] - 1}; give the event camera an image size in the calibration file.'
    )


_READERS: dict[str, Callable[[Path, int, Size | None], EventRecording]] = {
    '.raw': _raw,
    '.dat': _dat,
    '.h5': _hdf5,
    '.hdf5': _hdf5,
    '.aedat4': _aedat4,
}
EVENT_SUFFIXES: tuple[str, ...] = tuple(_READERS)
