"""Reader of SUN RGB-D: color and HHA (or depth) images with 37 classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import Modality
from mmseg_ros.datasets.file_frames import FileFrames, choose_split, no_conditions
from mmseg_ros.datasets.image_files import IMAGE_SUFFIXES, read_lines
from mmseg_ros.datasets.indoor_rgbd import MODALITIES, find_folders, indoor_layout, listed_stem
from mmseg_ros.datasets.label_table import LabelTable, require_classes
from mmseg_ros.datasets.legacy import Legacy
from mmseg_ros.datasets.options import DEFAULT_OPTIONS, ReadOptions
from mmseg_ros.datasets.reader import Reader

FOLDERS = {
    'color': ('RGB', 'rgb'),
    'labels': ('labels',),
    'hha': ('HHA',),
    'depth': ('Depth', 'depth'),
}
SPLITS = ('train', 'test')


def open_sunrgbd(
    root: Path,
    split: str,
    modalities: Sequence[Modality],
    label_space: LabelSpace,
    conditions: Sequence[str] = (),
    options: ReadOptions = DEFAULT_OPTIONS,
) -> FileFrames:
    """Open `ROOT/{RGB,HHA or Depth,labels}/NAME.*`; labels are class id + 1, 0 is ignored.

    `ROOT/SPLIT.txt` names the frames of a split; without it, those whose name starts with `train`
    or `test` are (5285 and 5050). Images have several sizes, and keep them.

    Raises:
        DatasetError: The split is unknown, files are missing, or the classes are not 37.
    """
    no_conditions(root, conditions)
    require_classes(label_space, 37, str(root))
    choose_split(root, split, SPLITS)
    folders = find_folders(root, FOLDERS)
    layout = indoor_layout(
        root, folders, _stems(root, split, folders.color), LabelTable.one_based(label_space)
    )
    return FileFrames(root, split, modalities, label_space, layout, options)


def _stems(root: Path, split: str, color: str) -> list[str]:
    listed = root / f'{split}.txt'
    if listed.is_file():
        return [listed_stem(line) for line in read_lines(listed)]
    return sorted(
        path.stem
        for path in (root / color).glob(f'{split}*')
        if path.suffix.lower() in IMAGE_SUFFIXES
    )


def _fits(root: Path) -> bool:
    color = any((root / name).is_dir() for name in FOLDERS['color'])
    depth = any((root / name).is_dir() for name in (*FOLDERS['hha'], *FOLDERS['depth']))
    return color and depth and (root / 'labels').is_dir()


READER = Reader(
    'sunrgbd',
    _fits,
    open_sunrgbd,
    'sunrgbd',
    MODALITIES,
    SPLITS,
    {},
    Legacy(
        'There is no validation split: models were chosen on the test split, and labels were '
        'resized with the images to a short side of 480. Images are kept at their own sizes here.',
        splits={'val': 'test'},
    ),
)
