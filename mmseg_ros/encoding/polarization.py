"""Angle and degree of linear polarisation, as in MCubeS."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import Plane
from mmseg_ros.encoding.context import EncodingContext, require_channels
from mmseg_ros.encoding.grey import grey


def aolp_sincos(plane: Plane, context: EncodingContext) -> NDArray[np.uint8]:
    """Return H x W x 3 uint8: sine, cosine and sine of the angle of linear polarisation.

    -1..1 becomes 1..255 (0 is 128), invalid pixels are 0. A horizontally mirrored image needs the
    sine mirrored too: channel 0 and 2 become 256 - value.

    Args:
        plane: H x W x 1 float32 angle in radians, or H x W x 2 float32 sine and cosine (MCubeS'
            files).
        context: Not used.

    Source: MCubeS loader of CMNeXt (channels sine, cosine, sine).
    """
    require_channels(plane, 'aolp_sincos', 1, 2)
    values = plane.values.astype(np.float32)
    if values.shape[2] == 1:
        values = np.concatenate([np.sin(values), np.cos(values)], axis=2)
    image = np.rint(128.0 + 127.0 * np.clip(values, -1, 1)).astype(np.uint8)
    image[~plane.valid] = 0
    return np.asarray(image[..., [0, 1, 0]], np.uint8)


def dolp(plane: Plane, context: EncodingContext) -> NDArray[np.uint8]:
    """Return H x W x 3 uint8: degree of linear polarisation 0..1 as 0..255, repeated.

    Args:
        plane: H x W x 1 float32 in 0..1.
        context: `value_range` replaces 0..1.
    """
    return grey(plane, context)
