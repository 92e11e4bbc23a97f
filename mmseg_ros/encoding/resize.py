"""Encoded planes at another size: images are averaged, measurements are not."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import Modality

MEASURED_MODALITIES: frozenset[Modality] = frozenset({'depth', 'event', 'lidar'})
"""Planes whose pixels are measurements: resampled nearest, an average would be no measurement."""


def resize_images(
    images: NDArray[np.uint8], modalities: tuple[Modality, ...], height: int, width: int
) -> NDArray[np.uint8]:
    """Return M x height x width x 3 uint8: the planes resized, without touching equal sizes."""
    if images.shape[1:3] == (height, width):
        return images
    return np.stack(
        [
            cv2.resize(plane, (width, height), interpolation=interpolation(name))
            for name, plane in zip(modalities, images, strict=True)
        ]
    )


def interpolation(modality: Modality) -> int:
    """Return the OpenCV flag that resamples the plane of a modality."""
    return cv2.INTER_NEAREST_EXACT if modality in MEASURED_MODALITIES else cv2.INTER_LINEAR
