"""sensor_msgs/CompressedImage to pixels."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.limits import size_fault
from mmseg_ros.core.types import ImageData
from mmseg_ros.messages.buffers import as_bytes
from mmseg_ros.messages.image_encodings import BAYER, color_pixels, demosaiced
from mmseg_ros.messages.image_header import READABLE, stored_size

# Nearly every header ends here; a JPEG may hold a thumbnail or color profile before its size.
_HEADER_BYTES = 65_536


def decode_compressed_image(msg: Any) -> ImageData:
    """Return the pixels of a sensor_msgs/CompressedImage (JPEG, PNG, ...).

    The format `ORIGINAL; CODEC compressed STORED` is honored: a Bayer mosaic that was compressed
    as it is gets demosaiced, and colors stored as `rgb8` are not turned. Color of 16 bits keeps
    its upper byte. An orientation in EXIF is ignored on purpose: CameraInfo and calibration
    describe the pixels as the sensor delivers them.

    Raises:
        SampleError: The data is not an image that OpenCV reads, or of a type no camera has.
    """
    original, stored = _encodings(str(msg.format))
    pixels = stored_pixels(msg)
    if pixels.ndim == 3 and pixels.shape[2] in (3, 4) and pixels.dtype.kind == 'u':
        # OpenCV hands out BGR of a file in RGB order; a publisher that skipped the same turn
        # when it wrote the file has already left the colors in RGB.
        return ImageData(color_pixels(pixels, blue_first=not stored.startswith('rgb')))
    if pixels.ndim == 2 and pixels.dtype.kind == 'u' and _is_mosaic(original, stored):
        if min(pixels.shape) < 2:
            raise SampleError(f'{_name(msg)} is a Bayer mosaic of less than 2 x 2 pixels.')
        return ImageData(demosaiced(pixels, original))
    if pixels.ndim == 2 and pixels.dtype in (np.uint8, np.uint16, np.float32):
        return ImageData(pixels)
    raise SampleError(
        f'{_name(msg)} holds {pixels.dtype} pixels of shape {pixels.shape}; expected 8 or 16 bits '
        'in 1, 3 or 4 channels, or one channel of float32.'
    )


def stored_pixels(msg: Any, skip: int = 0) -> NDArray[Any]:
    """Return the pixels of the file in a CompressedImage as OpenCV reads it: color as BGR(A).

    Args:
        msg: The message.
        skip: Bytes before the file.

    Raises:
        SampleError: The data is not an image that OpenCV reads, or a larger one than is taken.
    """
    data = as_bytes(msg.data)[skip:]
    beginning = data[:_HEADER_BYTES].tobytes()
    _require_size(msg, stored_size(beginning) or stored_size(data.tobytes()))
    try:
        # UNCHANGED keeps 16 bits and alpha, and leaves the pixels as EXIF finds them.
        pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if len(data) else None
    except cv2.error as error:
        raise SampleError(f'{_name(msg)}: {error}') from error
    if pixels is None:
        raise SampleError(f'{_name(msg)} with {len(data)} bytes is not a readable image.')
    return np.asarray(pixels)


def _require_size(msg: Any, size: tuple[int, int] | None) -> None:
    if size is None:
        raise SampleError(f'{_name(msg)} is not a readable image: taken are {READABLE}.')
    fault = size_fault(*size)
    if fault:
        raise SampleError(f'{_name(msg)}: {fault}.')


def _encodings(text: str) -> tuple[str, str]:
    """Return the encoding of the raw image and that of the compressed pixels, '' if not named."""
    original, _, rest = text.partition(';')
    return original.strip().lower(), rest.partition('compressed')[2].strip().lower()


def _is_mosaic(original: str, stored: str) -> bool:
    # Publishers name no stored encoding where they left the mosaic alone; `mono8` is one that
    # was made gray before.
    return original in BAYER and (not stored or stored in BAYER)


def _name(msg: Any) -> str:
    return f'CompressedImage of format {str(msg.format)!r}'
