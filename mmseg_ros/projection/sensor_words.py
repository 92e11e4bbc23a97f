"""What the name that others give to a sensor, a frame or a topic says about its kind."""

from __future__ import annotations

import re
from collections.abc import Collection

from mmseg_ros.core.types import DEPTH, EVENT, LIDAR, RGB, Modality

THERMAL: Modality = 'thermal'
_WORDS: dict[Modality, tuple[str, ...]] = {
    EVENT: ('event', 'events', 'dvs', 'prophesee', 'davis', 'dvxplorer', 'evk', 'evk4'),
    DEPTH: ('depth', 'disparity'),
    THERMAL: ('thermal', 'flir', 'lwir', 'boson'),
    LIDAR: ('lidar', 'velodyne', 'ouster', 'livox', 'hesai', 'rslidar', 'laser', 'os1', 'os0'),
    RGB: ('rgb', 'color', 'color', 'cam', 'camera', 'image', 'image_raw'),
}


def modality_of(name: str, taken: Collection[Modality] = ()) -> Modality | None:
    """Return the modality that a name speaks of; None if it speaks of none that is left.

    Args:
        name: Such as CAM_FRONT, /prophesee/events or velodyne_points.
        taken: Modalities that have their sensor already.
    """
    words = [word for word in re.split(r'[^a-z0-9]+', name.lower()) if word]
    for modality, known in _WORDS.items():
        if modality not in taken and any(_speaks_of(word, known) for word in words):
            return modality
    return None


def _speaks_of(word: str, known: tuple[str, ...]) -> bool:
    return word in known or word.rstrip('0123456789') in known
