"""Images on disk: whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.atomic_files import write_bytes
from mmseg_ros.core.errors import OutputError
from mmseg_ros.core.output_errors import shown


def write_image(path: Path | str, pixels: NDArray[Any], durable: bool = True) -> None:
    """Write an image in the format that the ending of its name says.

    Args:
        path: The file.
        pixels: H x W gray, H x W x 3 RGB or H x W x 4 RGBA, uint8 or uint16.
        durable: As `atomic_files.write_bytes` has it.

    Raises:
        OutputError: The ending names no format, the image does not fit it, or the file cannot
            be written.
    """
    order = {3: [2, 1, 0], 4: [2, 1, 0, 3]}
    if pixels.ndim == 3:
        pixels = pixels[..., order[pixels.shape[2]]]
    try:
        good, data = cv2.imencode(Path(path).suffix or '.none', np.ascontiguousarray(pixels))
    except cv2.error:
        good = False
    if not good:
        raise OutputError(
            f'{shown(path)} cannot be written: the image, {pixels.dtype} of '
            f'{" x ".join(map(str, pixels.shape))}, does not fit a format of that name; '
            'use .png or .jpg.'
        )
    write_bytes(path, data.tobytes(), durable)
