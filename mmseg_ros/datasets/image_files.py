"""Image files of data sets as 8-bit planes; whatever is wrong with one is told by its path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.types import Plane
from mmseg_ros.encoding.context import EncodingContext
from mmseg_ros.encoding.registry import encode

IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg')


def read_pixels(path: Path) -> NDArray[Any]:
    """Return the pixels as they stand in the file: uint8 or uint16, H x W (x C, in RGB order).

    Raises:
        DatasetError: The file is missing or no readable image.
    """
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DatasetError(f'{path} cannot be read ({error}).') from error
    try:
        pixels = cv2.imdecode(content, cv2.IMREAD_UNCHANGED) if len(content) else None
    except cv2.error:
        pixels = None
    if pixels is None:
        raise DatasetError(f'{path} is no readable image; copy the file again.')
    if pixels.ndim == 3 and pixels.shape[2] >= 3:
        order = [2, 1, 0, *range(3, pixels.shape[2])]
        return np.asarray(pixels[..., order])
    return np.asarray(pixels[..., 0] if pixels.ndim == 3 else pixels)


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Return an H x W x 3 uint8 image: a color image or HHA; gray ones are repeated.

    16-bit images keep their upper 8 bits.

    Raises:
        DatasetError: See `read_pixels`.
    """
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DatasetError(f'{path} cannot be read ({error}).') from error
    try:
        pixels = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
    except cv2.error:
        pixels = None
    if pixels is None:
        raise DatasetError(f'{path} is no readable image; copy the file again.')
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)


def read_grey(path: Path, value_range: tuple[float, float] | None = None) -> NDArray[np.uint8]:
    """Return H x W x 3 uint8 of a one-channel image (thermal, near infrared), see `encoding.grey`.

    Args:
        path: 8 or 16 bits; of a color image all channels must be the same.
        value_range: What becomes 0..255; None takes the whole range of the type.

    Raises:
        DatasetError: It cannot be read, or its channels differ.
    """
    pixels = read_pixels(path)
    if pixels.ndim == 3:
        if (pixels[..., :3] != pixels[..., :1]).any():
            raise DatasetError(f'{path} holds colors; expected an image of one channel.')
        pixels = pixels[..., 0]
    plane = Plane(pixels[..., None], np.ones(pixels.shape, np.bool_))
    return np.asarray(encode('grey', plane, EncodingContext(value_range=value_range)), np.uint8)


def read_array(path: Path) -> NDArray[np.float32]:
    """Return a .npy file, or the only array of a .npz file, as float32.

    Raises:
        DatasetError: It cannot be read or holds no numbers.
    """
    try:
        loaded = np.load(path, allow_pickle=False)
        values = loaded if isinstance(loaded, np.ndarray) else loaded[loaded.files[0]]
        return np.asarray(values, np.float32)
    except (OSError, ValueError, IndexError, KeyError, EOFError) as error:
        raise DatasetError(f'{path} is no readable array ({error}).') from error
    except Exception as error:  # a damaged archive raises what its decompressor raises
        raise DatasetError(f'{path} is no readable array ({error}).') from error


def read_lines(path: Path) -> list[str]:
    """Return the lines of a list of frames, without blanks at their ends and without empty ones.

    Raises:
        DatasetError: It cannot be read, or is empty.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding='utf-8').splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f'{path} cannot be read ({error}).') from error
    found = [line for line in lines if line]
    if not found:
        raise DatasetError(f'{path} lists no frames.')
    return found
