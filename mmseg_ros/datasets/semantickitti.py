"""Reader of SemanticKITTI: labeled scans; the labels of images come from the points they show."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError, MmsegError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.modalities import standard_encoding
from mmseg_ros.core.types import LIDAR, RGB, CloudData, Modality
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
from mmseg_ros.datasets.point_images import (
    camera_of,
    label_image,
    lidar_image,
    png_size,
    read_scan,
)
from mmseg_ros.datasets.reader import Reader
from mmseg_ros.projection.extrinsics import Rig, load_rig

SEQUENCES = {
    'train': ('00', '01', '02', '03', '04', '05', '06', '07', '09', '10'),
    'val': ('08',),
    'test': tuple(str(number) for number in range(11, 22)),
}
_MAP: dict[int, tuple[int, ...]] = {
    0: (10, 252), 1: (11,), 2: (15,), 3: (18, 258), 4: (13, 16, 20, 256, 257, 259),
    5: (30, 254), 6: (31, 253), 7: (32, 255), 8: (40, 60), 9: (44,), 10: (48,), 11: (49,),
    12: (50,), 13: (51,), 14: (70,), 15: (71,), 16: (72,), 17: (80,), 18: (81,),
}  # fmt: skip
"""Class id -> raw ids; the official training ids are one more, with 0 for ignored."""
IGNORED = (0, 1, 52, 99)
_SEMANTIC_BITS = 0xFFFF


def open_semantickitti(
    root: Path,
    split: str,
    modalities: Sequence[Modality],
    label_space: LabelSpace,
    conditions: Sequence[str] = (),
    options: ReadOptions = DEFAULT_OPTIONS,
) -> FileFrames:
    """Open `ROOT[/dataset]/sequences/NN/{velodyne,labels,image_2,calib.txt}`.

    An image has the labels of the points that the camera sees, and none elsewhere. Sequences are
    the conditions. `labeled_points` gives the points themselves.

    Raises:
        DatasetError: The split is unknown, files are missing, or the classes are not 19.
    """
    require_classes(label_space, 19, str(root))
    choose_split(root, split, tuple(SEQUENCES))
    folders = [_sequences(root) / name for name in SEQUENCES[split]]
    frames = [_files(path) for folder in folders for path in _labels(folder)]
    chosen = by_condition(root, frames, conditions)
    table = label_table(label_space)
    encoding = options.encodings.get(LIDAR, standard_encoding(LIDAR))
    layout = Layout(
        chosen,
        lambda files: _label_image(files, table),
        {
            RGB: lambda files: read_rgb(files.planes[RGB][0]),
            LIDAR: lambda files: _lidar(files, encoding),
        },
        {LIDAR: encoding},
    )
    return FileFrames(root, split, modalities, label_space, layout, options)


def label_table(space: LabelSpace) -> LabelTable:
    """Return the map from raw ids to class ids 0..18."""
    ids = {raw: label for label, group in _MAP.items() for raw in group}
    return LabelTable(space, {**dict.fromkeys(IGNORED, space.ignore_id), **ids})


def labeled_points(
    scan: Path, labels: Path, table: LabelTable
) -> tuple[CloudData, NDArray[np.uint8]]:
    """Return the N points of a scan and their class ids; the upper 16 bits (instances) are cut.

    Raises:
        DatasetError: A file cannot be read, or they hold different numbers of points.
    """
    cloud = read_scan(scan)
    try:
        raw = np.fromfile(labels, '<u4')
    except OSError as error:
        raise DatasetError(f'{labels} cannot be read ({error}).') from error
    if len(raw) != len(cloud.points):
        raise DatasetError(
            f'{labels} has {len(raw)} labels for the {len(cloud.points)} points of {scan}.'
        )
    return cloud, table.apply(raw & _SEMANTIC_BITS, labels)


def _sequences(root: Path) -> Path:
    inner = root / 'dataset' / 'sequences'
    return inner if inner.is_dir() else root / 'sequences'


def _labels(sequence: Path) -> list[Path]:
    return sorted((sequence / 'labels').glob('*.label'))


def _files(labels: Path) -> FrameFiles:
    sequence, stem = labels.parent.parent, labels.stem
    scan = sequence / 'velodyne' / f'{stem}.bin'
    image = sequence / 'image_2' / f'{stem}.png'
    calibration = sequence / 'calib.txt'
    return FrameFiles(
        f'{sequence.name}/{stem}',
        (image, calibration, scan, labels),
        {RGB: (image,), LIDAR: (scan,)},
    )


def _label_image(files: FrameFiles, table: LabelTable) -> NDArray[np.uint8]:
    image, calibration, scan, labels = files.labels
    cloud, ids = labeled_points(scan, labels, table)
    rig = _rig(calibration)
    camera = camera_of(rig, png_size(image), calibration)
    return label_image(cloud, ids, rig, camera, table.space.ignore_id)


def _lidar(files: FrameFiles, encoding: str) -> NDArray[np.uint8]:
    image, calibration, scan, _ = files.labels
    rig = _rig(calibration)
    camera = camera_of(rig, png_size(image), calibration)
    return lidar_image(read_scan(scan), rig, camera, encoding, scan)


@lru_cache(maxsize=32)
def _rig(calibration: Path) -> Rig:
    try:
        return load_rig(calibration)
    except MmsegError as error:
        raise DatasetError(str(error)) from error


def _fits(root: Path) -> bool:
    folders = _sequences(root).glob('[0-9][0-9]') if _sequences(root).is_dir() else ()
    return any((folder / 'velodyne').is_dir() for folder in folders)


READER = Reader(
    'semantickitti',
    _fits,
    open_semantickitti,
    'semantickitti',
    (RGB, LIDAR),
    tuple(SEQUENCES),
)
