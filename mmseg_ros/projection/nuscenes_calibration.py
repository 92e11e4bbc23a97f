"""Calibration of nuScenes and of data sets written like it: records with quaternions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.core.safe_yaml import load_json
from mmseg_ros.core.types import LIDAR, RGB, Modality
from mmseg_ros.projection.mounts import Mount, with_unsized
from mmseg_ros.projection.transforms import pose, rigid

_TRANSLATION = ('translation', 'sensor2ego_translation')
_ROTATION = ('rotation', 'sensor2ego_rotation')
_INTRINSIC = ('camera_intrinsic', 'cam_intrinsic', 'camera_intrinsics')
_NAME = ('channel', 'sensor', 'name', 'type')


def is_records(data: Any) -> bool:
    """Return whether a file holds records: a list of them, or a mapping by name of the sensor."""
    items = list(data.values()) if isinstance(data, Mapping) else data
    return isinstance(items, list) and bool(items) and all(map(_is_record, items))


def record_mounts(data: Any) -> dict[Modality, Mount]:
    """Return the sensors of records by name of the channel.

    CAM_FRONT (else the first camera) is rgb, LIDAR_TOP (else the first LiDAR) is lidar; the other
    cameras keep their name in small letters. The base is the frame of the vehicle. The records do
    not hold the size of the images.

    Args:
        data: A list of records that name their channel, or a mapping from channel to record.

    Raises:
        CalibrationError: A record does not name its sensor, or a value is impossible.
    """
    records = data if isinstance(data, Mapping) else {_name(item): item for item in data}
    cameras = [name for name, item in records.items() if _field(item, _INTRINSIC)]
    lidars = [name for name in records if 'lidar' in str(name).lower()]
    names: dict[str, Modality] = {}
    for wanted, found, modality in (('CAM_FRONT', cameras, RGB), ('LIDAR_TOP', lidars, LIDAR)):
        if found:
            names[wanted if wanted in found else found[0]] = modality
    for name in (*cameras, *lidars):
        names.setdefault(name, str(name).lower())
    return {modality: _mount(name, records[name]) for name, modality in names.items()}


def table_mounts(folder: Path) -> dict[Modality, Mount]:
    """Return the sensors of nuScenes' tables; each channel has its first calibration.

    Args:
        folder: Holds sensor.json and calibrated_sensor.json.
    """
    sensors = load_json(folder / 'sensor.json', CalibrationError)
    channels = {item['token']: item['channel'] for item in sensors}
    records: dict[str, Any] = {}
    for item in load_json(folder / 'calibrated_sensor.json', CalibrationError):
        records.setdefault(channels[item['sensor_token']], item)
    return record_mounts(records)


def _is_record(item: Any) -> bool:
    return isinstance(item, Mapping) and all(
        _field(item, names) is not None for names in (_TRANSLATION, _ROTATION)
    )


def _field(item: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((item[name] for name in names if name in item), None)


def _name(item: Mapping[str, Any]) -> str:
    name = _field(item, _NAME)
    if name is None:
        raise CalibrationError(
            'A record of a sensor does not say which one; give its channel (as CAM_FRONT), or the '
            'folder with sensor.json and calibrated_sensor.json.'
        )
    return str(name)


def _mount(name: str, item: Mapping[str, Any]) -> Mount:
    w, x, y, z = _field(item, _ROTATION)
    T_base_sensor = rigid(pose(_field(item, _TRANSLATION), (x, y, z, w)), f'Pose of {name!r}')
    mount = Mount(name, T_base_sensor)
    K = _field(item, _INTRINSIC)
    if not K:
        return mount
    return with_unsized(mount, np.array(K, np.float64), frame_id=name)
