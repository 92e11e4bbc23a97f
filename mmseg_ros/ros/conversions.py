"""Core values as rclpy messages. The other way is in mmseg_ros.messages."""

from __future__ import annotations

import array
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image, PointCloud2, PointField
from std_msgs.msg import Header

from mmseg_ros.core.errors import SampleError
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


def compressed_image_message(
    message: Image, compression: str, jpeg_quality: int
) -> CompressedImage:
    """Return an image as image_transport's `compressed` sends it.

    Args:
        message: An image of encoding rgb8, mono8 or 16UC1, without row padding.
        compression: `jpeg` (rgb8 and mono8) or `png`.
        jpeg_quality: 1 to 100.

    Raises:
        SampleError: The encoder cannot take the image.
    """
    is_color = message.encoding == 'rgb8'
    dtype = '<u2' if message.encoding == '16UC1' else np.uint8
    pixels = np.frombuffer(message.data, dtype).reshape(message.height, message.width, -1)
    options = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality] if compression == 'jpeg' else []
    # OpenCV takes color in the order blue, green, red.
    done, data = cv2.imencode(
        f'.{compression}', pixels[..., ::-1] if is_color else pixels, options
    )
    if not done:
        raise SampleError(
            f'An image of encoding {message.encoding} cannot be sent as {compression}.'
        )
    stored = 'bgr8' if is_color else ''
    result = CompressedImage(
        header=message.header, format=f'{message.encoding}; {compression} compressed {stored}'
    )
    result.data = array.array('B', data.tobytes())
    return result


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
