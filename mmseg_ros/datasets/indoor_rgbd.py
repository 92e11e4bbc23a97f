"""What the readers of indoor color and depth images (NYUv2, SUN RGB-D) have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.types import DEPTH, RGB
from mmseg_ros.datasets.file_frames import FrameFiles, Layout
from mmseg_ros.datasets.image_files import read_grey, read_rgb
from mmseg_ros.datasets.label_table import LabelTable
from mmseg_ros.datasets.rgb_thermal import found

HHA, RAW = 'hha', 'grey'
MODALITIES = (RGB, DEPTH)


@dataclass(frozen=True, slots=True)
class Folders:
    """Names of the folders of one copy of a data set.

    Attributes:
        color: Color images. labels: Label images. depth: HHA or raw depth images.
        encoding: `hha`, or `grey` for raw depth.
    """

    color: str
    labels: str
    depth: str
    encoding: str


def find_folders(root: Path, choices: Mapping[str, Sequence[str]]) -> Folders:
    """Return the folders that are there, HHA before raw depth.

    Args:
        root: Folder of the data set.
        choices: Possible names of `color`, `labels`, `hha` and `depth`.

    Raises:
        DatasetError: There is no folder for one of the three.
    """
    there = {what: _first(root, names) for what, names in choices.items()}
    color, labels, depth = there['color'], there['labels'], there['hha'] or there['depth']
    if not (color and labels and depth):
        raise DatasetError(
            f'{root} must hold folders of color images ({", ".join(choices["color"])}), labels '
            f'({", ".join(choices["labels"])}) and HHA ({", ".join(choices["hha"])}) or depth '
            f'({", ".join(choices["depth"])}).'
        )
    return Folders(color, labels, depth, HHA if there['hha'] else RAW)


def indoor_layout(root: Path, folders: Folders, stems: Sequence[str], table: LabelTable) -> Layout:
    """Return the layout of the frames with these names."""
    frames = [
        FrameFiles(
            stem,
            (found(root / folders.labels, stem),),
            {
                RGB: (found(root / folders.color, stem),),
                DEPTH: (found(root / folders.depth, stem),),
            },
        )
        for stem in stems
    ]
    return Layout(
        frames,
        lambda files: table.read(files.labels[-1]),
        {RGB: _color, DEPTH: _hha if folders.encoding == HHA else _raw_depth},
        {DEPTH: folders.encoding},
    )


def listed_stem(line: str) -> str:
    """Return the name that a line of a list of frames means: that of its first file."""
    return Path(line.split()[0]).stem


def _first(root: Path, names: Sequence[str]) -> str:
    return next((name for name in names if (root / name).is_dir()), '')


def _color(files: FrameFiles) -> NDArray[np.uint8]:
    return read_rgb(files.planes[RGB][0])


def _hha(files: FrameFiles) -> NDArray[np.uint8]:
    return read_rgb(files.planes[DEPTH][0])


def _raw_depth(files: FrameFiles) -> NDArray[np.uint8]:
    return read_grey(files.planes[DEPTH][0])
