"""Depth as plain inverse depth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import Plane
from mmseg_ros.encoding.context import EncodingContext, require_channels

SATURATED_BELOW_M = 2.0


def inverse_depth(plane: Plane, context: EncodingContext) -> NDArray[np.uint8]:
    """Return H x W x 3 uint8: 255 at 2 m and nearer, falling with 1 / depth; 0 where invalid.

    The value is the square root of the ratio, which keeps 20 steps between 50 m and 100 m; a
    valid pixel is never 0.

    Args:
        plane: H x W x 1 float32 meters.
        context: Not used.
    """
    require_channels(plane, 'inverse_depth', 1)
    depth = np.where(plane.valid, plane.values[..., 0], np.float32(np.inf))
    ratio = np.sqrt(np.minimum(SATURATED_BELOW_M / depth, 1.0))
    image = np.rint(255.0 * ratio).astype(np.uint8)
    image[plane.valid] = np.maximum(image[plane.valid], 1)
    return np.repeat(image[..., None], 3, axis=2)
