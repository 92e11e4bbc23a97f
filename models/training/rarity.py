"""How often each class occurs in the training split, and what its pixels and frames count."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.datasets.frame import FrameSource

SAMPLED_FRAMES = 200
SHOWN_PIXELS = 20
"""A frame with fewer pixels of a class hardly shows it."""

STANDARD_POWER = 0.5
"""How much rare classes outweigh common ones where nothing else is said."""

MIN_SHARE = 1e-4
"""Classes that are rarer count as if they had this share, so that no pixel outweighs a frame."""


def class_pixels(frames: FrameSource, label_space: LabelSpace) -> NDArray[np.int64]:
    """Return K counts of pixels over 200 evenly spaced frames, or over all if those show none."""
    sampled = np.linspace(0, len(frames) - 1, min(len(frames), SAMPLED_FRAMES)).astype(int)
    counts_K = _count(frames, sampled)[: label_space.num_classes]
    if not counts_K.any():
        counts_K = _count(frames, np.arange(len(frames)))[: label_space.num_classes]
    return counts_K


def frame_chances(
    frames: FrameSource, label_space: LabelSpace, power: float = STANDARD_POWER
) -> NDArray[np.float64]:
    """Return the chance of each frame to be drawn; frames with rare classes have larger ones.

    A frame weighs as much as the classes that it shows, each (1 / its share of the pixels) **
    power.

    Args:
        frames: All are read once.
        label_space: Their classes.
        power: How much rare classes outweigh common ones.
    """
    pixels_FK = np.stack([_pixels(frames, index) for index in range(len(frames))])
    pixels_FK = pixels_FK[:, : label_space.num_classes]
    weights_K = class_weights(pixels_FK.sum(axis=0), power).numpy().astype(np.float64)
    weights_F = (pixels_FK >= SHOWN_PIXELS) @ weights_K + MIN_SHARE
    return np.asarray(weights_F / weights_F.sum())


def _count(frames: FrameSource, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    return sum((_pixels(frames, int(index)) for index in chosen), np.zeros(256, np.int64))


def _pixels(frames: FrameSource, index: int) -> NDArray[np.int64]:
    return np.bincount(frames[index].labels.ravel(), minlength=256)


def class_weights(counts_K: NDArray[np.int64], power: float) -> Tensor:
    """Return K float32 weights (1 / share) ** power, whose mean over the pixels is 1."""
    share_K = counts_K / counts_K.sum()
    weights_K = np.maximum(share_K, MIN_SHARE) ** -power
    return torch.from_numpy(weights_K / (weights_K * share_K).sum()).float()
