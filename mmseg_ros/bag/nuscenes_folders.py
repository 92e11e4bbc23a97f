"""A scene of a folder of nuScenes: front camera, top LiDAR and the poses of the vehicle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.bag.recorded_files import FolderRecording, RecordedFile
from mmseg_ros.core.errors import CalibrationError, DatasetError
from mmseg_ros.core.safe_yaml import MOST_TABLE_BYTES, load_json
from mmseg_ros.core.types import LIDAR, RGB
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.projection.nuscenes_calibration import record_mounts
from mmseg_ros.projection.transforms import invert, pose

_NS_PER_US = 1000


def nuscenes_folders(folder: Path, scene: str = '', camera: str = 'CAM_FRONT') -> FolderRecording:
    """Return one scene; its sweeps too, as far as the files are there.

    Args:
        folder: Holds v1.0-*/ with the tables, samples/ and sweeps/.
        scene: Name of the scene; '' takes the first one.
        camera: Channel of the camera.

    Raises:
        DatasetError: A table is missing or does not fit, or no file of the scene is there.
    """
    try:
        tables = _Tables(folder)
        sensors = {camera: RGB, 'LIDAR_TOP': LIDAR}
        rows = [row for row in tables.rows_of(scene) if tables.channel(row) in sensors]
        files = [
            RecordedFile(sensors[tables.channel(row)], row['timestamp'] * _NS_PER_US, path)
            for row in rows
            if (path := folder / row['filename']).is_file()
        ]
        if not files:
            raise DatasetError(
                f'{folder}: no file of {camera} or LIDAR_TOP of the scene is there.'
            )
        records = {tables.channel(row): tables.calibration(row) for row in rows}
        return FolderRecording(tuple(files), Rig(record_mounts(records)), (), tables.poses(rows))
    except (KeyError, TypeError, ValueError, OSError, CalibrationError) as error:
        raise DatasetError(f'{folder}: the tables of nuScenes do not fit ({error!r}).') from error


class _Tables:
    """The tables of one version, by token."""

    def __init__(self, folder: Path) -> None:
        found = sorted(f for f in folder.glob('v1.0-*') if (f / 'sample_data.json').is_file())
        if not found:
            raise DatasetError(f'{folder} holds no v1.0-*/sample_data.json.')
        names = ('scene', 'sample', 'sensor', 'calibrated_sensor', 'ego_pose')
        self._by_token = {name: _by_token(found[0] / f'{name}.json') for name in names}
        self._data = _read(found[0] / 'sample_data.json')

    def rows_of(self, scene: str) -> list[dict[str, Any]]:
        """Return the sample_data of one scene, in the order of time."""
        scenes = list(self._by_token['scene'].values())
        chosen = next((item for item in scenes if not scene or item['name'] == scene), None)
        if chosen is None:
            known = ', '.join(item['name'] for item in scenes)
            raise DatasetError(f'There is no scene {scene!r}; there are {known or "none"}.')
        samples = self._by_token['sample']
        wanted = {key for key, item in samples.items() if item['scene_token'] == chosen['token']}
        rows = [row for row in self._data if row['sample_token'] in wanted]
        return sorted(rows, key=lambda row: int(row['timestamp']))

    def calibration(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return self._by_token['calibrated_sensor'][row['calibrated_sensor_token']]

    def channel(self, row: Mapping[str, Any]) -> str:
        sensor = self._by_token['sensor'][self.calibration(row)['sensor_token']]
        return str(sensor['channel'])

    def poses(self, rows: list[dict[str, Any]]) -> tuple[tuple[int, NDArray[np.float64]], ...]:
        """Return (stamp, pose of the vehicle), counted from the first one."""
        found: dict[int, NDArray[np.float64]] = {}
        for row in rows:
            item = self._by_token['ego_pose'][row['ego_pose_token']]
            w, x, y, z = item['rotation']
            found[int(row['timestamp']) * _NS_PER_US] = pose(item['translation'], (x, y, z, w))
        if not found:
            return ()
        T_start_world = invert(found[min(found)])
        return tuple((stamp, T_start_world @ found[stamp]) for stamp in sorted(found))


def _read(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = load_json(path, DatasetError, MOST_TABLE_BYTES)
    return rows


def _by_token(path: Path) -> dict[str, dict[str, Any]]:
    return {row['token']: row for row in _read(path)}
