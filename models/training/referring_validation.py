"""Scores of a referring network: by kind, by size, and with the text prompts shuffled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mmseg_models.training.referring_data import Picture, Target
from mmseg_ros.datasets.refer import THING
from mmseg_ros.metrics.referring import ReferringScore

SIZE_BINS = (0.0, 0.003, 0.01, 0.03, 0.1, 1.0)
"""Edges of the share of the image that a mask covers."""
LARGE = 0.01
"""Share of the image from which on a thing counts as large."""
_SHUFFLE_SEED = 11

Segmenter = Callable[[NDArray[np.uint8], list[str]], NDArray[np.bool_]]
"""An image H x W x 3 uint8 and S text prompts -> S x H x W bool."""


@dataclass(frozen=True, slots=True)
class Question:
    """One sentence about one image."""

    picture: Picture
    target: Target
    sentence: str


def questions(pictures: Sequence[Picture], least: float, most: int = 0) -> list[Question]:
    """Return every text prompt about a target of at least this share of the image.

    Args:
        pictures: Validation split.
        least: Share of the image.
        most: At most so many, evenly spaced; 0 takes all.
    """
    found = [
        Question(picture, target, sentence)
        for picture in pictures
        for target in picture.targets
        if target.share >= least
        for sentence in target.sentences
    ]
    chosen = np.linspace(0, len(found) - 1, min(most or len(found), len(found))).astype(int)
    return [found[int(index)] for index in chosen]


def shuffled(asked: Sequence[Question]) -> list[Question]:
    """Return the questions, each with the text prompt of another one."""
    order = np.random.default_rng(_SHUFFLE_SEED).permutation(len(asked))
    following = dict(zip(order, np.roll(order, 1), strict=True))
    return [
        Question(item.picture, item.target, asked[int(following[index])].sentence)
        for index, item in enumerate(asked)
    ]


def of_the_same_image(asked: Sequence[Question]) -> list[Question]:
    """Return the questions on images with several, each with another one's text prompt."""
    pictures: dict[int, list[Question]] = {}
    for item in asked:
        pictures.setdefault(id(item.picture), []).append(item)
    return [
        Question(item.picture, item.target, other.sentence)
        for items in pictures.values()
        if len(items) > 1
        for item, other in zip(items, items[1:] + items[:1], strict=True)
    ]


def full_scores(segment: Segmenter, pictures: Sequence[Picture], least: float) -> dict[str, Any]:
    """Return all scores of targets of at least this share, and whether text prompts are read.

    Whether they are is asked of things of `LARGE` and more: with the right text prompts, with
    text prompts shuffled among all of them, and with another text prompt about the same image.
    """
    asked = questions(pictures, least)
    large = [item for item in questions(pictures, LARGE) if item.target.kind == THING]
    name = f'things of {100 * LARGE:g} % and more'
    probes = {
        name: large,
        f'{name}, text prompts shuffled': shuffled(large),
        f'{name}, another text prompt about the image': of_the_same_image(large),
    }
    found = {what: score(segment, probe)['all'] for what, probe in probes.items() if probe}
    return score(segment, asked) | found


def score(segment: Segmenter, asked: Sequence[Question]) -> dict[str, dict[str, float]]:
    """Return the scores over all questions, over each kind, and of things per size."""
    return scores_of(asked, pixel_counts(segment, asked))


def pixel_counts(segment: Segmenter, asked: Sequence[Question]) -> NDArray[np.int64]:
    """Return Q x 2: pixels in the mask and the truth of each question, and in either."""
    counts = np.zeros((len(asked), 2), np.int64)
    for row, item in zip(counts, asked, strict=True):
        mask = segment(item.picture.image, [item.sentence])[0]
        truth = item.target.mask(item.picture.shape) > 0
        row[:] = (mask & truth).sum(), (mask | truth).sum()
    return counts


def scores_of(
    asked: Sequence[Question], counts_Q2: NDArray[np.int64]
) -> dict[str, dict[str, float]]:
    """Return what `score` does, from the questions' `pixel_counts`."""
    scores: dict[str, ReferringScore] = {}
    for item, (both, either) in zip(asked, counts_Q2.tolist(), strict=True):
        for name in ('all', item.target.kind, f'{item.target.kind} {_size(item.target.share)}'):
            scores.setdefault(name, ReferringScore()).add(both, either)
    return {name: scores[name].to_dict() for name in sorted(scores)}


def _size(share: float) -> str:
    upper = next(edge for edge in SIZE_BINS[1:] if share <= edge)
    lower = SIZE_BINS[SIZE_BINS.index(upper) - 1]
    return f'{100 * lower:g}-{100 * upper:g} %'


def best_mask(logits_N2HW: torch.Tensor) -> NDArray[np.bool_]:
    """Return N x H x W bool: where inside is likelier than outside."""
    return np.asarray((logits_N2HW[:, 1] > logits_N2HW[:, 0]).cpu().numpy())
