"""Which calibration format a file holds: its content tells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.core.types import Modality
from mmseg_ros.projection import calibration_files as files
from mmseg_ros.projection.intrinsics_files import camera_info_mounts, ost_mounts, ost_text_mounts
from mmseg_ros.projection.mounts import Mount
from mmseg_ros.projection.nuscenes_calibration import is_records, record_mounts, table_mounts

KNOWN = (
    'mmseg_ros YAML (sensors), CameraInfo as YAML, camera_calibration ost.yaml, Kalibr camchain, '
    'koide3 calib.json, KITTI calib (object, tracking, odometry, raw), MUSES calib.json, '
    'nuScenes calibrated_sensor records'
)


def mounts_of(data: Any, path: Path) -> dict[Modality, Mount]:
    """Return the sensors of a YAML or JSON file of another tool.

    Args:
        data: Its content.
        path: Where it lies; tables beside it may be needed.

    Raises:
        CalibrationError: The format is not known, or a value is impossible.
    """
    if isinstance(data, list) and path.name == 'calibrated_sensor.json':
        return table_mounts(path.parent)
    if is_records(data):
        return record_mounts(data)
    if isinstance(data, Mapping):
        if 'results' in data and 'camera' in data:
            return files.koide3_mounts(data)
        if any(re.fullmatch(r'cam\d+', str(key)) for key in data):
            return files.kalibr_mounts(data)
        if 'intrinsics' in data and 'extrinsics' in data:
            return files.muses_mounts(data)
        if 'camera_matrix' in data:
            return ost_mounts(data)
        if {'k', 'K'} & set(data) and 'width' in data:
            return camera_info_mounts(data)
        raise _unknown(', '.join(map(str, data)) or 'no keys')
    raise _unknown(f'a {type(data).__name__}')


def text_mounts(text: str, path: Path) -> dict[Modality, Mount]:
    """Return the sensors of a .txt file: KITTI's, or the ost.txt of camera_calibration.

    Raises:
        CalibrationError: It is neither.
    """
    if path.name in ('calib_cam_to_cam.txt', 'calib_velo_to_cam.txt'):
        return files.kitti_raw_mounts(path.parent)
    return ost_text_mounts(text) if '[image]' in text else files.kitti_text_mounts(text)


def folder_mounts(folder: Path) -> dict[Modality, Mount]:
    """Return the sensors of a folder: KITTI's raw or KITTI-360's calibration, nuScenes' tables.

    Raises:
        CalibrationError: It holds neither.
        OSError: A file of it is missing.
    """
    if (folder / 'calib_cam_to_cam.txt').is_file() or (folder / 'calib_velo_to_cam.txt').is_file():
        return files.kitti_raw_mounts(folder)
    if (folder / 'perspective.txt').is_file():
        return files.kitti360_mounts(folder)
    tables = [folder, *sorted(folder.glob('v1.0-*'))]
    found = next((item for item in tables if (item / 'calibrated_sensor.json').is_file()), None)
    if found is not None:
        return table_mounts(found)
    raise CalibrationError(
        'the folder holds no calibration; known folders: KITTI raw (calib_cam_to_cam.txt, '
        'calib_velo_to_cam.txt), KITTI-360 (perspective.txt, calib_cam_to_velo.txt) and nuScenes '
        '(calibrated_sensor.json, sensor.json).'
    )


def _unknown(content: str) -> CalibrationError:
    return CalibrationError(f'unknown calibration format with keys {content}; known: {KNOWN}.')
