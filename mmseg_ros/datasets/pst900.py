"""Reader of PST900: color and thermal images of tunnels with 5 classes, background included."""

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


def open_pst900(
    root: Path,
    split: str,
    modalities: Sequence[Modality],
    label_space: LabelSpace,
    conditions: Sequence[str] = (),
    options: ReadOptions = DEFAULT_OPTIONS,
) -> FileFrames:
    """Open `ROOT/{train,test}/{rgb,thermal,labels}/NAME.png`.

    Raises:
        DatasetError: The split is unknown, files are missing, or the classes are not 5.
    """
    no_conditions(root, conditions)
    require_classes(label_space, 5, str(root))
    folder = root / choose_split(root, split, SPLITS)
    frames = [
        FrameFiles(color.stem, (labels,), {RGB: (color,), THERMAL: (thermal,)})
        for color, thermal, labels in beside(
            folder / 'rgb', (folder / 'thermal', folder / 'labels')
        )
    ]
    layout = thermal_layout(frames, LabelTable.train_ids(label_space))
    return FileFrames(root, split, modalities, label_space, layout, options)


def _fits(root: Path) -> bool:
    return any(
        (root / split / 'rgb').is_dir() and (root / split / 'thermal').is_dir() for split in SPLITS
    )


READER = Reader(
    'pst900',
    _fits,
    open_pst900,
    'pst900',
    MODALITIES,
    SPLITS,
    ENCODINGS,
    Legacy(
        'There is no validation split: models were chosen on the test split. A size given the '
        'wrong way round made the short side 1280, so 720 x 1280 images were scored at '
        '1280 x 2304 with labels resized alike; classes that do not occur count as IoU 0.',
        size=(1280, 2304),
        absent_counts_zero=True,
        splits={'val': 'test'},
    ),
)
