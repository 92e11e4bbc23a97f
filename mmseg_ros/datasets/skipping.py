"""Damaged files that are named and passed over."""

from __future__ import annotations

import logging

import numpy as np

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.datasets.frame import LabelledDataset, LabelledFrame

LOG = logging.getLogger(__name__)
_FIRST_SIZE = (64, 64)


class SkippingFrames:
    """Frames of a data set, where one that cannot be read has no labels, so that nothing counts.

    The number and order of the frames stay the same. A damaged frame is named once.

    Attributes:
        damaged: Index of each frame that could not be read so far, and why.
    """

    def __init__(self, frames: LabelledDataset) -> None:
        self._frames = frames
        self._size = _FIRST_SIZE
        self.damaged: dict[int, str] = {}
        self.root, self.split = frames.root, frames.split
        self.label_space, self.modalities = frames.label_space, frames.modalities

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> LabelledFrame:
        try:
            frame = self._frames[index]
        except DatasetError as error:
            if index not in self.damaged:
                LOG.warning('frame %d is passed over: %s', index, error)
            self.damaged[index] = str(error)
            return self._unlabeled(index)
        self._size = (frame.labels.shape[0], frame.labels.shape[1])
        return frame

    def _unlabeled(self, index: int) -> LabelledFrame:
        images = np.zeros((len(self.modalities), *self._size, 3), np.uint8)
        labels = np.full(self._size, self.label_space.ignore_id, np.uint8)
        return LabelledFrame(f'damaged_{index:06d}', self.modalities, images, labels)
