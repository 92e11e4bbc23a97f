"""sensor_msgs/Image and CompressedImage to pixels, and back."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import DepthData, ImageData
from mmseg_ros.messages.buffers import as_bytes
from mmseg_ros.projection.compiled import compiled

# encoding -> (numpy type without byte order, channels)
_PLAIN: dict[str, tuple[str, int]] = {
    'mono8': ('u1', 1),
    '8UC1': ('u1', 1),
    'mono16': ('u2', 1),
    '16UC1': ('u2', 1),
    '32FC1': ('f4', 1),
    'rgb8': ('u1', 3),
    '8UC3': ('u1', 3),
    'bgr8': ('u1', 3),
    'rgba8': ('u1', 4),
    'bgra8': ('u1', 4),
    '8UC4': ('u1', 4),
}
# 8UC3 and 8UC4 name no colour order; OpenCV's order (BGR) is what their publishers mean.
_TO_RGB: dict[str, int] = {
    'bgr8': cv2.COLOR_BGR2RGB,
    '8UC3': cv2.COLOR_BGR2RGB,
    'rgba8': cv2.COLOR_RGBA2RGB,
    'bgra8': cv2.COLOR_BGRA2RGB,
    '8UC4': cv2.COLOR_BGRA2RGB,
}
# ROS names the first two pixels of the first row, OpenCV the second and third of the second row.
_BAYER: dict[str, int] = {
    'bayer_rggb8': cv2.COLOR_BayerBG2RGB,
    'bayer_bggr8': cv2.COLOR_BayerRG2RGB,
    'bayer_gbrg8': cv2.COLOR_BayerGR2RGB,
    'bayer_grbg8': cv2.COLOR_BayerGB2RGB,
}
_YUV: dict[str, int] = {
    'yuv422': cv2.COLOR_YUV2RGB_UYVY,
    'uyvy': cv2.COLOR_YUV2RGB_UYVY,
    'yuv422_yuy2': cv2.COLOR_YUV2RGB_YUY2,
    'yuyv': cv2.COLOR_YUV2RGB_YUY2,
}
_NV: dict[str, int] = {'nv12': cv2.COLOR_YUV2RGB_NV12, 'nv21': cv2.COLOR_YUV2RGB_NV21}
SUPPORTED_ENCODINGS: tuple[str, ...] = (*_PLAIN, *_BAYER, *_YUV, *_NV)
DEPTH_ENCODINGS: tuple[str, ...] = ('16UC1', 'mono16', '32FC1')
_MM_PER_M = 1000.0


def decode_image(msg: Any) -> ImageData:
    """Return the pixels of a sensor_msgs/Image.

    Colour comes out as H x W x 3 uint8 RGB, everything else as H x W uint8, uint16 or float32.
    Formats without conversion (rgb8, mono8, mono16, 16UC1, 32FC1) are views of the message.

    Raises:
        SampleError: The encoding is unknown, or step, size and data do not fit together.
    """
    encoding = str(msg.encoding)
    if encoding in _PLAIN:
        kind, channels = _PLAIN[encoding]
        pixels = _rows(msg, kind, channels)
        code = _TO_RGB.get(encoding)
    elif encoding in _BAYER:
        pixels, code = _rows(msg, 'u1', 1), _BAYER[encoding]
    elif encoding in _YUV:
        _require_even(msg, columns=True)
        pixels, code = _rows(msg, 'u1', 2), _YUV[encoding]
    elif encoding in _NV:
        _require_even(msg, columns=True, rows=True)
        pixels, code = _rows(msg, 'u1', 1, rows=int(msg.height) * 3 // 2), _NV[encoding]
    else:
        pixels, code = _bridge_pixels(msg), None
    return ImageData(pixels if code is None else np.asarray(cv2.cvtColor(pixels, code)))


def decode_compressed_image(msg: Any) -> ImageData:
    """Return the pixels of a sensor_msgs/CompressedImage (JPEG, PNG, ...).

    Raises:
        SampleError: The data is not an image that OpenCV reads.
    """
    try:
        pixels = cv2.imdecode(as_bytes(msg.data), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise SampleError(f'CompressedImage of format {msg.format!r}: {error}') from error
    if pixels is None:
        raise SampleError(
            f'CompressedImage of format {msg.format!r} with {len(msg.data)} bytes is not a '
            'readable JPEG or PNG image.'
        )
    if pixels.ndim == 3:
        code = cv2.COLOR_BGRA2RGB if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB
        pixels = cv2.cvtColor(pixels, code)
    return ImageData(np.asarray(pixels))


def decode_depth(msg: Any) -> DepthData:
    """Return the depth of a sensor_msgs/Image in metres; NaN where nothing was measured.

    16UC1 and mono16 are millimetres, 32FC1 metres; zero, negative, NaN and infinite values are
    invalid. Source: REP-118, REP-117.

    Raises:
        SampleError: It is no depth encoding, or step, size and data do not fit together.
    """
    encoding = str(msg.encoding)
    if encoding not in DEPTH_ENCODINGS:
        raise SampleError(
            f'Encoding {encoding!r} is no depth encoding; '
            f'supported: {", ".join(DEPTH_ENCODINGS)} (REP-118).'
        )
    kind, channels = _PLAIN[encoding]
    depth_m = np.array(_rows(msg, kind, channels), np.float32, order='C')
    _to_metres(depth_m.reshape(-1), np.float32(_MM_PER_M if kind == 'u2' else 1.0))
    return DepthData(depth_m)


@compiled
def _to_metres(values: NDArray[np.float32], per_metre: np.float32) -> None:
    """Divide in place; what is no distance becomes NaN."""
    for i in range(len(values)):
        metres = values[i] / per_metre
        measured = (metres > np.float32(0.0)) & (metres < np.float32(np.inf))
        values[i] = metres if measured else np.float32(np.nan)


def image_fields(pixels: NDArray[Any], encoding: str) -> dict[str, Any]:
    """Return the fields of a sensor_msgs/Image, without header and without row padding.

    Args:
        pixels: H x W or H x W x C in the type that `encoding` names.
        encoding: One of the plain encodings, e.g. rgb8, mono8, mono16, 32FC1.

    Raises:
        SampleError: The pixels are not what the encoding says.
    """
    kind, channels = _PLAIN.get(encoding, ('', 0))
    shape = pixels.shape if pixels.ndim == 3 else (*pixels.shape, 1)
    if not kind or pixels.dtype != np.dtype(kind) or len(shape) != 3 or shape[2] != channels:
        raise SampleError(
            f'Pixels of shape {pixels.shape} and type {pixels.dtype} are no {encoding!r} image; '
            f'supported: {", ".join(_PLAIN)}.'
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
    """Return H x W (x channels) pixels in native byte order; a view where the order allows."""
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
    itemsize = np.dtype(kind).itemsize
    strides = (step, channels * itemsize, itemsize)
    order = '>' if msg.is_bigendian else '<'
    pixels: NDArray[Any] = np.ndarray(
        (height, width, channels), np.dtype(order + kind), data, strides=strides
    )
    pixels = pixels[..., 0] if channels == 1 else pixels
    return pixels if pixels.dtype.isnative else pixels.astype(np.dtype(kind))


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
