"""Where in the image a token is; the reference leaves that to padding."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mmseg_models.encoders.layers import Grid

_FREQUENCIES = 4


class Coordinates(nn.Module):
    """Adds a linear map of the token's row and column and of their sines; fits any size.

    Args:
        dim: Channels of the tokens.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.project = nn.Linear(2 + 4 * _FREQUENCIES, dim)

    def forward(self, x_NSC: Tensor, grid: Grid) -> Tensor:
        """Return N x S x C tokens that know their place."""
        result: Tensor = x_NSC + self.project(coordinates(grid).to(x_NSC))
        return result


def coordinates(grid: Grid) -> Tensor:
    """Return S x F float32: rows and columns from -1 to 1, and sines and cosines of them."""
    axes = [(torch.arange(size) + 0.5) / size * 2 - 1 for size in grid]
    place_S2 = torch.stack(torch.meshgrid(*axes, indexing='ij'), dim=-1).flatten(0, 1)
    angles = [math.pi / 2 * 2**power * place_S2 for power in range(_FREQUENCIES)]
    return torch.cat([place_S2, *(wave(a) for a in angles for wave in (torch.sin, torch.cos))], 1)
