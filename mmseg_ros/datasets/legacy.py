"""Published protocols that deviate from the correct one: what they did, in words and as a map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.datasets.frame import LabelledDataset, LabelledFrame

_NEAREST_MODALITIES = frozenset({'event'})


@dataclass(frozen=True, slots=True)
class Legacy:
    """How tables on a data set were computed.

    Attributes:
        deviation: Where that is not the correct way, in words.
        size: Height and width that images and labels were resized to, whatever their aspect;
            None keeps the size.
        centre: Height and width that were cut from the middle; None keeps all.
        ignored_as: Class that ignored pixels were given; None ignores them.
        absent_counts_zero: Whether a class that does not occur counts as IoU 0 in the mean.
        splits: Split that was asked for -> split that was read.
    """

    deviation: str
    size: tuple[int, int] | None = None
    centre: tuple[int, int] | None = None
    ignored_as: int | None = None
    absent_counts_zero: bool = False
    splits: Mapping[str, str] = field(default_factory=dict)


class LegacyFrames:
    """Frames of a data set as a published protocol saw them."""

    def __init__(self, frames: LabelledDataset, legacy: Legacy) -> None:
        self._frames = frames
        self._legacy = legacy
        self.root, self.split = frames.root, frames.split
        self.label_space, self.modalities = frames.label_space, frames.modalities

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> LabelledFrame:
        frame = self._frames[index]
        images, labels = frame.images, frame.labels
        if self._legacy.centre is not None:
            images, labels = _centre(images, labels, self._legacy.centre)
        if self._legacy.size is not None:
            height, width = self._legacy.size
            images = _squashed(images, frame.modalities, (width, height))
            labels = np.asarray(cv2.resize(labels, (width, height), interpolation=_NEAREST))
        if self._legacy.ignored_as is not None:
            ignored = labels == self.label_space.ignore_id
            labels = np.where(ignored, np.uint8(self._legacy.ignored_as), labels)
        return replace(frame, images=images, labels=labels)


_NEAREST = cv2.INTER_NEAREST


def _squashed(
    images: NDArray[np.uint8], modalities: tuple[str, ...], size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Resize every plane like a photograph, events nearest, as those protocols did."""
    return np.stack(
        [
            cv2.resize(
                plane,
                size,
                interpolation=_NEAREST if name in _NEAREST_MODALITIES else cv2.INTER_LINEAR,
            )
            for name, plane in zip(modalities, images, strict=True)
        ]
    )


def _centre(
    images: NDArray[np.uint8], labels: NDArray[np.uint8], size: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    top, left = (max(have - keep, 0) // 2 for have, keep in zip(labels.shape, size, strict=True))
    rows, columns = slice(top, top + size[0]), slice(left, left + size[1])
    return images[:, rows, columns], labels[rows, columns]
