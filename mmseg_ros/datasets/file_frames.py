"""Data sets whose frames are files: what is missing is found at once, and named."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.modalities import standard_encoding
from mmseg_ros.core.types import Modality
from mmseg_ros.datasets.frame import LabelledFrame
from mmseg_ros.datasets.options import DEFAULT_OPTIONS, ReadOptions

LOG = logging.getLogger(__name__)
_LISTED = 20


@dataclass(frozen=True, slots=True)
class FrameFiles:
    """The files of one frame.

    Attributes:
        name: Unique and readable; a first part before `/` is the frame's condition.
        labels: What the labels are read from, the label image last.
        planes: What each modality is read from.
    """

    name: str
    labels: tuple[Path, ...]
    planes: Mapping[Modality, tuple[Path, ...]]


PlaneReader: TypeAlias = Callable[[FrameFiles], NDArray[np.uint8]]


@dataclass(frozen=True)
class Layout:
    """What a reader found in a folder.

    Attributes:
        frames: In a fixed order.
        read_labels: H x W uint8 class ids of a frame.
        read_planes: H x W x 3 uint8 of a frame, per modality.
        encodings: How each modality is encoded, where not in the standard way.
    """

    frames: Sequence[FrameFiles]
    read_labels: PlaneReader
    read_planes: Mapping[Modality, PlaneReader]
    encodings: Mapping[Modality, str] = field(default_factory=dict)


class FileFrames:
    """One split of a data set, read from files frame by frame.

    Modalities that the data set does not hold are black, as if that sensor were absent.

    Args:
        root: Folder of the data set.
        split: Which part.
        modalities: Planes of each frame, in this order; the data set must hold one of them.
        label_space: Classes of the labels.
        layout: Its frames, and how they are read.
        options: What to do about missing files.

    Attributes:
        missing: Files that are not there; their frames are left out.

    Raises:
        DatasetError: It holds none of the modalities or no frames, or files are missing.
    """

    def __init__(
        self,
        root: Path,
        split: str,
        modalities: Sequence[Modality],
        label_space: LabelSpace,
        layout: Layout,
        options: ReadOptions = DEFAULT_OPTIONS,
    ) -> None:
        self.root = root
        self.split = split
        self.modalities = tuple(modalities)
        self.label_space = label_space
        self._layout = layout
        self._held = [name for name in self.modalities if name in layout.read_planes]
        if not self._held:
            raise DatasetError(
                f'{root} holds {", ".join(layout.read_planes)}, but none of '
                f'{", ".join(self.modalities) or "nothing"}; change data.modalities or take '
                'another bundle.'
            )
        self._frames, self.missing = complete(
            root, split, layout.frames, self._held, options.skips
        )
        encodings = {name: standard_encoding(name) for name in self.modalities}
        encodings |= layout.encodings
        self.encodings = tuple(encodings[name] for name in self.modalities)
        for name in self._held:
            if options.encodings.get(name, encodings[name]) != encodings[name]:
                raise DatasetError(
                    f'{root} holds {name} as {encodings[name]!r}, but it is to be read as '
                    f'{options.encodings[name]!r}; change data.encodings or take another bundle.'
                )

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> LabelledFrame:
        files = self._frames[index]
        labels = self._layout.read_labels(files)
        images = np.empty((len(self.modalities), *labels.shape, 3), np.uint8)
        for i, name in enumerate(self.modalities):
            images[i] = self._plane(files, name, labels.shape) if name in self._held else 0
        return LabelledFrame(files.name, self.modalities, images, labels, self.encodings)

    def _plane(
        self, files: FrameFiles, modality: Modality, shape: tuple[int, ...]
    ) -> NDArray[np.uint8]:
        plane = self._layout.read_planes[modality](files)
        if plane.shape != (*shape, 3):
            raise DatasetError(
                f'{files.planes[modality][0]}: {modality} is {plane.shape[0]} x {plane.shape[1]}, '
                f'the labels {files.labels[-1]} are {shape[0]} x {shape[1]}; all images of a '
                'frame must have one size.'
            )
        return plane


def complete(
    root: Path,
    split: str,
    frames: Sequence[FrameFiles],
    modalities: Sequence[Modality],
    skip: bool,
) -> tuple[list[FrameFiles], list[Path]]:
    """Return the frames that have all their files, and the files that are missing.

    Raises:
        DatasetError: Files are missing, unless they are skipped; or no frame is left.
    """
    missing: list[Path] = []
    whole: list[FrameFiles] = []
    for frame in frames:
        wanted = [*frame.labels, *(path for name in modalities for path in frame.planes[name])]
        absent = [path for path in wanted if not path.is_file()]
        missing += absent
        if not absent:
            whole.append(frame)
    if missing and not skip:
        raise DatasetError(
            f'{root}: {len(missing)} files of {split} are missing, the first is {missing[0]}; '
            'copy the data set again, take its modality out of data.modalities, or leave such '
            'frames out with data.on_bad_file: skip.'
        )
    tell_missing(missing)
    if not whole:
        first = f', the first missing one is {missing[0]}' if missing else ''
        raise DatasetError(f'{root}: no frame of {split} has all its files{first}.')
    return whole, missing


def tell_missing(missing: Sequence[Path]) -> None:
    """Log which files are missing, the first of many."""
    for path in missing[:_LISTED]:
        LOG.warning('%s is missing; its frame is left out', path)
    if len(missing) > _LISTED:
        LOG.warning('%d more files are missing', len(missing) - _LISTED)


def choose_split(root: Path, split: str, splits: Sequence[str]) -> str:
    """Return `split` if the data set has it.

    Raises:
        DatasetError: It has not.
    """
    if split not in splits:
        raise DatasetError(
            f'{root} has the splits {", ".join(splits) or "none"}, not {split!r}; name one with '
            'data.val_split (train) or --split (evaluate, check-data).'
        )
    return split


def no_conditions(root: Path, conditions: Sequence[str]) -> None:
    """Check that none are asked of a data set without conditions.

    Raises:
        DatasetError: Some are.
    """
    if conditions:
        raise DatasetError(f'{root} has no conditions; leave {list(conditions)} out.')


def by_condition(
    root: Path, frames: Sequence[FrameFiles], conditions: Sequence[str]
) -> list[FrameFiles]:
    """Return the frames whose name has one of the conditions as a folder; all if none are given.

    Raises:
        DatasetError: A condition occurs in no name.
    """
    parts = {part for frame in frames for part in frame.name.split('/')[:-1]}
    absent = sorted(set(conditions) - parts)
    if absent:
        raise DatasetError(f'{root} has the conditions {sorted(parts)}, not {absent}.')
    wanted = set(conditions)
    return [f for f in frames if not wanted or wanted & set(f.name.split('/')[:-1])]
