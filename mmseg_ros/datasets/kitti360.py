"""Reader of KITTI-360: labeled images of the left camera and scans in them, 19 classes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError, MmsegError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.modalities import standard_encoding
from mmseg_ros.core.types import LIDAR, RGB, Modality
from mmseg_ros.datasets.cityscapes import TRAIN_IDS
from mmseg_ros.datasets.file_frames import (
    FileFrames,
    FrameFiles,
    Layout,
    by_condition,
    choose_split,
)
from mmseg_ros.datasets.image_files import read_lines, read_rgb
from mmseg_ros.datasets.label_table import LabelTable, require_classes
from mmseg_ros.datasets.options import DEFAULT_OPTIONS, ReadOptions
from mmseg_ros.datasets.point_images import camera_of, lidar_image, png_size, read_scan
from mmseg_ros.datasets.reader import Reader
from mmseg_ros.projection.extrinsics import Rig, load_rig

MORE_IDS = {34: 2, 35: 4, 37: 5}
"""Garage counts as building, gate as fence, small pole as pole."""
IDS = (*range(45), 255)
SPLITS = ('train', 'val')
_IMAGES, _TRUTH, _SCANS = 'data_2d_raw', 'data_2d_semantics', 'data_3d_raw'


def open_kitti360(
    root: Path,
    split: str,
    modalities: Sequence[Modality],
    label_space: LabelSpace,
    conditions: Sequence[str] = (),
    options: ReadOptions = DEFAULT_OPTIONS,
) -> FileFrames:
    """Open `ROOT/{data_2d_raw,data_2d_semantics,data_3d_raw,calibration}`.

    The official lists `data_2d_semantics/train/*_{train,val}_frames.txt`, or `ROOT/{split}.txt`,
    name the frames of a split: image and label image. Drives are the conditions. The scan of the
    same number is projected by the project's own geometry; the camera is triggered when the LiDAR
    faces forward, so no motion is taken out.

    Raises:
        DatasetError: The split is unknown, files are missing, or the classes are not 19.
    """
    require_classes(label_space, 19, str(root))
    choose_split(root, split, SPLITS)
    frames = [_files(root, line) for line in read_lines(_list_of(root, split))]
    chosen = by_condition(root, frames, conditions)
    ids = dict.fromkeys(IDS, label_space.ignore_id) | TRAIN_IDS | MORE_IDS
    table = LabelTable(label_space, ids)
    encoding = options.encodings.get(LIDAR, standard_encoding(LIDAR))
    layout = Layout(
        chosen,
        lambda files: table.read(files.labels[-1]),
        {
            RGB: lambda files: read_rgb(files.planes[RGB][0]),
            LIDAR: lambda files: _lidar(files, encoding),
        },
        {LIDAR: encoding},
    )
    return FileFrames(root, split, modalities, label_space, layout, options)


def _list_of(root: Path, split: str) -> Path:
    official = sorted((root / _TRUTH).glob(f'*/*_{split}_frames.txt'))
    return official[0] if official else root / f'{split}.txt'


def _files(root: Path, line: str) -> FrameFiles:
    words = line.split()
    image = root / words[0]
    if len(words) != 2 or len(Path(words[0]).parts) < 4 or Path(words[0]).parts[0] != _IMAGES:
        raise DatasetError(
            f'{root}: expected lines such as {_IMAGES}/DRIVE/image_00/data_rect/NUMBER.png '
            f'{_TRUTH}/train/DRIVE/image_00/semantic/NUMBER.png, but got {line!r}.'
        )
    drive = Path(words[0]).parts[1]
    scan = root / _SCANS / drive / 'velodyne_points' / 'data' / f'{image.stem}.bin'
    calibration = root / 'calibration'
    camera_files = (calibration / 'perspective.txt', calibration / 'calib_cam_to_velo.txt')
    return FrameFiles(
        f'{drive}/{image.stem}',
        (root / words[1],),
        {RGB: (image,), LIDAR: (scan, image, *camera_files)},
    )


def _lidar(files: FrameFiles, encoding: str) -> NDArray[np.uint8]:
    scan, image, perspective, _ = files.planes[LIDAR]
    rig = _rig(perspective.parent)
    camera = camera_of(rig, png_size(image), perspective)
    return lidar_image(read_scan(scan), rig, camera, encoding, scan)


@lru_cache(maxsize=4)
def _rig(folder: Path) -> Rig:
    try:
        return load_rig(folder)
    except MmsegError as error:
        raise DatasetError(str(error)) from error


def _fits(root: Path) -> bool:
    return (root / _IMAGES).is_dir() and (root / _TRUTH).is_dir()


READER = Reader('kitti360', _fits, open_kitti360, 'cityscapes', (RGB, LIDAR), SPLITS)
