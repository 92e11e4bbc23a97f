"""From four maps to one at a quarter of the input's size."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmseg_models.shapes import shape_of


class Refinement(nn.Module):
    """Joins a coarse map with a finer one: upsampling, then two convolutions.

    Args:
        dim: Channels of both together. out: Channels after it.
    """

    def __init__(self, dim: int, out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(dim, out, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out)

    def forward(self, coarse_NCHW: Tensor, fine_NDHW: Tensor) -> Tensor:
        """Return N x out x H x W at the size of the finer map."""
        raised_NCHW = resize(coarse_NCHW, shape_of(fine_NDHW)[2:])
        x = torch.cat([raised_NCHW, fine_NDHW], dim=1)
        x = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(self.norm2(self.conv2(x)))


class Decoder(nn.Module):
    """Three refinements, from the coarsest map to the finest.

    Args:
        channels: Channels of the maps, finest first. dim: Channels inside.
    """

    def __init__(self, channels: tuple[int, ...], dim: int) -> None:
        super().__init__()
        below = (channels[3], dim, dim)
        self.refinements = nn.ModuleList(
            Refinement(coarse + fine, dim)
            for coarse, fine in zip(below, channels[2::-1], strict=True)
        )

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return N x dim x H / 4 x W / 4 for maps of strides 4, 8, 16 and 32."""
        x = maps[3]
        for refine, finer in zip(self.refinements, maps[2::-1], strict=True):
            x = refine(x, finer)
        return x


def resize(x_NCHW: Tensor, size: tuple[int, ...]) -> Tensor:
    """Return a map at another size, bilinear between the outermost pixels' centers."""
    return functional.interpolate(x_NCHW, size=size, mode='bilinear', align_corners=True)
