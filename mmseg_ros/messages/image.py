"""sensor_msgs/Image to pixels or depth, and back."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.limits import size_fault
from mmseg_ros.core.types import DepthData, ImageData
from mmseg_ros.messages.buffers import as_bytes
from mmseg_ros.messages.image_encodings import (
    BAYER,
    BLUE_FIRST,
    NV,
    PLAIN,
    PLANAR,
    SUPPORTED_ENCODINGS,
    YUV,
    color_pixels,
    demosaiced,
    spelled,
)
from mmseg_ros.projection.compiled import compiled

DEPTH_ENCODINGS: tuple[str, ...] = ('16UC1', 'mono16', '32FC1')
_DOUBLE_DEPTH = '64fc1'
MM_PER_M = 1000.0


def decode_image(msg: Any) -> ImageData:
    """Return the pixels of a sensor_msgs/Image.

    Color comes out as H x W x 3 uint8 RGB (of 16 bits the upper byte), everything else as H x W
    uint8, uint16 or float32. Formats without conversion (rgb8, mono8, mono16, 16UC1, 32FC1) are
    views of the message. YUV is BT.601 in video range, as OpenCV reads it.

    Raises:
        SampleError: The encoding is unknown, the image is larger than `limits.image_pixels`, or
            step, size and data do not fit together.
    """
    encoding = spelled(str(msg.encoding))
    if encoding in PLAIN:
        pixels = _rows(msg, *PLAIN[encoding])
        if pixels.ndim == 3:
            pixels = color_pixels(pixels, encoding in BLUE_FIRST)
    elif encoding in BAYER:
        _require_mosaic(msg)
        pixels = demosaiced(_rows(msg, BAYER[encoding], 1), encoding)
    elif encoding in YUV:
        _require_even(msg, columns=True)
        pixels = np.asarray(cv2.cvtColor(_rows(msg, 'u1', 2), YUV[encoding]))
    elif encoding in NV:
        _require_even(msg, columns=True, rows=True)
        planes = _rows(msg, 'u1', 1, rows=int(msg.height) * 3 // 2)
        pixels = np.asarray(cv2.cvtColor(planes, NV[encoding]))
    elif encoding in PLANAR:
        _require_even(msg, columns=True, rows=True)
        pixels = np.asarray(cv2.cvtColor(_planes(msg), PLANAR[encoding]))
    else:
        _require_size(msg)
        pixels = _bridge_pixels(msg)
    return ImageData(pixels)


def decode_depth(msg: Any) -> DepthData:
    """Return the depth of a sensor_msgs/Image in meters; NaN where nothing was measured.

    16UC1 and mono16 are millimeters, 32FC1 and 64FC1 meters; zero, negative, NaN and infinite
    values are invalid. Source: REP-118, REP-117.

    Raises:
        SampleError: It is no depth encoding, the image is larger than `limits.image_pixels`, or
            step, size and data do not fit together.
    """
    encoding = spelled(str(msg.encoding))
    if encoding.strip().lower() == _DOUBLE_DEPTH:
        return depth_data(_rows(msg, 'f8', 1), 1.0)
    if encoding not in DEPTH_ENCODINGS:
        raise SampleError(
            f'Encoding {encoding!r} is no depth encoding; '
            f'supported: {", ".join(DEPTH_ENCODINGS)} (REP-118), 64FC1.'
        )
    kind, channels = PLAIN[encoding]
    return depth_data(_rows(msg, kind, channels), MM_PER_M if kind == 'u2' else 1.0)


def depth_data(values: NDArray[Any], per_meter: float) -> DepthData:
    """Return H x W stored values as depth; what is no distance becomes NaN.

    Args:
        values: H x W, any number type.
        per_meter: How many of them are one meter.
    """
    with np.errstate(over='ignore'):  # what no float32 holds becomes infinite, which is invalid
        depth_m = np.array(values, np.float32, order='C')
    _to_meters(depth_m.reshape(-1), np.float32(per_meter))
    return DepthData(depth_m)


@compiled
def _to_meters(values: NDArray[np.float32], per_meter: np.float32) -> None:
    """Divide in place; what is no distance becomes NaN."""
    for i in range(len(values)):
        meters = values[i] / per_meter
        measured = (meters > np.float32(0.0)) & (meters < np.float32(np.inf))
        values[i] = meters if measured else np.float32(np.nan)


def image_fields(pixels: NDArray[Any], encoding: str) -> dict[str, Any]:
    """Return the fields of a sensor_msgs/Image, without header and without row padding.

    Args:
        pixels: H x W or H x W x C in the type that `encoding` names.
        encoding: One of the plain encodings, e.g. rgb8, mono8, mono16, 32FC1.

    Raises:
        SampleError: The pixels are not what the encoding says.
    """
    kind, channels = PLAIN.get(encoding, ('', 0))
    shape = pixels.shape if pixels.ndim == 3 else (*pixels.shape, 1)
    if not kind or pixels.dtype != np.dtype(kind) or len(shape) != 3 or shape[2] != channels:
        raise SampleError(
            f'Pixels of shape {pixels.shape} and type {pixels.dtype} are no {encoding!r} image; '
            f'supported: {", ".join(PLAIN)}.'
        )
    packed = np.ascontiguousarray(pixels, np.dtype(kind).newbyteorder('<'))
    return {
        'height': shape[0],
        'width': shape[1],
        'encoding': encoding,
        'is_bigendian': 0,
        'step': shape[1] * channels * np.dtype(kind).itemsize,
        'data': packed.view(np.uint8).reshape(-1),
    }


def _rows(msg: Any, kind: str, channels: int, rows: int | None = None) -> NDArray[Any]:
    """Return H x W (x channels) pixels in native byte order; a view where order and step allow."""
    height, width, step = rows or int(msg.height), int(msg.width), int(msg.step)
    row_bytes = width * channels * np.dtype(kind).itemsize
    data = as_bytes(msg.data)
    if height < 1 or width < 1:
        raise SampleError(f'Image of {width} x {height} pixels has no content.')
    if step < row_bytes or len(data) < (height - 1) * step + row_bytes:
        raise SampleError(
            f'Image {msg.encoding!r} of {width} x {height} needs step >= {row_bytes} and '
            f'step * height bytes, but has step {step} and {len(data)} bytes.'
        )
    _require_size(msg)
    itemsize = np.dtype(kind).itemsize
    strides = (step, channels * itemsize, itemsize)
    order = '>' if msg.is_bigendian else '<'
    pixels: NDArray[Any] = np.ndarray(
        (height, width, channels), np.dtype(order + kind), data, strides=strides
    )
    pixels = pixels[..., 0] if channels == 1 else pixels
    # OpenCV takes no rows that begin within a pixel's number.
    if pixels.dtype.isnative and step % itemsize == 0 and pixels.flags.aligned:
        return pixels
    return pixels.astype(np.dtype(kind))


def _planes(msg: Any) -> NDArray[np.uint8]:
    """Return the 3 H / 2 x W planes of an I420 or YV12 image without the padding of its rows.

    The rows of the two color planes are half as long as those of the first, padding included.
    """
    height, width, step = int(msg.height), int(msg.width), int(msg.step)
    luma = _rows(msg, 'u1', 1)
    data = as_bytes(msg.data)
    if step % 2 or len(data) < height * step * 3 // 2 - (step - width) // 2:
        raise SampleError(
            f'Image {msg.encoding!r} of {width} x {height} needs an even step and '
            f'step * height * 3 / 2 bytes, but has step {step} and {len(data)} bytes.'
        )
    # Strides stay inside the buffer: the last row may lack its padding.
    halves = np.ndarray(
        (height, width // 2), np.uint8, data, offset=height * step, strides=(step // 2, 1)
    )
    return np.concatenate([luma.reshape(-1), halves.reshape(-1)]).reshape(-1, width)


def _require_size(msg: Any) -> None:
    fault = size_fault(int(msg.width), int(msg.height))
    if fault:
        raise SampleError(f'Image {msg.encoding!r}: {fault}.')


def _require_mosaic(msg: Any) -> None:
    if msg.width < 2 or msg.height < 2:
        raise SampleError(
            f'A {msg.encoding!r} mosaic needs 2 x 2 pixels, but the image is '
            f'{msg.width} x {msg.height}.'
        )


def _require_even(msg: Any, columns: bool = False, rows: bool = False) -> None:
    if (columns and msg.width % 2) or (rows and msg.height % 2):
        raise SampleError(
            f'Encoding {msg.encoding!r} needs an even size, '
            f'but the image is {msg.width} x {msg.height}.'
        )


def _bridge_pixels(msg: Any) -> NDArray[Any]:
    """Let cv_bridge, where it is installed, decode what this module does not."""
    message = (
        f'Unknown image encoding {msg.encoding!r}; supported: {", ".join(SUPPORTED_ENCODINGS)}'
    )
    try:
        from cv_bridge import CvBridge
    except ImportError:
        raise SampleError(f'{message} (and those of cv_bridge, which is not installed).') from None
    try:
        return np.asarray(CvBridge().imgmsg_to_cv2(msg, 'rgb8'))
    except Exception as error:  # cv_bridge raises its own types and those of OpenCV
        raise SampleError(f'{message}; cv_bridge: {error}.') from error
