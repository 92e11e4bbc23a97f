"""A folder of images, depth images, clouds and events, one sub-folder per sensor."""

from __future__ import annotations

from pathlib import Path

from mmseg_ros.bag.event_recordings import EVENT_SUFFIXES
from mmseg_ros.bag.recorded_files import FolderRecording, RecordedFile
from mmseg_ros.bag.stamp_files import known_stamps, stamps_of
from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.modalities import kind_of
from mmseg_ros.core.types import DEPTH, EVENT, LIDAR, RGB, Modality
from mmseg_ros.projection.cloud_files import CLOUD_SUFFIXES
from mmseg_ros.projection.extrinsics import Rig, load_rig
from mmseg_ros.projection.sensor_words import modality_of

IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff')
LABELS = 'labels'
_SUFFIXES = {DEPTH: (*IMAGE_SUFFIXES, '.npy'), LIDAR: CLOUD_SUFFIXES, EVENT: EVENT_SUFFIXES}
_CALIBRATIONS = ('calibration', 'calib', 'rig', 'camchain', 'ost')


def image_folders(
    folder: Path, calibration: Path | None = None, rate_hz: float = 10.0
) -> FolderRecording:
    """Return the samples of a folder.

    A sub-folder is the sensor of its name (rgb, depth, lidar, event, thermal ...), or the one that
    its name speaks of; images in the folder itself are rgb, `labels` holds ground truth. Stamps
    stand in stamps.txt beside the files or one level up, or are the names of the files.

    Args:
        folder: The folder.
        calibration: Calibration file; None takes calibration.yaml (or .json, .txt) of the folder.
        rate_hz: Of samples without stamps.

    Raises:
        DatasetError: There is no folder, or a list of stamps does not fit.
        CalibrationError: The calibration cannot be read.
    """
    if not folder.is_dir():
        raise DatasetError(f'{folder} is no folder.')
    files: list[RecordedFile] = []
    taken: dict[Modality, Path] = {}
    for sub in (folder, *sorted(item for item in folder.iterdir() if item.is_dir())):
        modality = RGB if sub == folder else _sensor(sub.name, taken)
        found = [] if modality is None or sub.name == LABELS else _files(sub, modality)
        if modality is None or not found:
            continue
        taken[modality] = sub
        stamps = _stamps(modality, found, sub, folder, rate_hz)
        files += [RecordedFile(modality, stamp, path) for path, stamp in stamps.items()]
    if not files:
        raise DatasetError(
            f'{folder} holds no files of sensors; expected are sub-folders such as rgb/*.png, '
            'depth/*.png, lidar/*.bin, event/*.raw, and stamps.txt.'
        )
    path = calibration or _calibration(folder)
    rig = Rig() if path is None else load_rig(path)
    return FolderRecording(tuple(files), rig, _labels(folder, files, rate_hz))


def _sensor(name: str, taken: dict[Modality, Path]) -> Modality | None:
    if name == LABELS:
        return None
    known = (RGB, DEPTH, EVENT, LIDAR)
    return name if name in known else modality_of(name, list(taken)) or name


def _stamps(
    modality: Modality, files: list[Path], sub: Path, folder: Path, rate_hz: float
) -> dict[Path, int]:
    """Return the stamps of a sensor's files.

    One recording of events spans all of them: its clock begins at the first stamp of the folder,
    unless it has a list itself.
    """
    if kind_of(modality) != EVENT or len(files) > 1 or known_stamps(files, (sub,)) is not None:
        return stamps_of(files, (sub, folder), rate_hz)
    for other, place in ((RGB, folder / RGB), (RGB, folder), (LIDAR, folder / LIDAR)):
        found = _files(place, other) if place.is_dir() else []
        if found:
            return {files[0]: min(stamps_of(found, (place, folder), rate_hz).values())}
    return stamps_of(files, (sub, folder), rate_hz)


def _files(folder: Path, modality: Modality) -> list[Path]:
    inner = folder / 'data'
    folder = inner if inner.is_dir() else folder
    suffixes = _SUFFIXES.get(kind_of(modality), IMAGE_SUFFIXES)
    found = (path for path in folder.iterdir() if path.suffix.lower() in suffixes)
    return sorted(path for path in found if path.is_file())


def _labels(
    folder: Path, files: list[RecordedFile], rate_hz: float
) -> tuple[tuple[int, Path], ...]:
    labels = _files(folder / LABELS, RGB) if (folder / LABELS).is_dir() else []
    images = {f.path.name.split('.')[0]: f.stamp_ns for f in files if f.modality == RGB}
    if labels and all(path.name.split('.')[0] in images for path in labels):
        return tuple((images[path.name.split('.')[0]], path) for path in labels)
    stamps = stamps_of(labels, (folder / LABELS, folder), rate_hz) if labels else {}
    return tuple((stamp, path) for path, stamp in stamps.items())


def _calibration(folder: Path) -> Path | None:
    for name in _CALIBRATIONS:
        for suffix in ('.yaml', '.yml', '.json', '.txt'):
            if (folder / f'{name}{suffix}').is_file():
                return folder / f'{name}{suffix}'
    return None
