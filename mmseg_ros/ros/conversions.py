"""Core values as rclpy messages. The other way is in mmseg_ros.messages."""

from __future__ import annotations

import array
from collections.abc import Mapping
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from numpy.typing import NDArray
from sensor_msgs.msg import Image, PointCloud2, PointField
from std_msgs.msg import Header

from mmseg_ros.messages import cloud_fields, image_fields

_NS_PER_S = 1_000_000_000


def header_of(stamp_ns: int, frame_id: str) -> Header:
    """Return a header with a stamp in nanoseconds."""
    header = Header(frame_id=frame_id)
    header.stamp.sec, header.stamp.nanosec = divmod(int(stamp_ns), _NS_PER_S)
    return header


def image_message(header: Header, pixels: NDArray[Any], encoding: str) -> Image:
    """Return an image without row padding.

    Args:
        header: Stamp and frame.
        pixels: H x W or H x W x C.
        encoding: As in sensor_msgs/image_encodings.hpp.
    """
    message = Image(header=header)
    _fill(message, image_fields(pixels, encoding))
    return message


def cloud_message(header: Header, points: NDArray[Any], height: int, width: int) -> PointCloud2:
    """Return a cloud of height * width points given as a structured array, row-major."""
    fields = dict(cloud_fields(points, height, width))
    columns = fields.pop('fields')
    message = PointCloud2(header=header)
    message.fields = [
        PointField(name=name, offset=int(offset), datatype=int(datatype), count=int(count))
        for name, offset, datatype, count in columns
    ]
    _fill(message, fields)
    return message


def status_message(
    level: bytes, name: str, text: str, values: Mapping[str, object], hardware_id: str = ''
) -> DiagnosticStatus:
    """Return a diagnostic status; values are written as text."""
    return DiagnosticStatus(
        level=level,
        name=name,
        message=text,
        hardware_id=hardware_id,
        values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
    )


def _fill(message: Any, fields: Mapping[str, Any]) -> None:
    """Set plain fields; `data` becomes the array.array that message setters take as it is."""
    for name, value in fields.items():
        if name == 'data':
            data = array.array('B')
            data.frombytes(memoryview(np.ascontiguousarray(value).view(np.uint8)))  # type: ignore[arg-type]
            message.data = data
        elif isinstance(value, (bool, np.bool_)):
            setattr(message, name, bool(value))
        elif isinstance(value, str):
            setattr(message, name, value)
        else:
            setattr(message, name, int(value))
