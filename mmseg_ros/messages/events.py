"""Event messages of every common type to one packet of events, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import EventData
from mmseg_ros.messages.event_stream import EventStream

EVENT_POINT_DTYPE = np.dtype(
    {
        'names': ['x', 'y', 't', 'p'],
        'formats': ['<u2', '<u2', '<u4', 'u1'],
        'offsets': [0, 2, 4, 8],
        'itemsize': 12,
    }
)
_NS_PER_US = 1000


def decode_events(msg: Any, height: int, width: int) -> EventData:
    """Return the events of one message by itself, oldest first, on the clock of its header.

    Taken are sensor_msgs/PointCloud2 (fields x, y, p or polarity, and t, timestamp or ts: an
    integer is microseconds since the header stamp, a float seconds since it or absolute; without
    times all events carry the header stamp), event_camera_msgs/EventPacket, dvs_msgs/EventArray
    and event frames. A stream of packets needs an `EventStream`, which carries over what one
    packet leaves to the next.

    Args:
        msg: The message.
        height: Rows of the event sensor.
        width: Columns of the event sensor.

    Raises:
        SampleError: The type of the message is unknown or its content does not fit together.
    """
    return EventStream(height, width).decode(msg)


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
