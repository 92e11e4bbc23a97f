"""Hiera, the trunk of SAM 2's image encoder, written from its description.

Source: Ravi et al., SAM 2 (arXiv 2408.00714); Ryali et al., Hiera (arXiv 2306.00989); positions
in windows from Bolya et al. (arXiv 2311.05613). Sizes: SAM 2's published configurations.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from mmseg_models.encoders.hiera_blocks import HieraBlock, HieraSite, Qkv, QkvFactory
from mmseg_models.module_lists import module_list
from mmseg_models.presence import Presence
from mmseg_models.shapes import shape_of

NECK_DIM = 256


@dataclass(frozen=True)
class HieraConfig:
    """Size of one variant.

    Attributes:
        dim: Channels of the first stage; each further one has twice as many.
        heads: Attention heads of the first stage; the same.
        depths: Blocks per stage.
        windows: Side of the attention windows per stage. The first block of a stage still has
            the window of the stage before.
        global_blocks: Which blocks attend to the whole map.
        background: Side of the stored background positions.
        neck_dim: Channels behind the neck.
    """

    dim: int
    heads: int
    depths: tuple[int, ...]
    windows: tuple[int, ...]
    global_blocks: tuple[int, ...]
    background: int = 7
    neck_dim: int = NECK_DIM

    @property
    def channels(self) -> tuple[int, ...]:
        """Return the channels of each stage."""
        return tuple(self.dim * 2**stage for stage in range(len(self.depths)))

    def sites(self) -> list[HieraSite]:
        """Return the sizes of all blocks."""
        found: list[HieraSite] = []
        dim, heads, window = self.dim, self.heads, self.windows[0]
        for stage, depth in enumerate(self.depths):
            for index in range(depth):
                begins = stage > 0 and index == 0
                heads = 2 * heads if begins else heads
                side = 0 if len(found) in self.global_blocks else window
                found.append(HieraSite(dim, self.channels[stage], heads, side))
                dim, window = self.channels[stage], self.windows[stage]
        return found


_USUAL = (8, 4, 14, 7)
HIERA_CONFIGS = {
    'hiera_micro': HieraConfig(32, 1, (1, 2, 4, 2), (8, 4, 4, 4), (4, 6, 8), neck_dim=128),
    'hiera_tiny': HieraConfig(96, 1, (1, 2, 7, 2), _USUAL, (5, 7, 9)),
    'hiera_small': HieraConfig(96, 1, (1, 2, 11, 2), _USUAL, (7, 10, 13)),
    'hiera_base_plus': HieraConfig(112, 2, (2, 3, 16, 3), _USUAL, (12, 16, 20), background=14),
    'hiera_large': HieraConfig(144, 2, (2, 6, 36, 4), (8, 4, 16, 8), (23, 33, 43)),
}
"""SAM 2's four sizes, and `hiera_micro` for training on a CPU."""


class Hiera(nn.Module):
    """Four stages at strides 4 to 32.

    Args:
        config: Size. make_qkv: Makes each block's projection to queries, keys and values.
        recompute: Keep only the blocks' inputs for the backward pass and compute the rest again.
    """

    size_divisor = 32

    def __init__(
        self, config: HieraConfig, make_qkv: QkvFactory = Qkv, recompute: bool = False
    ) -> None:
        super().__init__()
        self.recompute = recompute
        self.stage_ends = tuple(end - 1 for end in accumulate(config.depths))
        self.patch = nn.Conv2d(3, config.dim, 7, 4, 3)
        background = (1, config.dim, config.background, config.background)
        self.background_position = nn.Parameter(torch.zeros(background))
        window = (1, config.dim, config.windows[0], config.windows[0])
        self.window_position = nn.Parameter(torch.zeros(window))
        self.blocks = module_list(HieraBlock(site, make_qkv) for site in config.sites())

    def forward(self, x_SCHW: Tensor, presence: Presence) -> list[Tensor]:
        """Return the four feature maps S x C_i x H / stride_i x W / stride_i."""
        x_SCHW = self.patch(x_SCHW)
        x_SHWC = (x_SCHW + self.position(*shape_of(x_SCHW)[2:])).permute(0, 2, 3, 1)
        features = []
        for index, block in enumerate(self.blocks):
            if self.recompute and self.training:
                x_SHWC = checkpoint(block, x_SHWC, presence, use_reentrant=False)
            else:
                x_SHWC = block(x_SHWC, presence)
            if index in self.stage_ends:
                features.append(x_SHWC.permute(0, 3, 1, 2))
        return features

    def position(self, height: int, width: int) -> Tensor:
        """Return the position embedding 1 x C x height x width of the patches.

        Args:
            height: Rows of patches, a multiple of the first stage's window.
            width: Columns of patches, the same.
        """
        background = functional.interpolate(
            self.background_position, size=(height, width), mode='bicubic'
        )
        side = self.window_position.shape[-1]
        return background + self.window_position.repeat(1, 1, height // side, width // side)
