"""Several looks at one image in validation: crops, other scales, mirrored; their scores averaged.

Scores of overlapping crops are averaged as logits. Over scales and the mirrored image the
probabilities are averaged. Images of another scale are made as `encoding.resize` makes them, so
that sparse ones keep their meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mmseg_models.training.config import ValidationConfig
from mmseg_models.training.normalization import Normalization
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.encoding.resize import mirrored, resize_images

LEAST_PROBABILITY = 1e-12

Predict = Callable[[Tensor], Tensor]
"""Normalized images B x M x 3 x H x W -> logits B x K x h x w, of any stride."""


@dataclass(frozen=True)
class Look:
    """The same frames once: normalized B x M x 3 x H x W, and whether they are mirrored."""

    images: Tensor
    is_mirrored: bool = False


@dataclass(frozen=True)
class Views:
    """Makes the looks at a batch and joins what the network says to each.

    Attributes:
        normalization: Of the network's input.
        encodings: Of the modalities, in order.
        scales: Sizes over that of the network's input; 1 alone is the input as it is.
        flip: Whether each is also shown mirrored.
        crop: Rows and columns that the network is given at a time; 0 takes all.
        stride: Pixels between neighboring crops, at most a crop's side; 0 takes the side.
        divisor: Sides of what the network is given are multiples of it.

    Raises:
        ConfigError: A crop is no multiple of `divisor`, or crops leave gaps.
    """

    normalization: Normalization
    encodings: Sequence[str]
    scales: Sequence[float] = (1.0,)
    flip: bool = False
    crop: tuple[int, int] = (0, 0)
    stride: int = 0
    divisor: int = 32

    def __post_init__(self) -> None:
        if any(side % self.divisor for side in self.crop):
            raise ConfigError(
                f'validation.crop_height and crop_width are {self.crop[0]} and {self.crop[1]}; '
                f'give multiples of {self.divisor}, which the network needs.'
            )
        shortest = min((side for side in self.crop if side), default=0)
        if self.stride > shortest:
            raise ConfigError(
                f'validation.stride is {self.stride}, more than the shortest side of a crop '
                f'({shortest}); pixels between crops would have no class.'
            )

    @classmethod
    def of(
        cls,
        config: ValidationConfig,
        normalization: Normalization,
        encodings: Sequence[str],
        divisor: int,
    ) -> Views:
        """Return what a recipe asks for."""
        crop = config.crop_height, config.crop_width
        scales = config.scales or [1.0]
        return cls(normalization, encodings, scales, config.flip, crop, config.stride, divisor)

    def looks(self, images_BMHWC: Tensor) -> list[Look]:
        """Return all looks at uint8 images B x M x H x W x 3."""
        looks = []
        for scale in self.scales:
            scaled = images_BMHWC if scale == 1.0 else self._scaled(images_BMHWC, scale)
            looks.append(Look(self.normalization(scaled)))
            if self.flip:
                looks.append(Look(self.normalization(self._mirrored(scaled)), is_mirrored=True))
        return looks

    def logits(self, predict: Predict, looks: Sequence[Look]) -> Tensor:
        """Return B x K scores: the network's logits, or the logarithm of mean probabilities.

        With several looks they have the size of the first one's images.
        """
        if len(looks) == 1:
            return self._cropped(predict, looks[0].images)
        rows, columns = looks[0].images.shape[-2:]
        answers = [self._probabilities(predict, look, (rows, columns)) for look in looks]
        return torch.stack(answers).mean(dim=0).clamp(min=LEAST_PROBABILITY).log()

    def _probabilities(self, predict: Predict, look: Look, size: tuple[int, int]) -> Tensor:
        logits = self._cropped(predict, look.images)
        logits = logits.flip(-1) if look.is_mirrored else logits
        return _resized(logits, size).softmax(dim=1)

    def _cropped(self, predict: Predict, images_BMCHW: Tensor) -> Tensor:
        rows, columns = images_BMCHW.shape[-2:]
        height = min(self.crop[0] or rows, rows)
        width = min(self.crop[1] or columns, columns)
        if (height, width) == (rows, columns):
            return predict(images_BMCHW)
        places = [
            (slice(top, top + height), slice(left, left + width))
            for top in starts(rows, height, self.stride)
            for left in starts(columns, width, self.stride)
        ]
        crops = [
            _resized(predict(images_BMCHW[..., down, across]), (height, width))
            for down, across in places
        ]
        total_BKHW = crops[0].new_zeros((*crops[0].shape[:2], rows, columns))
        counts_HW = total_BKHW.new_zeros((rows, columns))
        for (down, across), crop in zip(places, crops, strict=True):
            total_BKHW[..., down, across] += crop
            counts_HW[down, across] += 1
        return total_BKHW / counts_HW

    def _scaled(self, images_BMHWC: Tensor, scale: float) -> Tensor:
        height, width = (self._side(side * scale) for side in images_BMHWC.shape[2:4])

        def resize(planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
            return resize_images(planes, self.encodings, height, width)

        return _each(resize, images_BMHWC)

    def _mirrored(self, images_BMHWC: Tensor) -> Tensor:
        def mirror(planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
            pairs = zip(planes, self.encodings, strict=True)
            return np.stack([mirrored(plane, encoding) for plane, encoding in pairs])

        return _each(mirror, images_BMHWC)

    def _side(self, pixels: float) -> int:
        return max(round(pixels / self.divisor), 1) * self.divisor


def starts(size: int, crop: int, stride: int) -> list[int]:
    """Return where crops begin so that they cover a side, the last one ending at its end."""
    step = min(stride or crop, crop)
    return [*range(0, size - crop, step), size - crop]


def _each(change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]], images: Tensor) -> Tensor:
    frames = [change(planes) for planes in images.cpu().numpy()]
    return torch.from_numpy(np.stack(frames)).to(images.device)


def _resized(logits_BKHW: Tensor, size: tuple[int, int]) -> Tensor:
    if logits_BKHW.shape[2:] == size:
        return logits_BKHW.float()
    return functional.interpolate(logits_BKHW.float(), size=size, mode='bilinear')
