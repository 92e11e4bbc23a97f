"""Any one-channel image (thermal, near infrared, ...), repeated three times."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import Plane
from mmseg_ros.encoding.context import EncodingContext, require_channels


def grey(plane: Plane, context: EncodingContext) -> NDArray[np.uint8]:
    """Return H x W x 3 uint8; values of `context.value_range` become 0..255.

    Without a range, uint8 is taken as it is, uint16 as 0..65535 and float as 0..1: a range that
    followed each image would make a cold scene look like a hot one.

    Args:
        plane: H x W x 1.
        context: `value_range` is used.

    Raises:
        SampleError: The plane has more channels or another type.
    """
    require_channels(plane, 'grey', 1)
    values = plane.values
    if values.dtype == np.uint8 and context.value_range is None:
        return np.repeat(values, 3, axis=2)
    low, high = context.value_range or _range_of(values.dtype)
    scaled = (values.astype(np.float32) - low) * (255.0 / (high - low))
    scaled[~plane.valid] = 0.0
    return np.repeat(np.rint(np.clip(scaled, 0, 255)).astype(np.uint8), 3, axis=2)


def _range_of(dtype: np.dtype[np.generic]) -> tuple[float, float]:
    if dtype == np.uint16:
        return 0.0, 65535.0
    if np.issubdtype(dtype, np.floating):
        return 0.0, 1.0
    raise SampleError(f"Encoding 'gray' takes uint8, uint16 or float32 pixels, but got {dtype}.")
