"""What a referring data set hands over: an image, a mask and the text prompts that mean it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

THING, REGION = 'thing', 'region'


@dataclass(frozen=True, slots=True)
class ReferringSample:
    """One mask and all text prompts that mean it.

    Attributes:
        name: Unique and readable. image_name: Equal for samples of one image.
        image: H x W x 3 uint8 RGB.
        mask: H x W bool.
        sentences: At least one.
        kind: `thing` (one object) or `region` (all pixels of a class).
    """

    name: str
    image_name: str
    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    sentences: tuple[str, ...]
    kind: str = THING
