"""Text prompts and images for training, varied as they are drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_models.training.paraphrase import FRAME_WORDS, mirrored, rephrased
from mmseg_models.training.referring_config import ReferringAugmentation
from mmseg_models.transforms import color_jitter
from mmseg_ros.datasets.refer import REGION, UNLABELED, ReferringSource, ReferringTarget
from mmseg_ros.projection.fit import Fit


@dataclass(frozen=True, slots=True)
class Target:
    """A mask, packed to bits, with its text prompts and the share of the image that it covers."""

    packed: NDArray[np.uint8]
    sentences: tuple[str, ...]
    kind: str
    share: float

    def mask(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Return H x W uint8, 0 or 1."""
        count = shape[0] * shape[1]
        return np.unpackbits(self.packed, count=count).reshape(shape[:2])


@dataclass(frozen=True, slots=True)
class Picture:
    """An image with its targets.

    Attributes:
        shape: Its rows and columns.
        read: Returns the image, H x W x 3 uint8 RGB.
        read_labels: Returns H x W uint8 class ids, 255 unlabeled.
        targets: At least one.
    """

    shape: tuple[int, int]
    read: Callable[[], NDArray[np.uint8]]
    read_labels: Callable[[], NDArray[np.uint8]]
    targets: list[Target] = field(default_factory=list)

    @property
    def image(self) -> NDArray[np.uint8]:
        """Return the image."""
        return self.read()

    @property
    def labels(self) -> NDArray[np.uint8]:
        """Return its class ids."""
        return self.read_labels()


@dataclass(frozen=True, slots=True)
class VariedPicture:
    """An image as the network learns from it, with S text prompts.

    Attributes:
        image: H x W x 3 uint8. labels: H x W uint8 class ids, 255 unlabeled.
        masks: S x H x W bool. sentences: S.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    sentences: list[str]


def load_pictures(sources: Sequence[ReferringSource], min_share: float) -> list[Picture]:
    """Return all images of data sets with their targets; those without any are left out.

    Simulated images are held in memory. Those of the RefCOCO family, 20 000 and 15 GB, are read
    when they are needed.

    Args:
        sources: Data sets.
        min_share: Share of the image that a target must cover.
    """
    pictures: list[Picture] = []
    for source in sources:
        last = ''
        for index in range(len(source)):
            target = source.target(index)
            if target.image_name != last:
                last = target.image_name
                pictures.append(_picture(source, last, target.mask.shape))
            if target.mask.mean() >= min_share:
                pictures[-1].targets.append(packed(target))
    return [picture for picture in pictures if picture.targets]


def _picture(source: ReferringSource, name: str, shape: tuple[int, ...]) -> Picture:
    rows, columns = shape
    labels = source.labels(name)
    if labels is None:
        return Picture(
            (rows, columns),
            partial(source.image, name),
            partial(np.full, (rows, columns), UNLABELED, np.uint8),
        )
    image = source.image(name)
    return Picture((rows, columns), lambda: image, lambda: labels)


def packed(target: ReferringTarget) -> Target:
    """Return a target with its mask as bits."""
    share = float(target.mask.mean())
    return Target(np.packbits(target.mask), target.sentences, target.kind, share)


@dataclass(frozen=True, slots=True)
class PictureVariation:
    """Draws text prompts about an image, and varies both.

    Args:
        height: Rows of the network's input. width: Columns.
        sentences: Text prompts per image. augmentation: How they are varied.
    """

    height: int
    width: int
    sentences: int
    augmentation: ReferringAugmentation

    def __call__(self, picture: Picture, rng: np.random.Generator) -> VariedPicture:
        """Return one variation; all randomness comes from `rng`."""
        augmentation = self.augmentation
        targets, window = _choose(picture, self.sentences, augmentation, rng)
        flip = bool(rng.random() < augmentation.flip_probability)
        size = (self.width, self.height)
        image = _cut(picture.image, window, flip, size, cv2.INTER_AREA)
        masks = [
            _cut(target.mask(picture.shape), window, flip, size, cv2.INTER_NEAREST)
            for target in targets
        ]
        sentences = []
        for target in targets:
            sentence = target.sentences[int(rng.integers(len(target.sentences)))]
            sentence = mirrored(sentence) if flip else sentence
            sentences.append(rephrased(sentence, rng, augmentation.rephrase_probability))
        if rng.random() < augmentation.jitter_probability:
            low, high = 1 - augmentation.jitter_strength, 1 + augmentation.jitter_strength
            image = color_jitter(image, *rng.uniform(low, high, 3))
        labels = _cut(picture.labels, window, flip, size, cv2.INTER_NEAREST, UNLABELED)
        return VariedPicture(image, labels, np.stack(masks) > 0, sentences)


Window = tuple[int, int, int, int]
"""Top, left, rows and columns of a part of an image."""


def _choose(
    picture: Picture, count: int, augmentation: ReferringAugmentation, rng: np.random.Generator
) -> tuple[list[Target], Window]:
    """Return `count` targets, larger ones more often, and the part of the image to look at."""
    shape = picture.shape
    whole = (0, 0, shape[0], shape[1])
    targets, window = picture.targets, whole
    if rng.random() < augmentation.crop_probability:
        free = [t for t in targets if not any(map(FRAME_WORDS.search, t.sentences))]
        things = [t for t in free if t.kind != REGION]
        if things:
            target = things[int(rng.choice(len(things), p=_weights(things, augmentation)))]
            window = _window_around(target.mask(shape), augmentation.crop_min, rng)
            targets = [t for t in free if _shown(t, shape, window)]
    if not targets:
        targets, window = picture.targets, whole
    weights = _weights(targets, augmentation)
    again = bool(np.count_nonzero(weights) < count)
    picked = rng.choice(len(targets), count, p=weights, replace=again)
    return [targets[int(index)] for index in picked], window


def _weights(
    targets: Sequence[Target], augmentation: ReferringAugmentation
) -> NDArray[np.float64]:
    """Return the chance of each target: by the square root of its size, and less for regions."""
    weights = np.array([min(target.share, 0.05) ** 0.5 for target in targets])
    regions = np.array([target.kind == REGION for target in targets])
    if regions.any() and not regions.all():
        share = augmentation.region_share
        weights[regions] *= share / weights[regions].sum()
        weights[~regions] *= (1 - share) / weights[~regions].sum()
    return np.asarray(weights / weights.sum())


def _window_around(mask: NDArray[np.uint8], smallest: float, rng: np.random.Generator) -> Window:
    """Return a part of the image's aspect that shows the whole mask."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    height, width = mask.shape
    needed = max((rows[-1] - rows[0] + 1) / height, (columns[-1] - columns[0] + 1) / width)
    scale = rng.uniform(max(smallest, min(needed, 1.0)), 1.0)
    tall, wide = int(np.ceil(scale * height)), int(np.ceil(scale * width))
    top = _start(rows, tall, height, rng)
    left = _start(columns, wide, width, rng)
    return top, left, tall, wide


def _start(shown: NDArray[np.intp], length: int, total: int, rng: np.random.Generator) -> int:
    first = max(0, int(shown[-1]) + 1 - length)
    last = min(int(shown[0]), total - length)
    return int(rng.integers(first, max(first, last) + 1))


def _shown(target: Target, shape: tuple[int, ...], window: Window) -> bool:
    """Return whether a target is whole in a part of the image; of a region any tenth will do."""
    mask = target.mask(shape)
    top, left, rows, columns = window
    part = mask[top : top + rows, left : left + columns].sum() / mask.sum()
    return bool(part >= (0.1 if target.kind == REGION else 0.99))


def _cut(
    pixels: NDArray[np.uint8],
    window: Window,
    flip: bool,
    size: tuple[int, int],
    resample: int,
    border: int = 0,
) -> NDArray[np.uint8]:
    top, left, rows, columns = window
    part = pixels[top : top + rows, left : left + columns]
    fit = Fit.of(part.shape[:2], size[::-1])
    scaled = fit.scaled_width, fit.scaled_height
    if part.shape[1::-1] != scaled:
        larger = part.shape[1] < scaled[0] and resample == cv2.INTER_AREA
        method = cv2.INTER_LINEAR if larger else resample
        part = np.asarray(cv2.resize(part, scaled, interpolation=method), np.uint8)
    part = fit.lay(part, border)
    return np.ascontiguousarray(part[:, ::-1] if flip else part)
