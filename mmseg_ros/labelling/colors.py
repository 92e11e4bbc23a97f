"""Labels as images."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.labels import LabelSpace


def colorize(labels: NDArray[Any], label_space: LabelSpace) -> NDArray[np.uint8]:
    """Return H x W x 3 uint8 RGB of a label image; ids without a class are black."""
    palette = label_space.palette()
    if labels.dtype == np.uint8:
        # cv2.LUT with three channels is four times faster than palette[labels].
        repeated = cv2.merge([labels, labels, labels])
        return np.asarray(cv2.LUT(repeated, palette[None]), np.uint8)
    return np.asarray(palette[np.minimum(labels, 255)], np.uint8)


def as_rgb(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return an image as H x W x 3 uint8: gray is repeated, other than 8-bit values stretched.

    Args:
        pixels: H x W x 3 uint8, or H x W of any type.
    """
    if pixels.dtype != np.uint8:
        pixels = cv2.normalize(pixels, None, 0, 255, cv2.NORM_MINMAX, cv2.CV_8U)  # type: ignore[call-overload]
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels


def overlay(
    rgb: NDArray[np.uint8], labels: NDArray[Any], label_space: LabelSpace, alpha: float = 0.5
) -> NDArray[np.uint8]:
    """Return the image with label colors over it; ignored pixels keep the image.

    Args:
        rgb: H x W x 3 uint8.
        labels: H' x W' class ids; scaled to the image if smaller or larger.
        label_space: Names the colors.
        alpha: Weight of the colors, 0..1.
    """
    height, width = rgb.shape[:2]
    if labels.shape != (height, width):
        labels = np.asarray(
            cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
        )
    blended = cv2.addWeighted(rgb, 1.0 - alpha, colorize(labels, label_space), alpha, 0.0)
    ignored = (labels >= label_space.num_classes).astype(np.uint8)
    return np.asarray(cv2.copyTo(np.ascontiguousarray(rgb), ignored, blended), np.uint8)
