"""Reader of CamVid's folder layout: camera images beside label images of the same name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import RGB, Modality
from mmseg_ros.datasets.file_frames import tell_missing
from mmseg_ros.datasets.frame import LabelledFrame
from mmseg_ros.datasets.options import DEFAULT_OPTIONS, ReadOptions
from mmseg_ros.datasets.reader import Reader

ANNOTATIONS = 'annot'
SUFFIXES = ('.png', '.jpg', '.jpeg')


def is_camvid(root: Path) -> bool:
    """Return whether a folder looks like `ROOT/test/*.png` beside `ROOT/testannot/*.png`."""
    folders = root.glob(f'*{ANNOTATIONS}')
    return any((folder.parent / folder.name[: -len(ANNOTATIONS)]).is_dir() for folder in folders)


class CamVidDataset:
    """Frames of one split: `ROOT/SPLIT/NAME.png` with the class ids in `ROOT/SPLITannot/NAME.png`.

    The camera is the only sensor; the planes of all others are black.

    Args:
        root: Folder of the data set.
        split: train, val or test; any folder with a sister that ends in `annot`.
        modalities: Planes that a frame gets, in this order; `rgb` must be among them.
        label_space: Classes of the label images.
        conditions: There are none in this layout.

    Raises:
        DatasetError: No such split, no images, an image without labels, or no camera.
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
        if conditions:
            raise DatasetError(f'{self.root} has no conditions; leave {list(conditions)} out.')
        self.split = split
        self.modalities = tuple(modalities)
        self.label_space = label_space
        if RGB not in self.modalities:
            raise DatasetError(
                f'{self.root} holds camera images, but the network takes '
                f'{", ".join(self.modalities)}; take a bundle with {RGB}.'
            )
        self._files = sorted(
            path for path in (self.root / split).glob('*') if path.suffix.lower() in SUFFIXES
        )
        if not self._files:
            there = sorted(path.name for path in self.root.glob('*') if path.is_dir())
            raise DatasetError(
                f'No images in {self.root / split}; the folder holds: '
                f'{", ".join(there) or "nothing"}. Expected SPLIT/*.png and '
                f'SPLIT{ANNOTATIONS}/*.png.'
            )
        lacking = [path for path in self._files if not self._labels_of(path).is_file()]
        self.missing = [self._labels_of(path) for path in lacking]
        if lacking and options.skips:
            tell_missing(self.missing)
            self._files = [path for path in self._files if path not in lacking]
        elif lacking:
            raise DatasetError(
                f'{len(lacking)} images have no labels, the first is {lacking[0]}: '
                f'{self._labels_of(lacking[0])} does not exist.'
            )

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> LabelledFrame:
        path = self._files[index]
        image = _read(path, cv2.IMREAD_COLOR)[..., ::-1]
        labels = self._read_labels(self._labels_of(path))
        if image.shape[:2] != labels.shape:
            raise DatasetError(
                f'{path}: the image is {image.shape[0]} x {image.shape[1]}, its labels are '
                f'{labels.shape[0]} x {labels.shape[1]}.'
            )
        planes = np.zeros((len(self.modalities), *image.shape), np.uint8)
        planes[self.modalities.index(RGB)] = image
        return LabelledFrame(path.stem, self.modalities, planes, labels)

    def _labels_of(self, path: Path) -> Path:
        return self.root / f'{self.split}{ANNOTATIONS}' / f'{path.stem}.png'

    def _read_labels(self, path: Path) -> NDArray[np.uint8]:
        labels = _read(path, cv2.IMREAD_UNCHANGED)
        if labels.ndim == 3:
            if (labels[..., :3] != labels[..., :1]).any():
                raise DatasetError(f'{path} holds colors; expected one class id per pixel.')
            labels = labels[..., 0]
        space = self.label_space
        known = (labels < space.num_classes) | (labels == space.ignore_id)
        if not known.all():
            raise DatasetError(
                f'{path}: label values {np.unique(labels[~known]).tolist()[:8]}; expected '
                f'0..{space.num_classes - 1} and {space.ignore_id} (unlabeled) as in '
                f'{space.id!r}.'
            )
        return np.asarray(labels, np.uint8)


def _read(path: Path, flag: int) -> NDArray[Any]:
    pixels = cv2.imread(str(path), flag)
    if pixels is None:
        raise DatasetError(f'{path} is no readable image; copy the file again.')
    return pixels


READER = Reader('camvid', is_camvid, CamVidDataset, 'camvid', (RGB,), ('train', 'val', 'test'))
