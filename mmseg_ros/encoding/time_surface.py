"""Events as a time surface: how long ago each pixel last rose and fell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import Plane
from mmseg_ros.encoding.context import EncodingContext, require_channels
from mmseg_ros.projection.events import EVENT_CHANNELS, LAST_FALL, LAST_RISE

DECAY_WINDOWS = 0.5


def time_surface(plane: Plane, context: EncodingContext) -> NDArray[np.uint8]:
    """Return H x W x 3 uint8: exp(-age / half a window) of the last rise (red) and fall (blue).

    255 is an event at the end of the window, 35 one at its start, 0 none. Green is 0.

    Args:
        plane: H x W x 7 float32 from `event_plane`.
        context: Not used.

    Source: Lagorce et al., TPAMI 2017.
    """
    require_channels(plane, 'time_surface', EVENT_CHANNELS)
    image = np.zeros((*plane.valid.shape, 3), np.uint8)
    for channel, last in ((0, LAST_RISE), (2, LAST_FALL)):
        share = plane.values[..., last]
        level = np.exp((share - 1.0) * np.float32(1.0 / DECAY_WINDOWS)) * np.float32(255.0)
        image[..., channel] = np.where(share > 0, level + 0.5, 0)
    return image
