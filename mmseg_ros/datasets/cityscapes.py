"""Reader of Cityscapes' layout: camera images by city, 19 classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import RGB, Modality
from mmseg_ros.datasets.file_frames import (
    FileFrames,
    FrameFiles,
    Layout,
    by_condition,
    choose_split,
)
from mmseg_ros.datasets.image_files import read_rgb
from mmseg_ros.datasets.label_table import LabelTable, require_classes
from mmseg_ros.datasets.options import DEFAULT_OPTIONS, ReadOptions
from mmseg_ros.datasets.reader import Reader

IMAGES, TRUTH = 'leftImg8bit', 'gtFine'
TRAIN_IDS = {
    7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12,
    26: 13, 27: 14, 28: 15, 31: 16, 32: 17, 33: 18,
}  # fmt: skip
"""Id in `labelIds` images -> class id; the other ids up to 33, and 255, are ignored."""
IDS = (*range(34), 255)


def open_cityscapes(
    root: Path,
    split: str,
    modalities: Sequence[Modality],
    label_space: LabelSpace,
    conditions: Sequence[str] = (),
    options: ReadOptions = DEFAULT_OPTIONS,
) -> FileFrames:
    """Open `ROOT/leftImg8bit/SPLIT/CITY/*_leftImg8bit.png` and `gtFine/.../*_gtFine_label*.png`.

    `labelTrainIds` are taken where they are (made by the official scripts), else `labelIds` are
    mapped: id -1 (license plate, stored as 255) and all ids without a class are ignored. Cities
    are the conditions.

    Raises:
        DatasetError: The split is unknown, files are missing, or the classes are not 19.
    """
    require_classes(label_space, 19, str(root))
    splits = sorted(path.name for path in (root / IMAGES).glob('*') if path.is_dir())
    choose_split(root, split, splits)
    images = sorted((root / IMAGES / split).glob(f'*/*_{IMAGES}.*'))
    frames = by_condition(root, [_files(root, path) for path in images], conditions)
    train_ids = LabelTable.train_ids(label_space)
    ids = LabelTable(label_space, dict.fromkeys(IDS, label_space.ignore_id) | TRAIN_IDS)
    layout = Layout(
        frames,
        lambda files: (train_ids if 'TrainIds' in files.labels[-1].name else ids).read(
            files.labels[-1]
        ),
        {RGB: lambda files: read_rgb(files.planes[RGB][0])},
    )
    return FileFrames(root, split, modalities, label_space, layout, options)


def _files(root: Path, image: Path) -> FrameFiles:
    city, stem = image.parent.name, image.stem.removesuffix(f'_{IMAGES}')
    folder = root / TRUTH / image.parent.relative_to(root / IMAGES)
    trained = folder / f'{stem}_{TRUTH}_labelTrainIds.png'
    labels = trained if trained.is_file() else folder / f'{stem}_{TRUTH}_labelIds.png'
    return FrameFiles(f'{city}/{stem}', (labels,), {RGB: (image,)})


def _fits(root: Path) -> bool:
    return (root / IMAGES).is_dir() and (root / TRUTH).is_dir()


READER = Reader(
    'cityscapes', _fits, open_cityscapes, 'cityscapes', (RGB,), ('train', 'val', 'test')
)
