"""Events in HDF5 files, as MUSES and DSEC store them."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError, MissingLibraryError
from mmseg_ros.core.types import EventData

_US_TO_NS = 1000
_MOST_PIXELS = 65536
_COLUMNS = ('events/x', 'events/y', 'events/t', 'events/p')


@contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    """Open a file for reading.

    Raises:
        MissingLibraryError: h5py is not installed.
        DatasetError: The file cannot be read, lacks an array, or is packed with a filter that
            is not installed.
    """
    try:
        h5py = importlib.import_module('h5py')
    except ImportError as error:
        raise MissingLibraryError(
            f'{path} needs h5py and hdf5plugin ({error}); install mmseg_ros[datasets].'
        ) from error
    with suppress(ImportError):  # files without such a filter can still be read
        importlib.import_module('hdf5plugin')  # registers blosc and its kind
    try:
        with h5py.File(path, 'r') as file:
            yield file
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise DatasetError(
            f'{path} cannot be read as HDF5 events ({error}); copy the file again. Files packed '
            'with blosc need hdf5plugin.'
        ) from error


def read_events(
    path: Path, width: int, height: int, end_us: int | None, window_us: int
) -> EventData:
    """Return the events of [end - window, end), or of the last `window_us` of the file.

    Args:
        path: With `events/{x,y,t,p}`, t in microseconds; `t_offset` is added and `ms_to_idx` is
            used where the file has them (DSEC).
        width: Columns of the sensor.
        height: Its rows.
        end_us: End of the window on the clock of `t_offset`; None takes the last event.
        window_us: Length of the window.

    Raises:
        DatasetError: The file cannot be read, or its columns have different lengths.
    """
    with open_hdf5(path) as file:
        x, y, t, p = (file[name] for name in _COLUMNS)
        if len({len(column) for column in (x, y, t, p)}) != 1:
            raise DatasetError(f'{path}: events/x, y, t and p have different lengths.')
        offset = int(file['t_offset'][()]) if 't_offset' in file else 0
        if end_us is None:
            end_us = (int(t[-1]) if len(t) else 0) + offset + 1
        first, last = end_us - offset - window_us, end_us - offset
        part = _slice(file, t, first, last)
        times = np.asarray(t[part], np.int64)
        inside = (times >= first) & (times < last)
        columns = [np.asarray(column[part])[inside] for column in (x, y, p)]
    return _events(columns, times[inside] + offset, width, height)


def _slice(file: Any, t: Any, first_us: int, last_us: int) -> slice:
    """Return a part of the file that holds all events of [first, last)."""
    if 'ms_to_idx' in file:
        table = file['ms_to_idx']
        low, high = first_us // 1000, -(-last_us // 1000)
        start = int(table[min(max(low, 0), len(table) - 1)]) if len(table) else 0
        stop = int(table[high]) if 0 <= high < len(table) else len(t)
        return slice(start, max(stop, start))
    times = np.asarray(t[:])
    if len(times) and (np.diff(times.astype(np.int64)) >= 0).all():
        return slice(*(int(i) for i in np.searchsorted(times, (first_us, last_us))))
    return slice(0, len(t))


def _events(
    columns: list[NDArray[Any]], times_us: NDArray[np.int64], width: int, height: int
) -> EventData:
    x, y, p = columns
    # What lies outside the sensor is no event of it.
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return EventData(
        x=x[inside].astype(np.uint16),
        y=y[inside].astype(np.uint16),
        stamp_ns=times_us[inside] * _US_TO_NS,
        polarity=p[inside].astype(np.bool_),
        width=width,
        height=height,
    )


_LAYOUTS = (
    ('events/x', 'events/y', 'events/t', 'events/p'),
    ('events/xs', 'events/ys', 'events/ts', 'events/ps'),
    ('x', 'y', 't', 'p'),
)
"""Where recordings keep column, row, time and polarity: DSEC and MUSES, event utilities, bare."""
_COMPOUND = ('CD/events', 'events')
"""Metavision's table and the same under a shorter name, with fields x, y, p, t."""


def read_recording(path: Path) -> tuple[list[NDArray[Any]], tuple[int, int] | None]:
    """Return all of a file: x, y, time in microseconds (int64), polarity; and rows and columns.

    Fractions of a time mean seconds. The size is None where the file does not tell it.

    Raises:
        MissingLibraryError: h5py is not installed.
        DatasetError: The file cannot be read or has none of the known layouts.
    """
    with open_hdf5(path) as file:
        x, y, t, p = (np.asarray(column) for column in _columns_of(file, path))
        offset = int(file['t_offset'][()]) if 't_offset' in file else 0
        size = _size_of(file)
    if len({len(column) for column in (x, y, t, p)}) != 1:
        raise DatasetError(f'{path}: columns, rows, times and polarities differ in number.')
    if t.dtype.kind == 'f':
        if not np.isfinite(t).all():
            raise DatasetError(f'{path}: some times are not finite.')
        t = np.rint(t.astype(np.float64) * 1e6)
    return [x, y, t.astype(np.int64) + offset, p > 0], size


def _columns_of(file: Any, path: Path) -> list[Any]:
    for name in _COMPOUND:
        fields = getattr(getattr(file.get(name), 'dtype', None), 'names', None) or ()
        if set('xytp') <= set(fields):
            table = file[name][:]
            return [table[field] for field in 'xytp']
    for names in _LAYOUTS:
        if all(name in file and hasattr(file[name], 'shape') for name in names):
            return [file[name] for name in names]
    raise DatasetError(
        f'{path} holds no events in a known place: expected are events/x, y, t, p (DSEC), '
        'events/xs, ys, ts, ps, or CD/events (Metavision); it has '
        f'{", ".join(sorted(file)) or "nothing"}.'
    )


def _size_of(file: Any) -> tuple[int, int] | None:
    geometry = str(file.attrs.get('geometry', ''))
    width, _, height = geometry.partition('x')
    if not (width.isdigit() and height.isdigit()):
        height, width = (file.attrs.get(name, 0) for name in ('height', 'width'))
    rows, columns = _side(height), _side(width)
    return (rows, columns) if rows and columns else None


def _side(value: Any) -> int:
    """Return a number of pixels; 0 for what is none in 16 bits, as if the file told nothing."""
    try:
        pixels = int(value)
    except (TypeError, ValueError, OverflowError):
        return 0
    return pixels if 0 < pixels <= _MOST_PIXELS else 0
