"""Folders of KITTI: the object benchmark, and sequences of the raw data."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import cv2
import numpy as np

from mmseg_ros.bag.image_folders import IMAGE_SUFFIXES
from mmseg_ros.bag.recorded_files import FolderRecording, RecordedFile
from mmseg_ros.bag.stamp_files import stamps_of
from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.types import LIDAR, RGB
from mmseg_ros.projection.extrinsics import Rig, load_rig

_RATE_HZ = 10.0


def kitti_folders(folder: Path, frames: Collection[str] = ()) -> FolderRecording:
    """Return the left color camera and the LiDAR of a folder of KITTI.

    Args:
        folder: Of the object benchmark (image_2, velodyne, calib), or a raw sequence
            (image_02, velodyne_points; the calibration lies there or one level up).
        frames: Names of frames of the object benchmark, such as 000001; all by default.

    Raises:
        DatasetError: The folder is neither, or frames have different calibrations.
        CalibrationError: A calibration cannot be read.
    """
    if (folder / 'image_02').is_dir():
        return _raw_drive(folder)
    if (folder / 'image_2').is_dir() and (folder / 'calib').is_dir():
        return _object_frames(folder, frames)
    raise DatasetError(
        f'{folder} is no folder of KITTI; expected are image_2, velodyne and calib (object), or '
        'image_02 and velodyne_points (raw sequence).'
    )


def _raw_drive(folder: Path) -> FolderRecording:
    files: list[RecordedFile] = []
    for name, modality in (('image_02', RGB), ('velodyne_points', LIDAR)):
        data = folder / name / 'data'
        found = sorted(data.iterdir()) if data.is_dir() else []
        stamps = stamps_of(found, (folder / name,), _RATE_HZ)
        files += [RecordedFile(modality, stamp, path) for path, stamp in stamps.items()]
    calibrated = [f for f in (folder, folder.parent) if (f / 'calib_cam_to_cam.txt').is_file()]
    if not calibrated:
        raise DatasetError(
            f'{folder}: neither it nor the folder above holds calib_cam_to_cam.txt and '
            'calib_velo_to_cam.txt; put the calibration of the day there.'
        )
    return FolderRecording(tuple(files), load_rig(calibrated[0]))


def _object_frames(folder: Path, frames: Collection[str]) -> FolderRecording:
    images = sorted(p for p in (folder / 'image_2').iterdir() if p.suffix in IMAGE_SUFFIXES)
    images = [path for path in images if not frames or path.stem in frames]
    if not images:
        raise DatasetError(f'{folder}/image_2 holds no frame {", ".join(frames) or "at all"}.')
    rig = _rig_of(folder, images[0])
    for path in images[1:]:
        if not _is_same(rig, _rig_of(folder, path)):
            raise DatasetError(
                f'{folder}: frame {path.stem} has another camera than {images[0].stem}, and a bag '
                f'has one calibration; import it alone with --frames {path.stem}.'
            )
    stamps = stamps_of(images, (folder,), _RATE_HZ)
    files = [RecordedFile(RGB, stamp, path) for path, stamp in stamps.items()]
    for path, stamp in stamps.items():
        cloud = folder / 'velodyne' / f'{path.stem}.bin'
        if cloud.is_file():
            files.append(RecordedFile(LIDAR, stamp, cloud))
    return FolderRecording(tuple(files), rig)


def _rig_of(folder: Path, image: Path) -> Rig:
    pixels = cv2.imread(str(image))
    if pixels is None:
        raise DatasetError(f'{image} is no image that can be read.')
    return load_rig(folder / 'calib' / f'{image.stem}.txt', (pixels.shape[0], pixels.shape[1]))


def _is_same(one: Rig, other: Rig) -> bool:
    same_pose = np.allclose(one.T(RGB, LIDAR), other.T(RGB, LIDAR), atol=1e-4)
    return bool(one.camera(RGB) == other.camera(RGB) and same_pose)
