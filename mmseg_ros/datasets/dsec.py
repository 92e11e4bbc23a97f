"""Reader of DSEC-Semantic: events with labels of 11 or 19 classes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.modalities import standard_encoding
from mmseg_ros.core.types import EVENT, Modality, Plane
from mmseg_ros.datasets.file_frames import (
    FileFrames,
    FrameFiles,
    Layout,
    by_condition,
    choose_split,
)
from mmseg_ros.datasets.hdf5 import open_hdf5, read_events
from mmseg_ros.datasets.image_files import read_lines
from mmseg_ros.datasets.label_table import LabelTable
from mmseg_ros.datasets.legacy import Legacy
from mmseg_ros.datasets.options import DEFAULT_OPTIONS, ReadOptions
from mmseg_ros.datasets.reader import Reader
from mmseg_ros.encoding import EncodingContext, encode, event_channels
from mmseg_ros.projection.events import plane_at_pixels

HEIGHT, WIDTH, LABELED_ROWS = 480, 640, 440
"""The lowest 40 rows show the hood and are not labeled."""
WINDOW_US = 50_000
SEQUENCES = {
    'train': tuple(f'zurich_city_0{i}_a' for i in (0, 1, 2, 4, 5, 6, 7, 8)),
    'test': ('zurich_city_13_a', 'zurich_city_14_c', 'zurich_city_15_a'),
}
_CLASSES = (11, 19)


def open_dsec(
    root: Path,
    split: str,
    modalities: Sequence[Modality],
    label_space: LabelSpace,
    conditions: Sequence[str] = (),
    options: ReadOptions = DEFAULT_OPTIONS,
) -> FileFrames:
    """Open `ROOT[/SPLIT]/SEQUENCE/{events/left,semantic}`; sequences are the conditions.

    The number of classes of the label space, 11 or 19, chooses the folder of labels. Each label
    image is seen with the 50 ms of events before its time, undistorted by the rectification map
    and drawn where they fall; frames that begin before the first event are left out.

    Raises:
        DatasetError: The split is unknown, files are missing or do not fit together, or the label
            space has neither 11 nor 19 classes.
    """
    choose_split(root, split, tuple(SEQUENCES))
    if label_space.num_classes not in _CLASSES:
        raise DatasetError(
            f'{root} has labels of 11 or 19 classes; {label_space.id!r} has '
            f'{label_space.num_classes} (data.label_space: dsec11 or cityscapes).'
        )
    folders = [path for name in SEQUENCES[split] for path in _found(root, split, name)]
    frames = [item for folder in folders for item in _frames(folder, label_space.num_classes)]
    chosen = by_condition(root, frames, conditions)
    table = LabelTable.train_ids(label_space)
    encoding = options.encodings.get(EVENT, standard_encoding(EVENT))
    layout = Layout(
        chosen,
        lambda files: table.read(files.labels[-1])[:LABELED_ROWS],
        {EVENT: lambda files: _plane(files, encoding)},
        {EVENT: encoding},
    )
    return FileFrames(root, split, modalities, label_space, layout, options)


def _found(root: Path, split: str, sequence: str) -> list[Path]:
    places = (root / sequence, root / split / sequence)
    return [path for path in places if path.is_dir()][:1]


def _labels_folder(sequence: Path, classes: int) -> Path:
    name = f'{classes}classes'
    left = sequence / 'semantic' / 'left' / name
    return left if left.is_dir() else sequence / 'semantic' / name


def _frames(sequence: Path, classes: int) -> list[FrameFiles]:
    folder = _labels_folder(sequence, classes)
    labels = sorted((folder / 'data').glob('*.png'))
    times = next(
        (p for p in (sequence / 'semantic').rglob('*timestamps.txt') if p.is_file()),
        folder / 'timestamps.txt',
    )
    stamps = [int(line.split()[0]) for line in read_lines(times) if line.split()[0].isdigit()]
    if len(stamps) != len(labels):
        raise DatasetError(
            f'{times} has {len(stamps)} times for {len(labels)} label images in {folder}/data; '
            'copy the sequence again.'
        )
    events = sequence / 'events' / 'left'
    files = events / 'events.h5', events / 'rectify_map.h5'
    first_us = _first_event_us(files[0])
    return [
        FrameFiles(f'{sequence.name}/{stamp}', (path,), {EVENT: files})
        for path, stamp in zip(labels, stamps, strict=True)
        if first_us is None or stamp - WINDOW_US >= first_us
    ]


def _first_event_us(path: Path) -> int | None:
    """Return when the events begin; None if the file is missing, which is told later."""
    if not path.is_file():
        return None
    with open_hdf5(path) as file:
        offset = int(file['t_offset'][()]) if 't_offset' in file else 0
        return int(file['events/t'][0]) + offset if len(file['events/t']) else None


def _plane(files: FrameFiles, encoding: str) -> NDArray[np.uint8]:
    end_us = int(files.name.rsplit('/', 1)[1])
    path, rectification = files.planes[EVENT]
    events = read_events(path, WIDTH, HEIGHT, end_us, WINDOW_US)
    pixels = _rectify_map(rectification)
    window_ns = ((end_us - WINDOW_US) * 1000, end_us * 1000)
    channels = event_channels(encoding)
    values = plane_at_pixels(events, pixels, window_ns, HEIGHT, WIDTH, channels)
    plane = Plane(values[:LABELED_ROWS], np.ones((LABELED_ROWS, WIDTH), np.bool_))
    return np.asarray(encode(encoding, plane, EncodingContext()), np.uint8)


@lru_cache(maxsize=16)
def _rectify_map(path: Path) -> NDArray[np.int32]:
    """Return H x W x 2 int32, column and row of each raw pixel in the undistorted image."""
    with open_hdf5(path) as file:
        table = np.asarray(file['rectify_map'], np.float64)
    if table.shape != (HEIGHT, WIDTH, 2):
        raise DatasetError(
            f'{path}: the rectification map is {table.shape}, expected {(HEIGHT, WIDTH, 2)}.'
        )
    finite = np.asarray(np.isfinite(table).all(axis=-1))
    rounded = np.rint(np.where(finite[..., None], table, -1.0))
    return np.asarray(np.clip(rounded, -1, 1 << 20), np.int32)


def _fits(root: Path) -> bool:
    names = [name for group in SEQUENCES.values() for name in group]
    places = [root, *(root / split for split in SEQUENCES)]
    return any((place / name / 'events').is_dir() for place in places for name in names)


READER = Reader(
    'dsec',
    _fits,
    open_dsec,
    '',
    (EVENT,),
    tuple(SEQUENCES),
    {},
    Legacy(
        'There is no validation split: models were chosen on the test split. Every second label '
        'is left out there, events are 100 channels of 20 windows instead of one image, and '
        'classes that do not occur count as IoU 0; here only the last is repeated.',
        absent_counts_zero=True,
        splits={'val': 'test'},
    ),
)
