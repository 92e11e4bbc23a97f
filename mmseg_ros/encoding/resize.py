"""Encoded planes at another size: images are averaged, measurements are not."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import Modality
from mmseg_ros.projection.fit import Fit

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


def fitted_images(
    images: NDArray[np.uint8], modalities: tuple[Modality, ...], fit: Fit
) -> NDArray[np.uint8]:
    """Return M x H x W x 3 uint8 on the network's input; padding is 0, as without measurement."""
    scaled = resize_images(images, modalities, fit.scaled_height, fit.scaled_width)
    return scaled if fit.is_whole else np.stack([fit.lay(plane) for plane in scaled])


def interpolation(modality: Modality) -> int:
    """Return the OpenCV flag that resamples the plane of a modality."""
    return cv2.INTER_NEAREST_EXACT if modality in MEASURED_MODALITIES else cv2.INTER_LINEAR
