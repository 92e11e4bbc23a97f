"""One image of a whole run: inputs, labels and labels through the outages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.atomic_files import atomic_file
from mmseg_ros.demo.results import ALL_SENSORS
from mmseg_ros.demo.shown import Moment, moment_pictures
from mmseg_ros.inference.manifest import Manifest
from mmseg_ros.projection.extrinsics import Rig

_TILE = (192, 320)
_GAP = 6
_BAR = 22
_COLUMNS = 4


def poster(seen: Sequence[Moment], rig: Rig, manifest: Manifest) -> NDArray[np.uint8]:
    """Return the image, RGB uint8.

    The first row shows the inputs of the first moment, the second its labels and labeled points,
    the third the labels in every outage.

    Args:
        seen: The first with all sensors, the others one per outage.
        rig: Calibration of the sequence.
        manifest: The bundle's.
    """
    inputs, results = moment_pictures(seen[0], rig, manifest)
    rows = [
        [_tile(image, name) for name, image in inputs.items()],
        [
            _tile(results['labels'], 'labels', span=2),
            _tile(results['labeled points'], 'labeled LiDAR points', span=2),
        ],
        [
            _tile(moment_pictures(moment, rig, manifest)[1]['labels'], f'labels, {name}')
            for moment, name in _outages(seen)
        ],
    ]
    return np.vstack([_row(row) for row in rows if row])


def _outages(seen: Sequence[Moment]) -> list[tuple[Moment, str]]:
    named = [(moment, moment.frame.situation) for moment in seen[1:]]
    return [(moment, name) for moment, name in named if name != ALL_SENSORS][:_COLUMNS]


def _tile(image: NDArray[np.uint8], text: str, span: int = 1) -> NDArray[np.uint8]:
    """Return a labeled tile; a wide one is cropped in height to keep its shape."""
    height, width = _TILE[0] * span, _TILE[1] * span + _GAP * (span - 1)
    scale = max(height / image.shape[0], width / image.shape[1])
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    shrink = scale < 1
    resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrink else cv2.INTER_LINEAR)
    top, left = (resized.shape[0] - height) // 2, (resized.shape[1] - width) // 2
    tile = np.full((height + _BAR, width, 3), 255, np.uint8)
    tile[_BAR:] = resized[top : top + height, left : left + width]
    cv2.putText(
        tile, text, (2, _BAR - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (40, 48, 60), 1, cv2.LINE_AA
    )
    return tile


def _row(tiles: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    width = _COLUMNS * _TILE[1] + (_COLUMNS - 1) * _GAP
    row = np.full((tiles[0].shape[0] + _GAP, width, 3), 255, np.uint8)
    left = 0
    for tile in tiles:
        row[: tile.shape[0], left : left + tile.shape[1]] = tile[:, : width - left]
        left += tile.shape[1] + _GAP
    return row


def save(image: NDArray[np.uint8], path: Path) -> None:
    """Write an RGB image as a PNG of 256 colors, which halves its size."""
    from PIL import Image

    few = Image.fromarray(image).quantize(256, dither=Image.Dither.NONE)
    with atomic_file(path) as draft:
        few.save(draft, 'PNG', optimize=True)
