"""Event messages of every common type to one packet of events, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import EventData
from mmseg_ros.messages.cloud import point_array
from mmseg_ros.messages.header import nanoseconds, stamp_ns

EVENT_POINT_DTYPE = np.dtype(
    {
        'names': ['x', 'y', 't', 'p'],
        'formats': ['<u2', '<u2', '<u4', 'u1'],
        'offsets': [0, 2, 4, 8],
        'itemsize': 12,
    }
)
_TIME_NAMES = ('t', 'timestamp', 'ts')
_POLARITY_NAMES = ('p', 'polarity', 'pol')
_ABSOLUTE_S = 1e6
_NS_PER_US = 1000


def decode_events(msg: Any, height: int, width: int) -> EventData:
    """Return the events of one message, oldest first, on the clock of its header.

    Taken are sensor_msgs/PointCloud2 (fields x, y, p or polarity, and t, timestamp or ts: an
    integer is microseconds since the header stamp, a float seconds since it or absolute; without
    times all events carry the header stamp).

    Args:
        msg: The message.
        height: Rows of the event sensor.
        width: Columns of the event sensor.

    Raises:
        SampleError: The type of the message is unknown or its content does not fit together.
    """
    if hasattr(msg, 'point_step'):
        return _from_cloud(msg, height, width)
    raise SampleError(
        f'{type(msg).__name__} is no event message; supported: PointCloud2 with x, y, t, p.'
    )


def event_cloud_fields(events: EventData, header_stamp_ns: int) -> dict[str, Any]:
    """Return the fields of a PointCloud2 of events, without header.

    Each point is x uint16, y uint16, t uint32 microseconds since the header stamp, p uint8.

    Args:
        events: The events.
        header_stamp_ns: Stamp that the message will carry: not after the first event.

    Raises:
        SampleError: An event is older than the stamp or more than 71 minutes younger.
    """
    elapsed_us = (events.stamp_ns - header_stamp_ns) // _NS_PER_US
    if len(elapsed_us) and not 0 <= elapsed_us.min() <= elapsed_us.max() < 2**32:
        raise SampleError('Events must lie within 71 minutes after the stamp of their message.')
    points = np.zeros(len(elapsed_us), EVENT_POINT_DTYPE)
    points['x'], points['y'], points['p'] = events.x, events.y, events.polarity
    points['t'] = elapsed_us
    return {
        'height': 1,
        'width': len(points),
        'fields': [('x', 0, 4, 1), ('y', 2, 4, 1), ('t', 4, 6, 1), ('p', 8, 2, 1)],
        'is_bigendian': False,
        'point_step': EVENT_POINT_DTYPE.itemsize,
        'row_step': EVENT_POINT_DTYPE.itemsize * len(points),
        'data': points.view(np.uint8).reshape(-1),
        'is_dense': True,
    }


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
    negative = bool(len(x)) and min(x.min(), y.min()) < 0
    if negative or (len(x) and (x.max() >= width or y.max() >= height)):
        raise SampleError(
            f'Events reach pixel ({int(x.max())}, {int(y.max())}), but the event sensor has '
            f'{width} x {height} pixels; check the size in its CameraInfo or calibration.'
        )
    columns, rows = x.astype(np.uint16, copy=False), y.astype(np.uint16, copy=False)
    if len(stamps_ns) and (np.diff(stamps_ns) < 0).any():
        order = np.argsort(stamps_ns, kind='stable')
        columns, rows = columns[order], rows[order]
        stamps_ns, polarity = stamps_ns[order], polarity[order]
    return EventData(columns, rows, stamps_ns, polarity, width, height)


def _from_cloud(msg: Any, height: int, width: int) -> EventData:
    points = point_array(msg)
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
    stamps = nanoseconds(seconds)
    return stamps if len(seconds) and seconds.max() > _ABSOLUTE_S else stamps + start_ns
