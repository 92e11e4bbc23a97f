"""Clouds of Livox drivers in their own message type, CustomMsg."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.limits import POINTS_LIMIT, count_fault, limits
from mmseg_ros.core.types import CloudData
from mmseg_ros.messages.header import stamp_ns
from mmseg_ros.messages.point_times import checked_times

LIVOX_DTYPE = np.dtype(
    [
        ('x', 'f4'),
        ('y', 'f4'),
        ('z', 'f4'),
        ('reflectivity', 'u1'),
        ('tag', 'u1'),
        ('line', 'u1'),
        ('offset_time', 'u4'),
    ]
)


def decode_livox(msg: Any) -> CloudData:
    """Return the points of a livox_ros_driver2/CustomMsg.

    Each point has x, y, z (meters), reflectivity, tag, line and offset_time: nanoseconds since
    `timebase`, the time of the first point. That one is on the clock of the header for a
    synchronized sensor and counts from the sensor's start otherwise; then the header stamp stands
    for it.

    Raises:
        SampleError: A point lacks a member or holds what does not fit it.
    """
    fault = count_fault(len(msg.points), limits().cloud_points, POINTS_LIMIT)
    if fault:
        raise SampleError(f'The CustomMsg is too large: {fault}.')
    try:
        rows = [(p.x, p.y, p.z, p.reflectivity, p.tag, p.line, p.offset_time) for p in msg.points]
        points = np.array(rows, LIVOX_DTYPE)
        base_ns = int(msg.timebase)
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise SampleError(f'The CustomMsg cannot be read ({error}).') from error
    # Zero is what the driver writes for a ray that met nothing.
    nothing = (points['x'] == 0) & (points['y'] == 0) & (points['z'] == 0)
    for name in 'xyz':
        points[name][nothing] = np.nan
    start_ns = _start_ns(base_ns, stamp_ns(msg.header))
    times = checked_times(points['offset_time'], points['x'], start_ns, 'offset_time')
    return CloudData(points, 1, len(points), times.stamp_ns, times.untimed, times.fault)


def _start_ns(base_ns: int, header_ns: int) -> int:
    one_second_ns = 1_000_000_000
    return base_ns if abs(base_ns - header_ns) <= one_second_ns else header_ns
