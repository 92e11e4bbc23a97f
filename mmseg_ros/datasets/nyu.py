"""Reader of NYUv2: color and HHA (or raw depth) with 40 classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import Modality
from mmseg_ros.datasets.file_frames import FileFrames, choose_split, no_conditions
from mmseg_ros.datasets.image_files import read_lines
from mmseg_ros.datasets.indoor_rgbd import MODALITIES, find_folders, indoor_layout, listed_stem
from mmseg_ros.datasets.label_table import LabelTable, require_classes
from mmseg_ros.datasets.legacy import Legacy
from mmseg_ros.datasets.options import DEFAULT_OPTIONS, ReadOptions
from mmseg_ros.datasets.reader import Reader

FOLDERS = {
    'color': ('RGB', 'rgb'),
    'labels': ('Labels', 'Label', 'masks'),
    'hha': ('HHA',),
    'depth': ('depth', 'Depth'),
}
_ZERO_BASED = 'masks'
"""The copy with this folder holds 0..39 and 255; the others class id + 1."""


def open_nyu(
    root: Path,
    split: str,
    modalities: Sequence[Modality],
    label_space: LabelSpace,
    conditions: Sequence[str] = (),
    options: ReadOptions = DEFAULT_OPTIONS,
) -> FileFrames:
    """Open `ROOT/{RGB,HHA,Labels}/NAME.*` (labels 1..40), or `ROOT/{rgb,depth,masks}` (0..39).

    `ROOT/SPLIT.txt` names the frames of a split, one a line; of several files on a line the first
    counts. The official splits are train (795) and test (654).

    Raises:
        DatasetError: The split is unknown, files are missing, or the classes are not 40.
    """
    no_conditions(root, conditions)
    require_classes(label_space, 40, str(root))
    choose_split(root, split, sorted(path.stem for path in root.glob('*.txt')))
    stems = [listed_stem(line) for line in read_lines(root / f'{split}.txt')]
    folders = find_folders(root, FOLDERS)
    make = LabelTable.train_ids if folders.labels == _ZERO_BASED else LabelTable.one_based
    layout = indoor_layout(root, folders, stems, make(label_space))
    return FileFrames(root, split, modalities, label_space, layout, options)


def _fits(root: Path) -> bool:
    there = {
        what: any((root / name).is_dir() for name in names) for what, names in FOLDERS.items()
    }
    return there['color'] and there['labels'] and (there['hha'] or there['depth'])


READER = Reader(
    'nyu',
    _fits,
    open_nyu,
    'nyu',
    MODALITIES,
    ('train', 'test'),
    {},
    Legacy(
        'There is no validation split: models were chosen on the test split. Labels were resized '
        'with the images (480 x 640 here, their own size); classes that do not occur count as '
        'IoU 0. GeminiFusion leaves them out of the mean and reads raw depth instead of HHA.',
        absent_counts_zero=True,
        splits={'val': 'test'},
    ),
)
