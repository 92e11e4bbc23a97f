"""What the network says about one image and some text prompts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.labels import LabelClass, LabelSpace

MEANT = 128
"""From here on a pixel is meant: its probability is at least one half."""
IGNORE_ID = 255
_COLORS = (
    (255, 0, 220), (0, 230, 230), (255, 225, 0), (120, 255, 0),
    (255, 130, 0), (150, 80, 255), (30, 110, 255), (255, 50, 50),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReferringResult:
    """Probabilities of N text prompts in one image.

    Attributes:
        sentences: N different text prompts.
        probability: N x H x W uint8, 1..255 for 0..1; 0 where the network gave no number.
    """

    sentences: tuple[str, ...]
    probability: NDArray[np.uint8]

    @property
    def meant(self) -> NDArray[np.bool_]:
        """Return N x H x W bool: the pixels that each text prompt means."""
        return self.probability >= MEANT

    @property
    def confidence(self) -> NDArray[np.uint8]:
        """Return H x W uint8: the largest probability of any text prompt."""
        return np.asarray(self.probability.max(axis=0), np.uint8)

    @property
    def mask(self) -> NDArray[np.uint8]:
        """Return H x W uint8: 255 where any text prompt is meant, else 0."""
        return np.where(self.confidence >= MEANT, 255, 0).astype(np.uint8)

    @property
    def labels(self) -> NDArray[np.uint8]:
        """Return H x W uint8: index of the most probable prompt where one applies, else 255."""
        best = self.probability.argmax(axis=0)
        return np.where(self.confidence >= MEANT, best, IGNORE_ID).astype(np.uint8)


def label_space_of(sentences: tuple[str, ...]) -> LabelSpace:
    """Return the text prompts as classes, each with its color."""
    classes = tuple(
        LabelClass(i, sentence, _COLORS[i % len(_COLORS)], 'sentence')
        for i, sentence in enumerate(sentences)
    )
    return LabelSpace('sentences', classes, IGNORE_ID)
