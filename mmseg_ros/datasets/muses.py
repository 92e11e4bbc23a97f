"""Reader of MUSES: camera, event camera, LiDAR and radar, 19 classes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.modalities import standard_encoding
from mmseg_ros.core.types import EVENT, LIDAR, RGB, Modality
from mmseg_ros.datasets.file_frames import (
    FileFrames,
    FrameFiles,
    Layout,
    PlaneReader,
    by_condition,
    choose_split,
)
from mmseg_ros.datasets.image_files import read_rgb
from mmseg_ros.datasets.label_table import LabelTable, require_classes
from mmseg_ros.datasets.legacy import Legacy
from mmseg_ros.datasets.muses_projected import projected_file, projected_image
from mmseg_ros.datasets.muses_sensors import RADAR, MusesSensors
from mmseg_ros.datasets.options import DEFAULT_OPTIONS, ReadOptions
from mmseg_ros.datasets.reader import Reader

CAMERA, TRUTH, META, CALIBRATION = 'frame_camera', 'gt_semantic', 'meta.json', 'calib.json'
_RAW = {LIDAR: ('lidar', '.bin'), RADAR: ('radar', '.png'), EVENT: ('event_camera', '.h5')}
ENCODINGS = {RADAR: 'range_intensity_height'}


def open_muses(
    root: Path,
    split: str,
    modalities: Sequence[Modality],
    label_space: LabelSpace,
    conditions: Sequence[str] = (),
    options: ReadOptions = DEFAULT_OPTIONS,
) -> FileFrames:
    """Open `ROOT/{frame_camera,gt_semantic,lidar,radar,event_camera,gnss}/SPLIT/WEATHER/TIME/`.

    Raw LiDAR, radar and events are projected by the project's own geometry, points moved to the
    middle of the exposure by the speed and turn rates of the GNSS receiver. A sensor whose raw
    folder is not there is read from `ROOT/projected_to_rgb`, as the official script writes it
    (.npz, .npy or .png). Weather and time of day (fog, night) are the conditions.

    Raises:
        DatasetError: The split is unknown, files are missing, or the classes are not 19.
    """
    require_classes(label_space, 19, str(root))
    splits = sorted(path.name for path in (root / CAMERA).glob('*') if path.is_dir())
    choose_split(root, split, splits)
    images = sorted((root / CAMERA / split).glob(f'*/*/*_{CAMERA}.png'))
    sensors = [name for name in _RAW if name in modalities]
    frames = [_files(root, path, sensors) for path in images]
    chosen = by_condition(root, frames, conditions)
    table = LabelTable.train_ids(label_space)
    encodings = _encodings(options)
    readers: dict[Modality, PlaneReader] = {RGB: lambda files: read_rgb(files.planes[RGB][0])}
    raw = [name for name in sensors if (root / _RAW[name][0]).is_dir()]
    if raw:
        found = MusesSensors(root / CALIBRATION, _entries(root))
        readers |= {name: found.reader(name, encodings[name]) for name in raw}
    readers |= {name: _projected(name, encodings[name]) for name in sensors if name not in raw}
    layout = Layout(chosen, lambda files: table.read(files.labels[-1]), readers, encodings)
    return FileFrames(root, split, modalities, label_space, layout, options)


def _encodings(options: ReadOptions) -> dict[Modality, str]:
    standard = {name: ENCODINGS.get(name, standard_encoding(name)) for name in _RAW}
    return {name: options.encodings.get(name, standard[name]) for name in _RAW}


def _files(root: Path, image: Path, sensors: Sequence[Modality]) -> FrameFiles:
    place = image.parent.relative_to(root / CAMERA)
    stem = image.stem.removesuffix(f'_{CAMERA}')
    planes: dict[Modality, tuple[Path, ...]] = {RGB: (image,)}
    for name in sensors:
        folder, suffix = _RAW[name]
        file = Path(folder) / place / f'{stem}_{folder}{suffix}'
        raw = (root / folder).is_dir()
        # The camera image stands there for its size.
        planes[name] = (root / file if raw else projected_file(root, file), image)
    labels = root / TRUTH / place / f'{stem}_gt_labelTrainIds.png'
    return FrameFiles(f'{"/".join(place.parts[1:])}/{stem}', (labels,), planes)


def _projected(modality: Modality, encoding: str) -> PlaneReader:
    return lambda files: projected_image(files.planes[modality][0], modality, encoding)


def _entries(root: Path) -> Mapping[str, Any]:
    """Return what meta.json says about each frame, by the name of its camera image."""
    path = root / META
    try:
        data = json.loads(path.read_text(encoding='utf-8'))
        entries = data.values() if isinstance(data, dict) else data
        return {Path(entry['path_to_frame_camera']).name: entry for entry in entries}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f'{path} cannot be read ({error!r}); it comes with the data set and says when each '
            'image was exposed.'
        ) from error


def _fits(root: Path) -> bool:
    return (root / CAMERA).is_dir() and (root / TRUTH).is_dir()


READER = Reader(
    'muses',
    _fits,
    open_muses,
    'muses',
    (RGB, EVENT, LIDAR, RADAR),
    ('train', 'val', 'test'),
    ENCODINGS,
    Legacy(
        'As in the tables of MAGIC, Any2Seg and AnySeg on the split val: every image is squashed '
        'to a square of 1024 x 1024 and ignored pixels count as road, in training and in scoring. '
        'Such scores are about 25 points lower than those of the official protocol and must not '
        'be compared with them.',
        size=(1024, 1024),
        ignored_as=0,
    ),
)
