"""What a data set hands over: all modalities of one moment in one image, and the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.modalities import standard_encoding
from mmseg_ros.core.types import Modality


@dataclass(frozen=True, slots=True)
class LabelledFrame:
    """One encoded, aligned and labeled moment.

    Attributes:
        name: Unique and readable, as in the data set's folders.
        modalities: Names of the M planes, in order.
        images: M x H x W x 3 uint8, as the encodings write them.
        labels: H x W uint8, class ids 0..K-1 or the ignored id.
        encodings: How each plane is encoded; empty for the standard encodings.
    """

    name: str
    modalities: tuple[Modality, ...]
    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    encodings: tuple[str, ...] = ()

    @property
    def plane_encodings(self) -> tuple[str, ...]:
        """Return the encoding of each plane, in the order of the modalities."""
        return self.encodings or tuple(standard_encoding(name) for name in self.modalities)


class FrameSource(Protocol):
    """A data set with a fixed order of frames."""

    modalities: tuple[Modality, ...]

    def __len__(self) -> int:
        """Return the number of frames."""
        ...

    def __getitem__(self, index: int) -> LabelledFrame:
        """Return frame `index`, read from disk."""
        ...


class LabelledDataset(FrameSource, Protocol):
    """A data set on disk.

    Attributes:
        root: Its folder. split: Which part. label_space: Classes of its labels.
    """

    root: Path
    split: str
    label_space: LabelSpace


@dataclass(slots=True)
class FrameList:
    """Frames in memory, read like a data set.

    Attributes:
        modalities: Their sensors, in order. frames: The frames.
    """

    modalities: tuple[Modality, ...]
    frames: Sequence[LabelledFrame]

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> LabelledFrame:
        return self.frames[index]
