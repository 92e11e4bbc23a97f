"""Which encodings there are, by the name that a bundle's manifest gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.types import Plane
from mmseg_ros.encoding.context import EncodingContext
from mmseg_ros.encoding.grey import grey
from mmseg_ros.encoding.hha import hha
from mmseg_ros.encoding.inverse_depth import inverse_depth
from mmseg_ros.encoding.polarity import polarity
from mmseg_ros.encoding.polarization import aolp_sincos, dolp
from mmseg_ros.encoding.range_intensity_height import range_intensity_height
from mmseg_ros.encoding.rgb import rgb
from mmseg_ros.encoding.time_surface import time_surface
from mmseg_ros.encoding.voxel_grid import voxel_grid
from mmseg_ros.projection.events import COUNT_CHANNELS, EVENT_CHANNELS

Encoding: TypeAlias = Callable[[Plane, EncodingContext], NDArray[np.uint8]]

ENCODINGS: dict[str, Encoding] = {
    'rgb': rgb,
    'grey': grey,
    'hha': hha,
    'inverse_depth': inverse_depth,
    'polarity': polarity,
    'voxel_grid': voxel_grid,
    'time_surface': time_surface,
    'range_intensity_height': range_intensity_height,
    'aolp_sincos': aolp_sincos,
    'dolp': dolp,
}


def encode(name: str, plane: Plane, context: EncodingContext) -> NDArray[Any]:
    """Return the H x W x 3 uint8 image of a plane, as it stands on disk and enters the network.

    Args:
        name: A key of ENCODINGS.
        plane: The aligned plane.
        context: What the encoding may need besides.

    Raises:
        ConfigError: There is no such encoding.
        CalibrationError: The encoding needs a calibration that is missing.
        SampleError: The plane is not one that the encoding takes.
    """
    if name not in ENCODINGS:
        raise ConfigError(f'Unknown encoding {name!r}; there are: {", ".join(ENCODINGS)}.')
    return ENCODINGS[name](plane, context)


def event_channels(name: str) -> int:
    """Return how many channels of `event_plane` an encoding looks at.

    Args:
        name: A key of ENCODINGS.
    """
    return COUNT_CHANNELS if name == 'polarity' else EVENT_CHANNELS
