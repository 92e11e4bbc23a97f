"""MUSES' sensors as its official script projects them into the camera image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError, MmsegError
from mmseg_ros.core.types import EVENT, Modality, Plane
from mmseg_ros.datasets.image_files import read_array
from mmseg_ros.encoding import EncodingContext, encode

FOLDER = 'projected_to_rgb'
SCALE, SHIFT = 150.0, 100.0
"""A .png holds (value + 100) x 150; 15000 in all channels is a pixel without a point."""
_SUFFIXES = ('.npz', '.npy', '.png')
_FULL_INTENSITY = 255.0


def projected_file(root: Path, raw: Path) -> Path:
    """Return the projected image of a raw file, whatever its ending; .npz if there is none.

    Args:
        root: Folder of the data set.
        raw: Raw file, relative to it.
    """
    stem = root / FOLDER / raw.with_suffix('')
    paths = [stem.with_name(stem.name + suffix) for suffix in _SUFFIXES]
    return next((path for path in paths if path.is_file()), paths[0])


def projected_image(path: Path, modality: Modality, encoding: str) -> NDArray[np.uint8]:
    """Return the H x W x 3 uint8 image of a projected file.

    Points: channels range (m), intensity (0..255), height (m; 0 for radar). Events: counts of
    rises and falls.

    Raises:
        DatasetError: The file cannot be read or is none of that kind.
    """
    values = _png(path, modality) if path.suffix == '.png' else read_array(path)
    if values.ndim != 3 or values.shape[2] < 2:
        raise DatasetError(f'{path}: expected H x W x 3 values, but got {values.shape}.')
    try:
        return np.asarray(encode(encoding, _plane(values, modality), EncodingContext()), np.uint8)
    except MmsegError as error:
        raise DatasetError(f'{path}: {error}') from error


def _plane(values: NDArray[np.float32], modality: Modality) -> Plane:
    if modality == EVENT:
        return Plane(np.ascontiguousarray(values[..., :2]), np.ones(values.shape[:2], np.bool_))
    valid = values[..., 0] > 0
    scaled = values[..., :3] * np.array([1.0, 1.0 / _FULL_INTENSITY, 1.0], np.float32)
    return Plane(scaled, valid)


def _png(path: Path, modality: Modality) -> NDArray[np.float32]:
    # Written by OpenCV from (range, intensity, height): read back in the same order.
    pixels: Any = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise DatasetError(f'{path} is no readable image; copy the file again.')
    if modality == EVENT:
        return np.asarray(pixels, np.float32)
    if pixels.dtype != np.uint16:
        raise DatasetError(f'{path}: expected 16 bits a channel, but got {pixels.dtype}.')
    return np.asarray(pixels, np.float32) / np.float32(SCALE) - np.float32(SHIFT)
