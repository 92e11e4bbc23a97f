"""Objects of rare classes from one frame, put into another at the same place of the image.

Source: Ghiasi et al., Simple Copy-Paste (arXiv 2012.07177); here all modalities move together, and
nothing is moved or scaled, so that an object keeps the size that its distance gives it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.datasets.frame import FrameSource, LabelledFrame

RARE_SHARE = 0.01


def rare_classes(counts_K: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which of 256 label values are classes with less than 1 % of the labeled pixels."""
    is_rare = np.zeros(256, np.bool_)
    is_rare[: len(counts_K)] = (counts_K > 0) & (counts_K < RARE_SHARE * counts_K.sum())
    return is_rare


@dataclass(frozen=True)
class CopyPaste:
    """Puts the rare objects of another frame over a frame, in every modality.

    Attributes:
        frames: Where the objects come from.
        is_rare: 256 flags of label values, see `rare_classes`.
        probability: Chance that a frame gets any.
    """

    frames: FrameSource
    is_rare: NDArray[np.bool_]
    probability: float

    def __call__(self, frame: LabelledFrame, rng: np.random.Generator) -> LabelledFrame:
        """Return the frame itself, or one with the objects of a frame of the same size."""
        if rng.random() >= self.probability:
            return frame
        donor = self.frames[int(rng.integers(len(self.frames)))]
        if donor.images.shape != frame.images.shape:
            return frame
        pasted_HW = self.is_rare[donor.labels]
        return replace(
            frame,
            images=np.where(pasted_HW[None, :, :, None], donor.images, frame.images),
            labels=np.where(pasted_HW, donor.labels, frame.labels),
        )
