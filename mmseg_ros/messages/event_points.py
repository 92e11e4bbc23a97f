"""Events that come one by one: clouds of events and arrays of event messages."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.limits import EVENTS_LIMIT, count_fault, limits
from mmseg_ros.core.types import EventData
from mmseg_ros.messages.cloud import point_array
from mmseg_ros.messages.header import nanoseconds, stamp_ns
from mmseg_ros.projection.compiled import compiled
from mmseg_ros.projection.event_window import is_ascending

_TIME_NAMES = ('t', 'timestamp', 'ts')
_POLARITY_NAMES = ('p', 'polarity', 'pol')
_ABSOLUTE_S = 1e6
_LARGEST_S = 4e9  # the sum of two fits into 64 bits of nanoseconds
_NS_PER_US = 1000


def event_data(
    x: NDArray[Any],
    y: NDArray[Any],
    stamps_ns: NDArray[np.int64],
    polarity: NDArray[np.bool_],
    height: int,
    width: int,
) -> EventData:
    """Return checked events, sorted by time.

    Raises:
        SampleError: An event lies outside the sensor.
    """
    wide = x.dtype != np.uint16 or y.dtype != np.uint16
    largest = np.iinfo(np.uint16).max
    fits = not (wide and len(x)) or (
        min(x.min(), y.min()) >= 0 and max(x.max(), y.max()) <= largest
    )
    columns, rows = np.ascontiguousarray(x, np.uint16), np.ascontiguousarray(y, np.uint16)
    if not (fits and _all_inside(columns, rows, width, height)):
        raise SampleError(
            f'Events reach pixel ({int(x.max())}, {int(y.max())}), but the event sensor has '
            f'{width} x {height} pixels; check the size in its CameraInfo or calibration.'
        )
    if not is_ascending(np.ascontiguousarray(stamps_ns)):
        order = np.argsort(stamps_ns, kind='stable')
        columns, rows = columns[order], rows[order]
        stamps_ns, polarity = stamps_ns[order], polarity[order]
    return EventData(columns, rows, stamps_ns, polarity, width, height)


def require_event_count(count: int) -> None:
    """Raise SampleError if a message holds more events than `limits.window_events`."""
    fault = count_fault(count, limits().window_events, EVENTS_LIMIT)
    if fault:
        raise SampleError(f'The message is too large: {fault}.')


@compiled
def _all_inside(x: NDArray[np.uint16], y: NDArray[np.uint16], width: int, height: int) -> bool:
    outside = 0
    for i in range(len(x)):
        outside += (x[i] >= width) | (y[i] >= height)
    return outside == 0


def from_cloud(msg: Any, height: int, width: int) -> EventData:
    """Return the events of a sensor_msgs/PointCloud2 with fields x, y, p and, if there, t.

    Args:
        msg: The cloud.
        height: Rows of the event sensor.
        width: Columns of the event sensor.

    Raises:
        SampleError: The cloud is malformed, lacks a field or has events outside the sensor.
    """
    points = point_array(msg, (limits().window_events, EVENTS_LIMIT))
    names = points.dtype.names or ()
    polarity_name = next((name for name in _POLARITY_NAMES if name in names), None)
    if 'x' not in names or 'y' not in names or polarity_name is None:
        raise SampleError(
            'An event cloud needs the fields x, y and p (or polarity), but has: '
            f'{", ".join(names)}.'
        )
    time_name = next((name for name in _TIME_NAMES if name in names), None)
    start = stamp_ns(msg.header)
    stamps = (
        np.full(len(points), start, np.int64)
        if time_name is None
        else _absolute(points[time_name], start)
    )
    polarity = np.asarray(points[polarity_name] > 0)
    return event_data(points['x'], points['y'], stamps, polarity, height, width)


def _absolute(times: NDArray[Any], start_ns: int) -> NDArray[np.int64]:
    if np.issubdtype(times.dtype, np.integer):
        return times.astype(np.int64) * _NS_PER_US + start_ns
    seconds = times.astype(np.float64)
    if not np.isfinite(seconds).all():
        raise SampleError('An event cloud holds event times that are NaN or infinite.')
    stamps = nanoseconds(np.clip(seconds, -_LARGEST_S, _LARGEST_S))
    # Most of them decide: one wild time must not move all others.
    is_absolute = 2 * np.count_nonzero(seconds > _ABSOLUTE_S) > len(seconds)
    return stamps if is_absolute else stamps + start_ns


def from_array(msg: Any, height: int, width: int) -> EventData:
    """Return the events of a dvs_msgs/EventArray; their own stamps are absolute.

    Args:
        msg: The array.
        height: Rows of the event sensor.
        width: Columns of the event sensor.

    Raises:
        SampleError: An event lacks a member or lies outside the sensor.
    """
    require_event_count(len(msg.events))
    try:
        rows = [
            (e.x, e.y, int(e.ts.sec) * 10**9 + int(e.ts.nanosec), bool(e.polarity))
            for e in msg.events
        ]
    except AttributeError as error:
        raise SampleError(
            f'EventArray has an event without x, y, ts, polarity ({error}).'
        ) from error
    table = np.array(rows, np.int64).reshape(-1, 4)
    polarity = table[:, 3] > 0
    return event_data(table[:, 0], table[:, 1], table[:, 2].copy(), polarity, height, width)
