"""Ways to degrade the normalized input of a network: whole modalities, elements, noise.

Source: Liao et al., Benchmarking Multi-modal Semantic Segmentation under Sensor Failures: Missing
and Noisy Modality Robustness, CVPR workshops 2025 (arXiv 2503.18445), and its published protocol.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mmseg_ros.core.types import EVENT, Modality

RATES: tuple[float, ...] = (0.25, 0.5, 0.75)
"""RMM: chance of an element of a chosen modality to be zeroed."""
NOISE_LEVELS: dict[str, tuple[float, float]] = {
    'low': (0.05, 0.1), 'mid': (0.1, 0.2), 'high': (0.2, 0.5),
}  # fmt: skip
"""NM: density of salt and pepper, deviation of the Gaussian noise, in normalized values."""


def without_modalities(images_BMCHW: Tensor, missing: Sequence[int]) -> Tensor:
    """Return the images with whole modalities zeroed (EMM): the network is not told.

    Args:
        images_BMCHW: B x M x 3 x H x W, normalized.
        missing: Places of the modalities.
    """
    result = images_BMCHW.clone()
    result[:, list(missing)] = 0.0
    return result


def without_elements(
    images_BMCHW: Tensor, chosen: Sequence[int], rate: float, generator: torch.Generator
) -> Tensor:
    """Return the images where each element of chosen modalities is zeroed by chance (RMM).

    Args:
        images_BMCHW: B x M x 3 x H x W, normalized.
        chosen: Places of the modalities.
        rate: Chance per channel and pixel.
        generator: Source of randomness.
    """
    result = images_BMCHW.clone()
    for place in chosen:
        kept = torch.rand(result[:, place].shape, generator=generator) >= rate
        result[:, place] *= kept
    return result


def with_noise(
    images_BMCHW: Tensor, modalities: Sequence[Modality], level: str, generator: torch.Generator
) -> Tensor:
    """Return the images with salt and pepper, then Gaussian noise on all but events (NM).

    Salt and pepper are the largest and the smallest value of a modality's tensor; each is put
    at half the density of the elements, drawn with replacement.

    Args:
        images_BMCHW: B x M x 3 x H x W, normalized.
        modalities: Names of the M modalities.
        level: One of NOISE_LEVELS.
        generator: Source of randomness.
    """
    density, deviation = NOISE_LEVELS[level]
    result = images_BMCHW.clone()
    for place, name in enumerate(modalities):
        plane = images_BMCHW[:, place].contiguous()
        noisy, count = plane.clone(), math.ceil(density * plane.numel() / 2)
        for value in (plane.max(), plane.min()):
            index = torch.randint(plane.numel(), (count,), generator=generator)
            noisy.view(-1)[index] = value
        if name != EVENT:
            noisy += deviation * torch.randn(noisy.shape, generator=generator)
        result[:, place] = noisy
    return result
