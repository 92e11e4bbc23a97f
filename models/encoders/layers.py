"""Small layers that all encoders share."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from mmseg_models.shapes import merge_axes, shape_of, split_axis

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

Grid = tuple[int, int]
"""Rows and columns of the token map."""

PER_MODALITY_NORMS = ('scale_M3', 'shift_M3', 'scale_MC', 'shift_MC')
"""How the names of `InputAffine`'s and `ModalityAffine`'s tensors end."""

NormFactory = Callable[[int], nn.Module]
"""Makes a layer norm for a number of channels; called as norm(x_SNC, members)."""


class DropPath(nn.Module):
    """Drops whole samples of a residual branch while training; the rest is scaled up.

    Args:
        rate: Probability of dropping, 0 <= rate < 1.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x_S: Tensor) -> Tensor:
        """Return S x ... with some samples zeroed."""
        if not self.training or self.rate == 0.0:
            return x_S
        keep = 1.0 - self.rate
        shape = (x_S.shape[0],) + (1,) * (x_S.ndim - 1)
        return x_S * x_S.new_empty(shape).bernoulli_(keep).div_(keep)


class SharedNorm(nn.LayerNorm):
    """Layer norm with the same weights for every modality."""

    def forward(self, x_SNC: Tensor, members: tuple[int, ...] = ()) -> Tensor:
        """Return the normalized tokens, S x N x C; `members` is not needed."""
        return super().forward(x_SNC)


class ModalityNorm(nn.Module):
    """Layer norm with its own weights per modality.

    Args:
        dim: Channels. count: Number of modalities. eps: Added to the variance.
    """

    def __init__(self, dim: int, count: int, eps: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(dim, eps=eps) for _ in range(count))

    def forward(self, x_SNC: Tensor, members: tuple[int, ...]) -> Tensor:
        """Return the normalized tokens, S x N x C, stacked modality-major as `members` says."""
        chunks = x_SNC.split(shape_of(x_SNC)[0] // len(members))
        return torch.cat([self.norms[m](x) for m, x in zip(members, chunks, strict=True)])


class InputAffine(nn.Module):
    """Scale and shift of the three input channels, own ones for each modality.

    They start at what turns ImageNet's normalization into the one of the published weights,
    (x - 127) / 128.

    Args:
        count: Number of modalities.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
        self.scale_M3 = nn.Parameter((255.0 * std / 128.0).repeat(count, 1))
        self.shift_M3 = nn.Parameter(((255.0 * mean - 127.0) / 128.0).repeat(count, 1))

    def forward(self, x_S3HW: Tensor, members: tuple[int, ...]) -> Tensor:
        """Return S x 3 x H x W, stacked modality-major as `members` says."""
        rows = shape_of(x_S3HW)[0] // len(members)
        scale_S3, shift_S3 = (_per_row(p, members, rows) for p in (self.scale_M3, self.shift_M3))
        return x_S3HW * scale_S3[:, :, None, None] + shift_S3[:, :, None, None]


class ModalityAffine(nn.Module):
    """Scale and shift of each channel, own ones for each modality: a norm without statistics.

    Args:
        dim: Channels. count: Number of modalities.
    """

    def __init__(self, dim: int, count: int) -> None:
        super().__init__()
        self.scale_MC = nn.Parameter(torch.ones(count, dim))
        self.shift_MC = nn.Parameter(torch.zeros(count, dim))

    def forward(self, x_SNC: Tensor, members: tuple[int, ...]) -> Tensor:
        """Return S x N x C, stacked modality-major as `members` says."""
        rows = shape_of(x_SNC)[0] // len(members)
        scale_SC, shift_SC = (_per_row(p, members, rows) for p in (self.scale_MC, self.shift_MC))
        return x_SNC * scale_SC[:, None] + shift_SC[:, None]


def _per_row(weight_MC: Tensor, members: tuple[int, ...], rows: int) -> Tensor:
    """Return S x C: the members' rows, each for as many samples as there are."""
    return weight_MC[list(members)].repeat_interleave(rows, dim=0)


def to_tokens(x_SCHW: Tensor) -> tuple[Tensor, Grid]:
    """Return S x N x C tokens in row-major order, and their grid."""
    height, width = shape_of(x_SCHW)[2:]
    return merge_axes(x_SCHW, 2, 3).transpose(1, 2), (height, width)


def to_map(x_SNC: Tensor, grid: Grid) -> Tensor:
    """Return S x C x H x W (channels-last strides, no copy)."""
    return split_axis(x_SNC.transpose(1, 2), 2, grid)


def drop_path_rates(depths: tuple[int, ...], rate: float) -> list[list[float]]:
    """Return a rate per block and stage, rising linearly from 0 at the first to `rate`."""
    total = sum(depths)
    rates = [rate * i / max(total - 1, 1) for i in range(total)]
    starts = [sum(depths[:stage]) for stage in range(len(depths))]
    return [rates[start : start + depth] for start, depth in zip(starts, depths, strict=True)]


def initialize(module: nn.Module) -> None:
    """Set a layer's weights; use with `module.apply`.

    Linear layers get a normal distribution of 0.02 cut at two units, convolutions one of
    sqrt(2 / fan out), norms start at identity, biases at zero.
    """
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
    elif isinstance(module, nn.Conv2d):
        kernel = module.kernel_size[0] * module.kernel_size[1]
        fan_out = kernel * module.out_channels // module.groups
        nn.init.normal_(module.weight, std=math.sqrt(2.0 / fan_out))
    elif isinstance(module, nn.LayerNorm | nn.BatchNorm2d):
        nn.init.ones_(module.weight)
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)
