"""Events as a red and blue image, as in DeLiVER."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import Plane
from mmseg_ros.encoding.context import EncodingContext, require_channels
from mmseg_ros.projection.compiled import compiled
from mmseg_ros.projection.events import EVENT_CHANNELS, FALLS, RISES


def polarity(plane: Plane, context: EncodingContext) -> NDArray[np.uint8]:
    """Return H x W x 3 uint8: red 255 where brightness rose, blue 255 where it fell, green 0.

    Args:
        plane: H x W x 2 float32 counts of rising and falling events, or more from `event_plane`.
        context: Not used.

    Source: DeLiVER (CMNeXt, CVPR 2023), event images.
    """
    require_channels(plane, 'polarity', 2, EVENT_CHANNELS)
    image = np.zeros((*plane.valid.shape, 3), np.uint8)
    _encode(np.ascontiguousarray(plane.values, np.float32), image)
    return image


@compiled
def _encode(values: NDArray[np.float32], image: NDArray[np.uint8]) -> None:
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            image[i, j, 0] = 255 if values[i, j, RISES] > 0 else 0
            image[i, j, 2] = 255 if values[i, j, FALLS] > 0 else 0
