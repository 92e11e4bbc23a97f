"""MUSES' raw LiDAR, radar and events in the camera image, with motion from GNSS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError, MmsegError
from mmseg_ros.core.types import EVENT, LIDAR, RGB, CloudData, Modality, Plane
from mmseg_ros.datasets.file_frames import FrameFiles, PlaneReader
from mmseg_ros.datasets.gnss import gnss_odometry, read_gnss
from mmseg_ros.datasets.hdf5 import read_events
from mmseg_ros.datasets.point_images import camera_of, lidar_image, png_size
from mmseg_ros.encoding import EncodingContext, encode, event_channels
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.cloud_columns import as_points
from mmseg_ros.projection.events import event_plane
from mmseg_ros.projection.extrinsics import Rig, load_rig
from mmseg_ros.projection.lidar import project_cloud
from mmseg_ros.projection.motion import deskewed
from mmseg_ros.projection.transforms import rigid

RADAR: Modality = 'radar'
EVENT_WINDOW_US = 30_000
NEAREST_M, RADAR_FARTHEST_M = 1.0, 150.0
_LIDAR_COLUMNS, _TIME = 6, 5
_AZIMUTHS, _FIRST_BIN, _BIN_M, _GROUND_M = 400, 11, 0.0438, -1.62
_IN_VIEW = slice(145, 255)
"""Azimuths of the radar that the camera sees."""


class MusesSensors:
    """Reads raw sensor files into the camera image.

    Args:
        calibration: `calib.json`.
        entries: What meta.json says about each frame, by the name of its camera image.

    Raises:
        DatasetError: The calibration is missing or incomplete.
    """

    def __init__(self, calibration: Path, entries: Mapping[str, Any]) -> None:
        self._path = calibration
        self._root = calibration.parent
        self._entries = entries
        try:
            self._rig = load_rig(calibration)
            data = json.loads(calibration.read_text(encoding='utf-8'))['extrinsics']
            names = ('radar2rgb', 'lidar2gnss', 'radar2gnss')
            self._poses = {name: rigid(data[name], name) for name in names if name in data}
        except (OSError, ValueError, KeyError, MmsegError) as error:
            raise DatasetError(f'{calibration}: no calibration of MUSES ({error}).') from error

    def reader(self, modality: Modality, encoding: str) -> PlaneReader:
        """Return the function that reads a sensor's H x W x 3 uint8 image of a frame."""
        read = {LIDAR: self._lidar, RADAR: self._radar, EVENT: self._events}[modality]
        return lambda files: read(files, encoding)

    def _camera(self, files: FrameFiles, modality: Modality) -> CameraModel:
        return _camera(self._rig, png_size(files.planes[modality][1]), self._path)

    def _lidar(self, files: FrameFiles, encoding: str) -> NDArray[np.uint8]:
        path, image = files.planes[LIDAR]
        table = _lidar_table(path)
        cloud = CloudData(as_points(table[:, :4]), 1, len(table), intensity_max=255.0)
        xyz = self._moved(table[:, :3], table[:, _TIME], image, 'lidar2gnss')
        camera = self._camera(files, LIDAR)
        return lidar_image(cloud, self._rig, camera, encoding, path, xyz)

    def _radar(self, files: FrameFiles, encoding: str) -> NDArray[np.uint8]:
        path, image = files.planes[RADAR]
        xyz, strength, seconds = radar_points(path)
        xyz = self._moved(xyz, seconds, image, 'radar2gnss')
        if 'radar2rgb' not in self._poses:
            raise DatasetError(f'{self._path} has no extrinsics.radar2rgb.')
        camera = self._camera(files, RADAR)
        projection = project_cloud(xyz, self._poses['radar2rgb'], camera)
        # Several ranges share a pixel near the horizon: the strongest echo counts.
        weakest_first = np.argsort(strength[projection.index], kind='stable')
        u, v = projection.u[weakest_first], projection.v[weakest_first]
        index = projection.index[weakest_first]
        values = np.zeros((camera.height, camera.width, 3), np.float32)
        valid = np.zeros(values.shape[:2], np.bool_)
        values[v, u, 0] = np.linalg.norm(xyz[index], axis=1)
        values[v, u, 1] = strength[index] / np.float32(255.0)
        valid[v, u] = True
        return _encoded(encoding, Plane(values, valid), path)

    def _events(self, files: FrameFiles, encoding: str) -> NDArray[np.uint8]:
        path = files.planes[EVENT][0]
        sensor = self._rig.camera(EVENT)
        events = read_events(path, sensor.width, sensor.height, None, EVENT_WINDOW_US)
        last_ns = int(events.stamp_ns.max()) + 1 if len(events.stamp_ns) else 1
        window_ns = (last_ns - EVENT_WINDOW_US * 1000, last_ns)
        camera = self._camera(files, EVENT)
        channels = event_channels(encoding)
        T_camera_event = self._rig.T(RGB, EVENT)
        plane = event_plane(events, T_camera_event, sensor, camera, window_ns, channels=channels)
        return _encoded(encoding, plane, path)

    def _moved(
        self, xyz: NDArray[Any], seconds: NDArray[np.float64], image: Path, pose: str
    ) -> NDArray[np.float32]:
        """Return the points where they were in the middle of the exposure."""
        entry = self._entries.get(image.name)
        points = np.asarray(xyz, np.float32)
        if entry is None or 'path_to_gnss' not in entry or pose not in self._poses:
            return points
        try:
            start, end = (
                int(entry[f'frame_camera_exposure_{side}_timestamp_us'])
                for side in ('start', 'end')
            )
        except (KeyError, ValueError, TypeError) as error:
            raise DatasetError(f'{self._root}/meta.json: {image.name}: {error!r}') from error
        target_ns = (start + end) * 500
        odometry = gnss_odometry(read_gnss(self._root / entry['path_to_gnss']), target_ns)
        after_ns = np.rint((seconds - target_ns * 1e-9) * 1e9).astype(np.int64)
        try:
            return deskewed(points, target_ns + after_ns, target_ns, odometry, self._poses[pose])
        except MmsegError as error:
            raise DatasetError(
                f'{image}: the points lie too far in time from the exposure: {error}'
            ) from error


def radar_points(
    path: Path,
) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.float64]]:
    """Return N x 3 float32 (m, radar frame), N uint8 strengths and N float64 times (s).

    A file has 400 columns of azimuth. Rows 0-3 and 4-7 hold seconds and nanoseconds, row 10
    whether the azimuth is valid, the rest strengths at steps of 4.38 cm. All echoes are put on
    the ground, 1.62 m below the radar. Kept are those above 0 in the camera's view, within
    1..150 m.

    Raises:
        DatasetError: The file is no such image.
    """
    pixels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        raise DatasetError(f'{path} is no readable image; copy the file again.')
    if pixels.shape[1] != _AZIMUTHS or pixels.shape[0] <= _FIRST_BIN:
        raise DatasetError(
            f'{path}: a radar image has {_AZIMUTHS} columns and more than {_FIRST_BIN} rows, not '
            f'{pixels.shape[1]} and {pixels.shape[0]}.'
        )
    near, far = (round(limit / _BIN_M) for limit in (NEAREST_M, RADAR_FARTHEST_M))
    head = np.ascontiguousarray(pixels[:8, _IN_VIEW].T)
    times = head[:, :4].copy().view('<u4')[:, 0] + head[:, 4:].copy().view('<u4')[:, 0] * 1e-9
    echoes = pixels[_FIRST_BIN + near : _FIRST_BIN + far, _IN_VIEW].T
    valid = (echoes > 0) & (pixels[10, _IN_VIEW] > 0)[:, None]
    column, step = np.nonzero(valid)
    angles = np.radians(180.0 - 360.0 / _AZIMUTHS - np.arange(_AZIMUTHS)[_IN_VIEW] * 0.9)
    distance = ((step + near + 1) * _BIN_M).astype(np.float32)
    xyz = np.empty((len(step), 3), np.float32)
    xyz[:, 0] = distance * np.cos(angles).astype(np.float32)[column]
    xyz[:, 1] = distance * np.sin(angles).astype(np.float32)[column]
    xyz[:, 2] = _GROUND_M
    return xyz, np.asarray(echoes[valid], np.uint8), times[column]


def _lidar_table(path: Path) -> NDArray[np.float64]:
    """Return N x 6 float64: x, y, z, intensity, ring, time (s); without NaN and near points."""
    try:
        values = np.fromfile(path, '<f8')
    except OSError as error:
        raise DatasetError(f'{path} cannot be read ({error}).') from error
    if len(values) % _LIDAR_COLUMNS:
        raise DatasetError(
            f'{path}: {len(values)} float64 values are no scan of {_LIDAR_COLUMNS} columns; copy '
            'the file again.'
        )
    table = values.reshape(-1, _LIDAR_COLUMNS)
    squared = np.einsum('ij,ij->i', table[:, :3], table[:, :3])
    kept = np.isfinite(table[:, _TIME]) & (squared >= NEAREST_M**2) & np.isfinite(squared)
    return np.asarray(table[kept])


def _encoded(encoding: str, plane: Plane, path: Path) -> NDArray[np.uint8]:
    try:
        return np.asarray(encode(encoding, plane, EncodingContext()), np.uint8)
    except MmsegError as error:
        raise DatasetError(f'{path}: {error}') from error


@lru_cache(maxsize=4)
def _camera(rig: Rig, size: tuple[int, int], where: Path) -> CameraModel:
    """Return one and the same camera for all frames of a size: tables of pixels hang on it."""
    return camera_of(rig, size, where)
