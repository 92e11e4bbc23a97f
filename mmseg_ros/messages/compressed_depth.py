"""Depth in a sensor_msgs/CompressedImage: compressedDepth, or a PNG of 16 bits."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import DepthData
from mmseg_ros.messages.buffers import as_bytes
from mmseg_ros.messages.compressed_image import stored_pixels
from mmseg_ros.messages.image import DEPTH_ENCODINGS, MM_PER_M, depth_data
from mmseg_ros.messages.image_encodings import spelled
from mmseg_ros.messages.rvl import decode_rvl

# compressed_depth_image_transport: a format number (unused) and the two quantization parameters
_HEADER = struct.Struct('<iff')


def decode_compressed_depth(msg: Any) -> DepthData:
    """Return the depth of a sensor_msgs/CompressedImage in meters; NaN where none was measured.

    Taken are `<depth>/compressedDepth` (16UC1 in millimeters, 32FC1 as quantized inverse depth;
    PNG or RVL) and `<depth>/compressed` with a lossless file of 16UC1 or mono16.

    Source: compressed_depth_image_transport of ros-perception/image_transport_plugins.

    Raises:
        SampleError: The format is no depth, or the data does not fit it.
    """
    text = str(msg.format)
    original = spelled(text.partition(';')[0].strip())
    if 'compresseddepth' in text.lower():
        return _transported(msg, original, 'rvl' in text.lower())
    pixels = stored_pixels(msg)
    if pixels.ndim == 2 and pixels.dtype == np.float32:
        return depth_data(pixels, 1.0)
    if pixels.ndim != 2 or pixels.dtype != np.uint16 or original == '32FC1':
        raise SampleError(
            f'CompressedImage of format {text!r} is no depth image: it holds {pixels.dtype} '
            f'pixels of shape {pixels.shape}. Record the topic /compressedDepth, or 16UC1 as PNG.'
        )
    return depth_data(pixels, MM_PER_M)


def _transported(msg: Any, original: str, rvl: bool) -> DepthData:
    data = as_bytes(msg.data)
    if len(data) <= _HEADER.size:
        raise SampleError(
            f'compressedDepth image of {len(data)} bytes is cut off: its header alone has '
            f'{_HEADER.size}.'
        )
    if original not in ('', *DEPTH_ENCODINGS):
        raise SampleError(
            f'compressedDepth of {original!r} is not supported; '
            f'supported: {", ".join(DEPTH_ENCODINGS)}.'
        )
    values = decode_rvl(data[_HEADER.size :]) if rvl else stored_pixels(msg, _HEADER.size)
    if values.ndim != 2 or values.dtype != np.uint16:
        raise SampleError(
            f'compressedDepth holds {values.dtype} pixels of shape {values.shape}; '
            'expected one channel of 16 bits.'
        )
    if original != '32FC1':
        return depth_data(values, MM_PER_M)
    _, a, b = _HEADER.unpack(data[: _HEADER.size].tobytes())
    return depth_data(_from_inverse(values, a, b), 1.0)


def _from_inverse(values: NDArray[np.uint16], a: float, b: float) -> NDArray[np.float32]:
    """Return a / (value - b); 0 stands for no depth."""
    if not (np.isfinite(a) and np.isfinite(b) and a > 0):
        raise SampleError(
            f'compressedDepth of 32FC1 needs a positive quantization parameter, but has {a}, {b}.'
        )
    with np.errstate(divide='ignore', over='ignore'):
        depth_m = (a / (values.astype(np.float64) - b)).astype(np.float32)
    depth_m[values == 0] = 0.0
    return depth_m
