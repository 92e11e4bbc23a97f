"""Color images as they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import Plane
from mmseg_ros.encoding.context import EncodingContext, require_channels
from mmseg_ros.encoding.grey import grey


def rgb(plane: Plane, context: EncodingContext) -> NDArray[np.uint8]:
    """Return H x W x 3 uint8 RGB; a one-channel image is repeated three times.

    Args:
        plane: H x W x 3 or H x W x 1 uint8.
        context: Passed on for one-channel images.

    Raises:
        SampleError: The plane is neither.
    """
    require_channels(plane, 'rgb', 1, 3)
    if plane.values.shape[2] == 1:
        return grey(plane, context)
    if plane.values.dtype != np.uint8:
        raise SampleError(f"Encoding 'rgb' takes uint8 pixels, but got {plane.values.dtype}.")
    return np.ascontiguousarray(plane.values)
