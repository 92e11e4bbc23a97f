"""Reader of FMB: color and infrared images of streets with 14 classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import RGB, Modality
from mmseg_ros.datasets.file_frames import FileFrames, FrameFiles, choose_split, no_conditions
from mmseg_ros.datasets.label_table import LabelTable, require_classes
from mmseg_ros.datasets.legacy import Legacy
from mmseg_ros.datasets.options import DEFAULT_OPTIONS, ReadOptions
from mmseg_ros.datasets.reader import Reader
from mmseg_ros.datasets.rgb_thermal import (
    ENCODINGS,
    MODALITIES,
    THERMAL,
    beside,
    thermal_layout,
)

SPLITS = ('train', 'test')


def open_fmb(
    root: Path,
    split: str,
    modalities: Sequence[Modality],
    label_space: LabelSpace,
    conditions: Sequence[str] = (),
    options: ReadOptions = DEFAULT_OPTIONS,
) -> FileFrames:
    """Open `ROOT/{train,test}/{Visible,Infrared,Label}/NAME.png`; labels are class id + 1.

    Raises:
        DatasetError: The split is unknown, files are missing, or the classes are not 14.
    """
    no_conditions(root, conditions)
    require_classes(label_space, 14, str(root))
    folder = root / choose_split(root, split, SPLITS)
    frames = [
        FrameFiles(color.stem, (labels,), {RGB: (color,), THERMAL: (thermal,)})
        for color, thermal, labels in beside(
            folder / 'Visible', (folder / 'Infrared', folder / 'Label')
        )
    ]
    layout = thermal_layout(frames, LabelTable.one_based(label_space))
    return FileFrames(root, split, modalities, label_space, layout, options)


def _fits(root: Path) -> bool:
    return any((root / split / 'Visible').is_dir() for split in SPLITS)


READER = Reader(
    'fmb',
    _fits,
    open_fmb,
    'fmb',
    MODALITIES,
    SPLITS,
    ENCODINGS,
    Legacy(
        'There is no validation split: models were chosen on the test split. A size given the '
        'wrong way round made the short side 800, so 600 x 800 images were scored at 800 x 1088 '
        'with labels resized alike; classes that do not occur count as IoU 0.',
        size=(800, 1088),
        absent_counts_zero=True,
        splits={'val': 'test'},
    ),
)
