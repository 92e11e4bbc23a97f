"""Reader of a plain folder of images that a YAML file describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.modalities import standard_encoding
from mmseg_ros.core.safe_yaml import load_yaml
from mmseg_ros.core.types import Modality
from mmseg_ros.datasets.file_frames import (
    FileFrames,
    FrameFiles,
    Layout,
    PlaneReader,
    by_condition,
    choose_split,
)
from mmseg_ros.datasets.image_files import read_grey, read_lines, read_rgb
from mmseg_ros.datasets.label_table import LabelTable
from mmseg_ros.datasets.options import DEFAULT_OPTIONS, ReadOptions
from mmseg_ros.datasets.reader import Reader
from mmseg_ros.encoding.registry import ENCODINGS

FILE = 'mmseg_dataset.yaml'
_GREY = ('grey', 'dolp')
TRAIN_IDS, ONE_BASED = 'class_id', 'class_id_plus_one'


@dataclass(frozen=True, slots=True)
class Description:
    """Content of the YAML file.

    Attributes:
        labels: Template of a label image's path, with {split} and {name}.
        ids: `class_id`, `class_id_plus_one`, or number in the file -> class id (-1: ignored).
        modalities: Template, encoding and value range (or None) per modality.
        splits: Split -> list of names, relative to the folder; empty where files tell.
        label_space: Name or YAML file of the classes; empty if it is not told.
    """

    labels: str
    ids: str | Mapping[int, int]
    modalities: Mapping[Modality, tuple[str, str, tuple[float, float] | None]]
    splits: Mapping[str, str]
    label_space: str = ''


def open_folder(
    root: Path,
    split: str,
    modalities: Sequence[Modality],
    label_space: LabelSpace,
    conditions: Sequence[str] = (),
    options: ReadOptions = DEFAULT_OPTIONS,
) -> FileFrames:
    """Open a folder by its `mmseg_dataset.yaml`; see docs/training.md for an example.

    The folders in a frame's name are its conditions.

    Raises:
        DatasetError: The file is wrong, the split is unknown, or images are missing.
    """
    text = read_description(root)
    if text.splits:
        choose_split(root, split, list(text.splits))
        names = [Path(line).with_suffix('').as_posix() for line in _listed(root, text, split)]
    else:
        names = _found(root, text.labels, split)
    frames = by_condition(root, [_files(root, text, split, name) for name in names], conditions)
    table = _table(text.ids, label_space)
    encodings = {name: encoding for name, (_, encoding, _) in text.modalities.items()}
    readers = {
        name: _reader(name, encoding, limits)
        for name, (_, encoding, limits) in text.modalities.items()
    }
    layout = Layout(frames, lambda files: table.read(files.labels[-1]), readers, encodings)
    return FileFrames(root, split, modalities, label_space, layout, options)


def read_description(root: Path) -> Description:
    """Return the content of the YAML file.

    Raises:
        DatasetError: It is missing, a key is, or a value is none that it can be.
    """
    path = root / FILE
    data = load_yaml(path, DatasetError)
    try:
        labels, given = data['labels'], data['modalities']
        modalities = {str(name): _modality(str(name), entry) for name, entry in given.items()}
        ids = labels.get('ids', TRAIN_IDS)
        ids = ids if isinstance(ids, str) else {int(k): int(v) for k, v in ids.items()}
        splits = {str(k): _inside(str(v)) for k, v in (data.get('splits') or {}).items()}
        space = str(data.get('label_space', ''))
        text = Description(_template(labels['path']), ids, modalities, splits, space)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DatasetError(
            f'{path}: {error!r}; needed: labels.path and modalities.NAME.path, templates with '
            '{name} and perhaps {split}; optional: labels.ids, modalities.NAME.encoding and '
            'range, splits.'
        ) from error
    if isinstance(text.ids, str) and text.ids not in (TRAIN_IDS, ONE_BASED):
        raise DatasetError(
            f'{path}: expected labels.ids to be {TRAIN_IDS}, {ONE_BASED} or a map from numbers '
            f'to class ids, but got {text.ids!r}.'
        )
    return text


def _modality(name: str, entry: Any) -> tuple[str, str, tuple[float, float] | None]:
    if isinstance(entry, str):
        entry = {'path': entry}
    encoding = str(entry.get('encoding', standard_encoding(name)))
    if encoding not in ENCODINGS:
        raise ValueError(f'{name}: encoding {encoding!r} is none of {", ".join(ENCODINGS)}')
    limits = entry.get('range')
    if limits is not None:
        low, high = (float(value) for value in limits)
        if not low < high:
            raise ValueError(f'{name}: range {limits}')
        return _template(entry['path']), encoding, (low, high)
    return _template(entry['path']), encoding, None


def _inside(template: str) -> str:
    """Return a path below the folder of the data set.

    Raises:
        ValueError: It leads out of it.
    """
    path = PurePosixPath(template)
    if path.is_absolute() or '..' in path.parts:
        raise ValueError(f'the path {template!r} leads out of the folder')
    return template


def _template(value: Any) -> str:
    if '{name}' not in str(value):
        raise ValueError(f'the path {value!r} has no {{name}}')
    return _inside(str(value))


def _listed(root: Path, text: Description, split: str) -> list[str]:
    names = read_lines(root / text.splits[split])
    try:
        return [_inside(name) for name in names]
    except ValueError as error:
        raise DatasetError(f'{root / text.splits[split]}: {error}.') from error


def _found(root: Path, template: str, split: str) -> list[str]:
    """Return the names of all label images of a split, sorted."""
    before, _, after = template.replace('{split}', split).partition('{name}')
    start = root / before
    folder, prefix = (start, '') if before.endswith('/') or not before else (
        start.parent, start.name
    )  # fmt: skip
    if not folder.is_dir():
        raise DatasetError(f'{root}: there is no folder {folder} for the split {split!r}.')
    paths = (path.relative_to(folder).as_posix() for path in folder.rglob(f'*{after}'))
    return sorted(
        path[len(prefix) : len(path) - len(after)] for path in paths if path.startswith(prefix)
    )


def _files(root: Path, text: Description, split: str, name: str) -> FrameFiles:
    def path(template: str) -> Path:
        return root / template.replace('{split}', split).replace('{name}', name)

    planes = {m: (path(template),) for m, (template, _, _) in text.modalities.items()}
    return FrameFiles(name, (path(text.labels),), planes)


def _table(ids: str | Mapping[int, int], space: LabelSpace) -> LabelTable:
    if ids == ONE_BASED:
        return LabelTable.one_based(space)
    if isinstance(ids, str):
        return LabelTable.train_ids(space)
    ignore = space.ignore_id
    known = {k: v if 0 <= v < space.num_classes else ignore for k, v in ids.items()}
    return LabelTable(space, {255: ignore, **known})


def _reader(modality: Modality, encoding: str, limits: tuple[float, float] | None) -> PlaneReader:
    def grey(files: FrameFiles) -> NDArray[np.uint8]:
        return read_grey(files.planes[modality][0], limits)

    def color(files: FrameFiles) -> NDArray[np.uint8]:
        return read_rgb(files.planes[modality][0])

    return grey if encoding in _GREY else color


def _fits(root: Path) -> bool:
    return (root / FILE).is_file()


def _look(root: Path) -> tuple[str, tuple[Modality, ...]]:
    text = read_description(root)
    return text.label_space, tuple(text.modalities)


READER = Reader('folder', _fits, open_folder, is_described=True, look=_look)
