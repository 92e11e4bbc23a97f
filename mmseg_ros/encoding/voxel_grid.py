"""Events as a voxel grid of three bins in time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import Plane
from mmseg_ros.encoding.context import EncodingContext, require_channels
from mmseg_ros.projection.events import EVENT_BINS, EVENT_CHANNELS, FIRST_BIN

LARGEST = 4.0


def voxel_grid(plane: Plane, context: EncodingContext) -> NDArray[np.uint8]:
    """Return H x W x 3 uint8: signed events near start, middle and end of the window.

    128 is no event or a balance of both signs; 4 rises or more are 255, 4 falls or more 1.

    Args:
        plane: H x W x 7 float32 from `event_plane`.
        context: Not used.

    Source: Zhu et al., CVPR 2019, section 3.1.
    """
    require_channels(plane, 'voxel_grid', EVENT_CHANNELS)
    bins = plane.values[..., FIRST_BIN : FIRST_BIN + EVENT_BINS]
    image = np.clip(bins, -LARGEST, LARGEST) * np.float32(127.0 / LARGEST) + np.float32(128.5)
    return np.asarray(image.astype(np.uint8))
