"""What a referring data set hands over: an image, a mask and the text prompts that mean it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

THING, REGION = 'thing', 'region'
UNLABELED = 255
"""Class id of pixels without one."""


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


@dataclass(frozen=True, slots=True)
class ReferringTarget:
    """A sample without its image; see `ReferringSample`."""

    image_name: str
    mask: NDArray[np.bool_]
    sentences: tuple[str, ...]
    kind: str = THING


class ReferringSource(Protocol):
    """One split of a referring data set; targets of one image are neighbors."""

    def __len__(self) -> int: ...

    def target(self, index: int) -> ReferringTarget:
        """Return one mask with its text prompts, as far as possible without reading images."""

    def image(self, image_name: str) -> NDArray[np.uint8]:
        """Return H x W x 3 uint8 RGB."""

    def labels(self, image_name: str) -> NDArray[np.uint8] | None:
        """Return H x W uint8 class ids, 255 where unlabeled; None if the set has no classes."""
