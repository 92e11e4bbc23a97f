"""What the readers of color and thermal images have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import RGB, Modality
from mmseg_ros.datasets.file_frames import FrameFiles, Layout
from mmseg_ros.datasets.image_files import IMAGE_SUFFIXES, read_grey, read_rgb
from mmseg_ros.datasets.label_table import LabelTable

THERMAL: Modality = 'thermal'
ENCODINGS = {THERMAL: 'grey'}
MODALITIES = (RGB, THERMAL)


def thermal_layout(frames: Sequence[FrameFiles], table: LabelTable) -> Layout:
    """Return the layout of frames with one color, one thermal and one label image each."""
    return Layout(
        frames,
        lambda files: table.read(files.labels[-1]),
        {RGB: color, THERMAL: thermal},
        ENCODINGS,
    )


def color(files: FrameFiles) -> NDArray[np.uint8]:
    """Return the color image of a frame."""
    return read_rgb(files.planes[RGB][0])


def thermal(files: FrameFiles) -> NDArray[np.uint8]:
    """Return the thermal image of a frame; of a color file all channels must be the same."""
    return read_grey(files.planes[THERMAL][0])


def beside(
    folder: Path, others: Sequence[Path], names: Callable[[str], str] = str
) -> list[tuple[Path, ...]]:
    """Return every image of `folder` with the file of the same name in each other folder.

    Args:
        folder: Images, sorted by name.
        others: Folders; the ending may differ, and of a file that is missing the path is the
            one that was expected.
        names: Name of an image -> name of the others.
    """
    images = sorted(path for path in folder.glob('*') if path.suffix.lower() in IMAGE_SUFFIXES)
    return [(path, *(found(other, names(path.stem)) for other in others)) for path in images]


def found(folder: Path, stem: str) -> Path:
    """Return the image of a name in a folder, whatever its ending.

    Of one that is missing, the path with the ending of the folder's others is returned.
    """
    paths = [folder / f'{stem}{suffix}' for suffix in IMAGE_SUFFIXES]
    there = next((path for path in paths if path.is_file()), None)
    if there is None:
        others = (path.suffix for path in sorted(folder.glob('*')) if path.suffix)
        there = folder / f'{stem}{next(others, IMAGE_SUFFIXES[0])}'
    return there
