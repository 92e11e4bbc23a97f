"""How a data set is found and opened: by its name, or by what its folder looks like.

A reader is one file of this package that has a `READER`; nothing else has to be told about it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import mmseg_ros.datasets
from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import Modality
from mmseg_ros.datasets.frame import LabelledDataset
from mmseg_ros.datasets.legacy import Legacy, LegacyFrames
from mmseg_ros.datasets.options import DEFAULT_OPTIONS, LEGACY, ReadOptions
from mmseg_ros.datasets.skipping import SkippingFrames

AUTO = 'auto'
Open: TypeAlias = Callable[
    [Path, str, Sequence[Modality], LabelSpace, Sequence[str], ReadOptions], LabelledDataset
]


@dataclass(frozen=True, slots=True)
class Reader:
    """One layout of a data set.

    Attributes:
        format: Its name, as in `data.format`.
        fits: Whether a folder looks like one; a look at names, no file is opened.
        open: Opens (root, split, modalities, label space, conditions, options).
        label_space: Name of the classes that its labels are of; empty if the folder tells.
        modalities: All that it holds; empty if the folder tells.
        splits: Its parts; empty if the folder tells.
        encodings: How its modalities are encoded, where not in the standard way.
        legacy: How published tables on it were computed, where that deviates.
        is_described: Whether a file in the folder names the format, whatever else it looks like.
        look: Label space and modalities of a folder, where those depend on it.
    """

    format: str
    fits: Callable[[Path], bool]
    open: Open
    label_space: str = ''
    modalities: tuple[Modality, ...] = ()
    splits: tuple[str, ...] = ()
    encodings: Mapping[Modality, str] = field(default_factory=dict)
    legacy: Legacy | None = None
    is_described: bool = False
    look: Callable[[Path], tuple[str, tuple[Modality, ...]]] | None = None

    def held_by(self, root: Path) -> tuple[str, tuple[Modality, ...]]:
        """Return the label space and the modalities of a folder; empty where it does not tell."""
        label_space, modalities = self.look(root) if self.look else ('', ())
        return label_space or self.label_space, modalities or self.modalities


@cache
def readers() -> MappingProxyType[str, Reader]:
    """Return the readers of this package by format, in the order of their names."""
    package = mmseg_ros.datasets
    found = {}
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda item: item.name):
        reader = getattr(
            importlib.import_module(f'{package.__name__}.{module.name}'), 'READER', None
        )
        if isinstance(reader, Reader):
            found[reader.format] = reader
    return MappingProxyType(found)


def find_reader(root: str | Path, data_format: str = AUTO) -> Reader:
    """Return the reader of a folder.

    Args:
        root: Folder of the data set.
        data_format: Name of a format; `auto` looks at the folder.

    Raises:
        DatasetError: The folder is missing, the name is unknown, or no reader or more than one
            fits the folder.
    """
    known = readers()
    if data_format != AUTO:
        if data_format not in known:
            raise DatasetError(
                f'Unknown data format {data_format!r}; expected {AUTO} or one of '
                f'{", ".join(known)}.'
            )
        return known[data_format]
    folder = Path(root)
    if not folder.is_dir():
        raise DatasetError(f'There is no folder {folder}; check the path of the data set.')
    fitting = [reader for reader in known.values() if reader.fits(folder)]
    fitting = [reader for reader in fitting if reader.is_described] or fitting
    if len(fitting) != 1:
        there = ', '.join(sorted(path.name for path in folder.iterdir())[:8]) or 'nothing'
        what = ' and '.join(reader.format for reader in fitting) or 'no known data set'
        raise DatasetError(
            f'{folder} looks like {what} (it holds {there}); name its format, one of '
            f'{", ".join(known)}.'
        )
    return fitting[0]


def is_data_set(root: Path) -> bool:
    """Return whether a folder looks like a data set that is known."""
    return root.is_dir() and any(reader.fits(root) for reader in readers().values())


def open_dataset(
    root: str | Path,
    split: str,
    modalities: Sequence[Modality],
    label_space: LabelSpace,
    conditions: Sequence[str] = (),
    data_format: str = AUTO,
    options: ReadOptions = DEFAULT_OPTIONS,
) -> LabelledDataset:
    """Open one split of a labeled data set.

    Args:
        root: Folder of the data set.
        split: train, val or test, or what the format has.
        modalities: Planes of each frame, in this order.
        label_space: Classes of the labels.
        conditions: Parts of the data set to use, in formats that have any; empty takes all.
        data_format: Name of a format; `auto` looks at the folder.
        options: Protocol, what to do about bad files, encodings of raw sensor data.

    Raises:
        DatasetError: See `find_reader`; or the split is missing or damaged, or the format has no
            legacy protocol.
    """
    reader = find_reader(root, data_format)
    if options.protocol == LEGACY:
        split = legacy_of(reader).splits.get(split, split)
    frames = reader.open(Path(root), split, modalities, label_space, conditions, options)
    if options.skips:
        frames = SkippingFrames(frames)
    return LegacyFrames(frames, legacy_of(reader)) if options.protocol == LEGACY else frames


def legacy_of(reader: Reader) -> Legacy:
    """Return how published tables on a data set were computed.

    Raises:
        DatasetError: Nothing is known to deviate.
    """
    if reader.legacy is None:
        known = [name for name, item in readers().items() if item.legacy is not None]
        raise DatasetError(
            f'The format {reader.format!r} has no legacy protocol; formats with one: '
            f'{", ".join(known)}. Leave protocol: legacy out.'
        )
    return reader.legacy
