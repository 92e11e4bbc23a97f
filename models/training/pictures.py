"""Images to look at: camera image, truth and prediction side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.labelling.image_files import write_image
from mmseg_ros.projection.fit import Fit

PREDICTION_ALPHA = 0.6


def write_picture(
    path: Path,
    planes: NDArray[np.uint8],
    truth: NDArray[np.integer],
    labels: NDArray[np.integer],
    label_space: LabelSpace,
    fit: Fit,
) -> None:
    """Write a PNG: the M planes in a row; below, truth, labels, and labels over the first plane.

    Args:
        path: File to write; its folder is made.
        planes: M x H x W x 3 uint8, the encoded modalities.
        truth: H x W class ids.
        labels: H x W predicted class ids.
        label_space: Gives the colors.
        fit: How truth and labels lie on the planes.
    """
    palette = label_space.palette()
    scaled = fit.scaled_width, fit.scaled_height
    colored = [
        _bytes(
            fit.lay(
                cv2.resize(
                    palette[image.astype(np.uint8)], scaled, interpolation=cv2.INTER_NEAREST
                )
            )
        )
        for image in (truth, labels)
    ]
    overlay = cv2.addWeighted(planes[0], 1 - PREDICTION_ALPHA, colored[1], PREDICTION_ALPHA, 0)
    colored.append(_bytes(overlay))
    columns = max(len(planes), len(colored))
    rows = [_row(list(planes), columns), _row(colored, columns)]
    write_image(path, np.concatenate(rows))


def _bytes(image: NDArray[Any]) -> NDArray[np.uint8]:
    return np.asarray(image, np.uint8)


def _row(images: list[NDArray[np.uint8]], columns: int) -> NDArray[np.uint8]:
    blank = np.zeros_like(images[0])
    return np.concatenate(images + [blank] * (columns - len(images)), axis=1)
