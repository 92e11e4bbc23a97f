"""Failing sensors in a data set, whose samples are images aligned with the camera."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import EVENT, LIDAR, ImageData, Modality, SensorSample
from mmseg_ros.datasets.frame import LabelledDataset, LabelledFrame
from mmseg_ros.evaluation.degradations import EVENT_BLOCK_PX, JITTER_DEG, Degradation

VIEW_DEG = 91.0
"""Horizontal field of view of DeLiVER's cameras: a data set does not tell its own."""


class DegradedDataset:
    """Some frames of a data set, the images of one sensor degraded.

    Attributes:
        root: Its folder. split: Which part. label_space: Classes of its labels.
        modalities: Its sensors, in order.
    """

    def __init__(
        self,
        source: LabelledDataset,
        places: Sequence[int],
        modality: Modality = '',
        degradation: Degradation | None = None,
    ) -> None:
        """Take frames of a data set.

        Args:
            source: The data set.
            places: Which of its frames.
            modality: The sensor.
            degradation: What happens to its images; None leaves them as they are.
        """
        self.root, self.split, self.label_space = source.root, source.split, source.label_space
        self.modalities = source.modalities
        self._source, self._places = source, tuple(places)
        self._modality, self._degradation = modality, degradation

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> LabelledFrame:
        frame = self._source[self._places[index]]
        if self._degradation is None:
            return frame
        images = frame.images.copy()
        place = frame.modalities.index(self._modality)
        images[place] = degraded_image(
            images[place], self._modality, self._degradation, frame.name
        )
        return LabelledFrame(frame.name, frame.modalities, images, frame.labels)


def degraded_image(
    image: NDArray[np.uint8], modality: Modality, degradation: Degradation, name: str
) -> NDArray[np.uint8]:
    """Return an encoded image as a failing sensor would give it.

    Noise and exposure act on the values. Where the sensor itself is no image, the failure is
    imitated in the image: jitter moves the pixels of LiDAR returns, of a camera 91 degrees wide;
    low event resolution gathers every block of pixels in its first one.

    Args:
        image: H x W x 3 uint8.
        modality: Whose image it is.
        degradation: What happens to it.
        name: Of the frame; equal names give equal noise.
    """
    number = zlib.crc32(name.encode('utf-8', 'backslashreplace'))
    if degradation.kind == 'lidar_jitter' and modality == LIDAR:
        return _jittered(image, np.random.default_rng([degradation.seed, number]))
    if degradation.kind == 'low_event_resolution' and modality == EVENT:
        return _coarse(image)
    sample = SensorSample(modality, number, '', ImageData(image))
    payload = degradation.apply(sample).payload
    return np.asarray(payload.pixels if isinstance(payload, ImageData) else image, np.uint8)


def _jittered(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    rows, columns = np.nonzero(image.any(axis=2))
    shift = rng.normal(0.0, JITTER_DEG / VIEW_DEG * width, (2, len(rows)))
    to_rows = np.round(rows + shift[0]).astype(np.int64)
    to_columns = np.round(columns + shift[1]).astype(np.int64)
    seen = (to_rows >= 0) & (to_rows < height) & (to_columns >= 0) & (to_columns < width)
    moved = np.zeros_like(image)
    moved[to_rows[seen], to_columns[seen]] = image[rows[seen], columns[seen]]
    return moved


def _coarse(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    block = EVENT_BLOCK_PX
    height, width = image.shape[:2]
    padded = np.pad(image, ((0, -height % block), (0, -width % block), (0, 0)))
    blocks = padded.reshape(padded.shape[0] // block, block, padded.shape[1] // block, block, 3)
    coarse = np.zeros_like(padded)
    coarse[::block, ::block] = blocks.max(axis=(1, 3))
    return coarse[:height, :width]
