"""Five text prompts about the sequence, and what a text-prompted network points at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.labels import LabelSpace, load_label_space
from mmseg_ros.core.types import RGB, ImageData
from mmseg_ros.demo.shown import Moment
from mmseg_ros.evaluation.truth import Truth
from mmseg_ros.labelling import as_rgb, overlay
from mmseg_ros.metrics.figures import picture
from mmseg_ros.metrics.html import Html
from mmseg_ros.metrics.report import Figure, Section, percent
from mmseg_ros.referring.result import ReferringResult, label_space_of
from mmseg_ros.referring.segmenter import ReferringSegmenter

SENTENCES = 5
_LEAST_SHARE = 0.004
_ALPHA = 0.6
# What is said -> the class of the simulation that it must be a part of.
_CANDIDATES = {
    'the closest car': 'Cars',
    'the bus': 'Bus',
    'the tree on the right': 'Vegetation',
    'the truck': 'Truck',
    'the car on the left': 'Cars',
    'the tree on the left': 'Vegetation',
    'the farthest car': 'Cars',
    'the buildings': 'Building',
    'the road': 'Road',
    'the sky': 'Sky',
    'the sidewalk': 'SideWalk',
    'the closest person': 'Pedestrian',
}


@dataclass(frozen=True, slots=True)
class Scene:
    """One camera image with what can be said about it.

    Attributes:
        elapsed_s: When in the sequence. rgb: H x W x 3 uint8. labels: True classes of its pixels.
        sentences: Whose class is in the image.
    """

    elapsed_s: float
    rgb: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    sentences: tuple[str, ...]


def scenes(seen: Iterable[Moment], truth: Truth) -> list[Scene]:
    """Return moments with their share of the five text prompts; those without any are left out.

    A sentence is used once, and only where its class covers a visible part of the image.
    """
    ids = {c.name: c.id for c in load_label_space().classes}
    views = [view for moment in seen if (view := _view(moment, truth)) is not None]
    chosen: list[list[str]] = [[] for _ in views]
    left = list(_CANDIDATES)
    while views and left and sum(map(len, chosen)) < SENTENCES:
        before = len(left)
        for (_, _, labels), said in zip(views, chosen, strict=True):
            here = (s for s in left if (labels == ids[_CANDIDATES[s]]).mean() >= _LEAST_SHARE)
            sentence = next(here, None)
            if sentence is not None and sum(map(len, chosen)) < SENTENCES:
                said.append(sentence)
                left.remove(sentence)
        if len(left) == before:
            break
    return [Scene(*view, tuple(said)) for view, said in zip(views, chosen, strict=True) if said]


def pointed_section(shown: Sequence[Scene], segmenter: ReferringSegmenter) -> Section:
    """Return the section with an image per text prompt."""
    manifest = segmenter.bundle.manifest
    space = label_space_of(tuple(sentence for scene in shown for sentence in scene.sentences))
    tiles = []
    for scene in shown:
        result = segmenter.segment(scene.rgb, scene.sentences)
        tiles += [_tile(scene, result, i, space) for i in range(len(scene.sentences))]
    return Section(
        'Text prompts',
        f'{manifest.name} was given these text prompts and images of the sequence. The node '
        'takes text prompts live on /mmseg/referring/expression and answers on '
        '/mmseg/referring/mask.',
        [
            Figure(
                tiles,
                'Colored: the pixels that the network takes to be meant. The percentage is the '
                'share of them whose true class in the simulation is the one that the text prompt '
                'names; whether it is the right one of several, the eye decides.',
            )
        ],
    )


def _view(
    moment: Moment, truth: Truth
) -> tuple[float, NDArray[np.uint8], NDArray[np.uint8]] | None:
    sample = moment.frame_set.samples.get(RGB)
    labels = truth.label_image(moment.frame.stamp_ns)
    if sample is None or labels is None or not isinstance(sample.payload, ImageData):
        return None
    return moment.frame.elapsed_s, as_rgb(sample.payload.pixels), labels


def _tile(
    scene: Scene, result: ReferringResult, index: int, space: LabelSpace
) -> tuple[str, Html]:
    """Return (label, image) of one sentence."""
    sentence = result.sentences[index]
    meant = result.meant[index]
    labels = np.where(meant, space.class_id(sentence), space.ignore_id).astype(np.uint8)
    image = overlay(scene.rgb, labels, space, _ALPHA)
    wanted = load_label_space().class_id(_CANDIDATES[sentence])
    told = 'nothing found'
    if meant.any():
        right = float((scene.labels[meant] == wanted).mean())
        told = f'{percent(right)} {_CANDIDATES[sentence]}'
    label = f'“{sentence}” at {scene.elapsed_s:.1f} s: {told}'
    return label, picture(image, sentence, lossy=True)
