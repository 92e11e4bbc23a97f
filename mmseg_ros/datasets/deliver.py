"""Reader of the DeLiVER folder layout: the real data set and simulated ones alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.modalities import DELIVER_FOLDERS
from mmseg_ros.core.types import Modality
from mmseg_ros.datasets.file_frames import tell_missing
from mmseg_ros.datasets.frame import LabelledFrame
from mmseg_ros.datasets.label_png import read_label_png
from mmseg_ros.datasets.legacy import Legacy
from mmseg_ros.datasets.options import DEFAULT_OPTIONS, ReadOptions
from mmseg_ros.datasets.reader import Reader

LABEL_FOLDER = ('semantic', 'semantic')
RAW_UNLABELED = (0, 255)
_LARGEST_UINT16 = 65535
SPLITS = ('train', 'val', 'test')


class DeliverDataset:
    """Frames of one split: `ROOT/{img,hha,event,lidar,semantic}/CONDITION/SPLIT/SCENE/*.png`.

    Semantic PNG files hold class id + 1 (see `label_png`); 0, 255 and, of 16 bits, 65535 mean
    unlabeled. The frames are sorted by condition, scene and number. Event images of another size
    (DeLiVER's low-resolution corner case) are resized to the camera image, nearest.

    Args:
        root: Folder of the data set.
        split: train, val or test.
        modalities: Which planes to read, in this order.
        label_space: Classes the labels are checked against.
        conditions: Folders below each modality to use (cloud, fog, ...); empty takes all.

    Raises:
        DatasetError: No frames, an unknown split, modality or condition, a missing file, or no
            labeled pixel in any frame.
    """

    def __init__(
        self,
        root: str | Path,
        split: str,
        modalities: Sequence[Modality],
        label_space: LabelSpace,
        conditions: Sequence[str] = (),
        options: ReadOptions = DEFAULT_OPTIONS,
    ) -> None:
        self.root = Path(root)
        self.split = split
        self.modalities = tuple(modalities)
        self.label_space = label_space
        _check_arguments(self.root, split, self.modalities, conditions)
        chosen = sorted(conditions) or [folder.name for folder in _conditions(self.root)]
        self._files = [
            path.relative_to(self.root / 'img')
            for condition in chosen
            for path in sorted((self.root / 'img' / condition / split).glob('*/*.png'))
        ]
        self.missing: list[Path] = []
        if not self._files:
            raise DatasetError(
                f'No frames match {self.root}/img/{{{",".join(chosen)}}}/{split}/*/*.png; '
                'check data.root and data.conditions.'
            )
        self._check_complete(options.skips)
        self._check_labelled()

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> LabelledFrame:
        file = self._files[index]
        labels = self._read_labels(self._path(file, LABEL_FOLDER))
        planes = [
            self._read_plane(self._path(file, DELIVER_FOLDERS[name]), name, labels.shape)
            for name in self.modalities
        ]
        name = str(file.with_suffix('')).replace('_rgb', '')
        return LabelledFrame(name, self.modalities, np.stack(planes), labels)

    def _path(self, file: Path, folder: tuple[str, str]) -> Path:
        directory, word = folder
        return self.root / directory / file.with_name(file.name.replace('_rgb', f'_{word}'))

    def _check_complete(self, skip: bool) -> None:
        folders = [DELIVER_FOLDERS[name] for name in self.modalities] + [LABEL_FOLDER]
        paths = [[self._path(file, folder) for folder in folders] for file in self._files]
        self.missing = [path for group in paths for path in group if not path.is_file()]
        if not self.missing:
            return
        if not skip:
            raise DatasetError(
                f'{self.root}: {len(self.missing)} files are missing, the first is '
                f'{self.missing[0]}; copy the data set again or take its modality out of '
                'data.modalities.'
            )
        tell_missing(self.missing)
        absent = set(self.missing)
        pairs = zip(self._files, paths, strict=True)
        self._files = [file for file, group in pairs if not absent.intersection(group)]
        if not self._files:
            raise DatasetError(f'{self.root}: no frame of {self.split} has all its files.')

    def _read_plane(
        self, path: Path, modality: Modality, shape: tuple[int, ...]
    ) -> NDArray[np.uint8]:
        pixels = _read_png(path, cv2.IMREAD_COLOR)[..., ::-1]
        if modality == 'event' and pixels.shape[:2] != shape:
            pixels = cv2.resize(pixels, shape[::-1], interpolation=cv2.INTER_NEAREST)
        if pixels.shape[:2] != shape:
            raise DatasetError(
                f'{path}: the image is {pixels.shape[0]} x {pixels.shape[1]}, its labels are '
                f'{shape[0]} x {shape[1]}; all modalities must be aligned with the camera image.'
            )
        return pixels

    def _read_labels(self, path: Path) -> NDArray[np.uint8]:
        raw = read_label_png(path)
        if raw.dtype == np.uint16:
            raw = np.where(raw == _LARGEST_UINT16, RAW_UNLABELED[1], raw)
        lookup = _label_lookup(self.label_space)
        wrong = np.setdiff1d(raw, np.flatnonzero(lookup >= 0)).tolist()
        if wrong:
            raise DatasetError(
                f'{path}: label values {wrong[:8]}; expected 0 or 255 (unlabeled) and '
                f'1..{self.label_space.num_classes} (class id + 1 in {self.label_space.id!r}).'
            )
        return np.asarray(lookup[raw], np.uint8)

    def _check_labelled(self) -> None:
        """Look until one labeled pixel is found, which most often is in the first file."""
        ignored = self.label_space.ignore_id
        for file in self._files:
            if (self._read_labels(self._path(file, LABEL_FOLDER)) != ignored).any():
                return
        raise DatasetError(
            f'{self.root}: none of the {len(self._files)} label images of {self.split} has a '
            f'labeled pixel: all hold 0 or 255 (unlabeled); expected class id + 1 in '
            f'{self.label_space.id!r}, 1..{self.label_space.num_classes}.'
        )


def _label_lookup(label_space: LabelSpace) -> NDArray[np.int16]:
    lookup = np.full(256, -1, np.int16)
    lookup[1 : label_space.num_classes + 1] = np.arange(label_space.num_classes)
    lookup[list(RAW_UNLABELED)] = label_space.ignore_id
    return lookup


def _conditions(root: Path) -> list[Path]:
    return sorted(path for path in (root / 'img').glob('*') if path.is_dir())


def _check_arguments(
    root: Path, split: str, modalities: tuple[Modality, ...], conditions: Sequence[str]
) -> None:
    if split not in SPLITS:
        raise DatasetError(f'Expected split to be one of {", ".join(SPLITS)}, but got {split!r}.')
    unknown = [name for name in modalities if name not in DELIVER_FOLDERS]
    if unknown or not modalities:
        raise DatasetError(
            f'Expected data.modalities to be some of {", ".join(DELIVER_FOLDERS)}, but got '
            f'{modalities}.'
        )
    there = [path.name for path in _conditions(root)]
    absent = sorted(set(conditions) - set(there))
    if not there or absent:
        raise DatasetError(
            f'{root}/img holds the conditions {there}, not {absent or "any"}; '
            'data.root must be the folder with img, hha, event, lidar and semantic.'
        )


def _read_png(path: Path, flag: int) -> NDArray[Any]:
    pixels = cv2.imread(str(path), flag)
    if pixels is None:
        raise DatasetError(f'{path} is no readable image; copy the file again.')
    return pixels


def _is_deliver(root: Path) -> bool:
    return (root / 'img').is_dir() and (root / LABEL_FOLDER[0]).is_dir()


def _look(root: Path) -> tuple[str, tuple[Modality, ...]]:
    held = [name for name, (folder, _) in DELIVER_FOLDERS.items() if (root / folder).is_dir()]
    return '', tuple(held)


READER = Reader(
    'deliver',
    _is_deliver,
    DeliverDataset,
    'deliver',
    (),
    SPLITS,
    {},
    Legacy(
        'Images of 1042 x 1042 are scored at 1024 x 1024 with labels resized alike, and classes '
        'that do not occur count as IoU 0, so conditions without a class score lower. Published '
        'numbers are of the split val unless they say test. Depth, events and LiDAR are only '
        'scaled to 0..1, which is up to the recipe here.',
        size=(1024, 1024),
        absent_counts_zero=True,
    ),
    look=_look,
)
