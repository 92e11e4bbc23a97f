"""The contact sheet: every condition and sensor failure, as every sensor sees it, and labels."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.labels import load_label_space
from mmseg_ros.core.types import RGB, STANDARD_MODALITIES, ImageData
from mmseg_ros.labelling.image_files import write_image
from mmseg_ros.sim.dataset import SECTOR_DEG, encode_frame
from mmseg_ros.sim.parallel import leave_interrupts_to_parent
from mmseg_ros.sim.sensing.lidar import LidarModel
from mmseg_ros.sim.sequence import Drive, DriveConfig
from mmseg_ros.sim.world.weather import CONDITIONS, FAILURES

_HEIGHT, _WIDTH = 192, 320
_TITLES = (*STANDARD_MODALITIES, 'labels')


def write_preview(path: Path, seed: int, config: DriveConfig, jobs: int = 1) -> None:
    """Write the contact sheet of one street as a PNG: conditions, then sensor failures.

    Args:
        path: File to write.
        seed: Of the street.
        config: Rig, theme and sensors; conditions and failures are gone through in turn.
        jobs: Processes.
    """
    configs = [replace(config, condition=name) for name in CONDITIONS]
    configs += [replace(config, failure=name) for name in FAILURES]
    with ProcessPoolExecutor(jobs, initializer=leave_interrupts_to_parent) as pool:
        rows = list(pool.map(_row, [seed] * len(configs), configs, (*CONDITIONS, *FAILURES)))
    write_image(path, np.vstack([_header(), *rows]))


def _row(seed: int, config: DriveConfig, title: str) -> NDArray[np.uint8]:
    """Return the second frame of a sequence as a row of images."""
    config = replace(config, frames=2, interval_s=0.5, lidar=LidarModel(sector_deg=SECTOR_DEG))
    drive = Drive(seed, config)
    *_, frame = drive.frames()
    images = encode_frame(frame, drive, _HEIGHT, _WIDTH)
    size = (_WIDTH, _HEIGHT)
    labels = cv2.resize(frame.labels, size, interpolation=cv2.INTER_NEAREST)
    picture = frame.samples[RGB].payload
    if isinstance(picture, ImageData):
        small = cv2.resize(picture.pixels, size, interpolation=cv2.INTER_AREA)
        images[RGB] = np.asarray(small, np.uint8)
    cells = [images[name] for name in STANDARD_MODALITIES]
    row = np.hstack([*cells, load_label_space().palette()[labels]])
    return _caption(row, title)


def _header() -> NDArray[np.uint8]:
    strip = np.full((22, _WIDTH * len(_TITLES), 3), 30, np.uint8)
    for k, title in enumerate(_TITLES):
        cv2.putText(
            strip, title, (k * _WIDTH + 6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255,) * 3, 1
        )
    return strip


def _caption(row: NDArray[np.uint8], title: str) -> NDArray[np.uint8]:
    """Write the title into the corner of the row, white on gray."""
    place, font = (6, 16), cv2.FONT_HERSHEY_SIMPLEX
    row = np.ascontiguousarray(row)
    cv2.rectangle(row, (0, 0), (10 + 9 * len(title), 22), (30, 30, 30), -1)
    cv2.putText(row, title, place, font, 0.5, (255, 255, 255), 1)
    return row
