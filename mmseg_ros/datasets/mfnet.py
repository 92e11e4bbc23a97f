"""Reader of MFNet: color and thermal images by day and night, 9 classes with `unlabeled`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import RGB, Modality
from mmseg_ros.datasets.file_frames import (
    FileFrames,
    FrameFiles,
    Layout,
    by_condition,
    choose_split,
)
from mmseg_ros.datasets.image_files import read_lines, read_pixels
from mmseg_ros.datasets.label_table import LabelTable, require_classes
from mmseg_ros.datasets.legacy import Legacy
from mmseg_ros.datasets.options import DEFAULT_OPTIONS, ReadOptions
from mmseg_ros.datasets.reader import Reader
from mmseg_ros.datasets.rgb_thermal import (
    ENCODINGS,
    MODALITIES,
    THERMAL,
    found,
    thermal_layout,
)

_PAIRS = (('img', 'ther'), ('rgb', 'ther'), ('rgb', 'thermal'))
_JOINED = 'images'
_TIMES = {'D': 'day', 'N': 'night'}


def open_mfnet(
    root: Path,
    split: str,
    modalities: Sequence[Modality],
    label_space: LabelSpace,
    conditions: Sequence[str] = (),
    options: ReadOptions = DEFAULT_OPTIONS,
) -> FileFrames:
    """Open `ROOT/images/NAME.png` of four channels, or `ROOT/{img,ther}/NAME.png`, and labels.

    `ROOT/SPLIT.txt` names the frames of a split; names that end in D and N are the conditions
    day and night. Class 0, unlabeled, is a class here: it is learned and scored.

    Raises:
        DatasetError: The split is unknown, files are missing, or the classes are not 9.
    """
    require_classes(label_space, 9, str(root))
    choose_split(root, split, sorted(path.stem for path in root.glob('*.txt')))
    names = [Path(line).stem for line in read_lines(root / f'{split}.txt')]
    pair = next((pair for pair in _PAIRS if all((root / name).is_dir() for name in pair)), None)
    folders = pair or (_JOINED, _JOINED)
    frames = [
        FrameFiles(
            f'{_TIMES[name[-1]]}/{name}' if name[-1] in _TIMES else name,
            (root / 'labels' / f'{name}.png',),
            {
                RGB: (found(root / folders[0], name),),
                THERMAL: (found(root / folders[1], name),),
            },
        )
        for name in names
    ]
    chosen = by_condition(root, frames, conditions)
    table = LabelTable.train_ids(label_space)
    layout = thermal_layout(chosen, table) if pair else _joined_layout(chosen, table)
    return FileFrames(root, split, modalities, label_space, layout, options)


def _joined_layout(frames: Sequence[FrameFiles], table: LabelTable) -> Layout:
    return Layout(
        frames,
        lambda files: table.read(files.labels[-1]),
        {
            RGB: lambda files: _channels(files.planes[RGB][0])[..., :3],
            THERMAL: lambda files: np.repeat(_channels(files.planes[THERMAL][0])[..., 3:], 3, 2),
        },
        ENCODINGS,
    )


def _channels(path: Path) -> NDArray[np.uint8]:
    """Return red, green, blue and thermal."""
    pixels = read_pixels(path)
    if pixels.ndim != 3 or pixels.shape[2] != 4 or pixels.dtype != np.uint8:
        raise DatasetError(
            f'{path}: expected four 8-bit channels (red, green, blue, thermal), but the image is '
            f'{" x ".join(map(str, pixels.shape))} of {pixels.dtype}.'
        )
    return pixels


def _fits(root: Path) -> bool:
    thermal = any(all((root / name).is_dir() for name in pair) for pair in _PAIRS)
    joined = (root / _JOINED).is_dir() and (root / 'train.txt').is_file()
    return (thermal or joined) and (root / 'labels').is_dir()


READER = Reader(
    'mfnet',
    _fits,
    open_mfnet,
    'mfnet',
    MODALITIES,
    ('train', 'val', 'test'),
    ENCODINGS,
    Legacy(
        'The split val reads the test list, so models were chosen on the test split. A size given '
        'the wrong way round made the short side 640, so 480 x 640 images were scored at '
        '640 x 864 with labels resized alike; classes that do not occur count as IoU 0.',
        size=(640, 864),
        absent_counts_zero=True,
        splits={'val': 'test'},
    ),
)
