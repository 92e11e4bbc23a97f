"""Swin Transformer, written from its description.

Source: Liu et al., Swin Transformer, ICCV 2021 (arXiv 2103.14030), section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmseg_models.encoders.contract import (
    BlockFusion,
    BlockSite,
    Encoder,
    FusionFactory,
    Norms,
    Stage,
)
from mmseg_models.encoders.layers import (
    DropPath,
    Grid,
    NormFactory,
    drop_path_rates,
    to_map,
    to_tokens,
)
from mmseg_models.encoders.windows import (
    join_windows,
    position_index,
    shift_mask,
    split_windows,
)
from mmseg_models.presence import Presence
from mmseg_models.shapes import merge_axes, shape_of, split_axis

MLP_RATIO = 4
PATCH_SIZE = 4


@dataclass(frozen=True)
class SwinConfig:
    """Size of one variant: first stage's channels, blocks and heads per stage, window side."""

    channels: int
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    window: int


_LARGE_HEADS = (6, 12, 24, 48)
SWIN_CONFIGS = {
    'swin_tiny': SwinConfig(96, (2, 2, 6, 2), (3, 6, 12, 24), 7),
    'swin_small': SwinConfig(96, (2, 2, 18, 2), (3, 6, 12, 24), 7),
    'swin_base': SwinConfig(128, (2, 2, 18, 2), (4, 8, 16, 32), 7),
    'swin_base_w12': SwinConfig(128, (2, 2, 18, 2), (4, 8, 16, 32), 12),
    'swin_large': SwinConfig(192, (2, 2, 18, 2), _LARGE_HEADS, 7),
    'swin_large_w12': SwinConfig(192, (2, 2, 18, 2), _LARGE_HEADS, 12),
}


class PatchEmbedding(nn.Module):
    """Non-overlapping patches and layer norm.

    Args:
        dim: Channels of the tokens. norm: Makes the layer norm.
    """

    def __init__(self, dim: int, norm: NormFactory) -> None:
        super().__init__()
        self.projection = nn.Conv2d(3, dim, PATCH_SIZE, PATCH_SIZE)
        self.norm = norm(dim)

    def forward(self, x_SCHW: Tensor, presence: Presence) -> tuple[Tensor, Grid]:
        """Return tokens S x N x dim and their grid."""
        x_SNC, grid = to_tokens(self.projection(x_SCHW))
        return self.norm(x_SNC, presence.members), grid


class PatchMerging(nn.Module):
    """Joins 2 x 2 tokens into one with twice the channels.

    Args:
        dim: Channels before. norm: Makes the layer norm.
    """

    def __init__(self, dim: int, norm: NormFactory) -> None:
        super().__init__()
        self.norm = norm(4 * dim)
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, x_SCHW: Tensor, presence: Presence) -> tuple[Tensor, Grid]:
        """Return tokens S x N / 4 x 2 dim and their grid."""
        x_SHWC = x_SCHW.permute(0, 2, 3, 1)
        quarters = [x_SHWC[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        x_SHWC = torch.cat(quarters, dim=-1)
        height, width = shape_of(x_SHWC)[1:3]
        x_SNC = self.norm(merge_axes(x_SHWC, 1, 2), presence.members)
        return self.reduction(x_SNC), (height, width)


class WindowAttention(nn.Module):
    """Self-attention inside windows with a learned bias per relative position.

    Args:
        dim: Channels. heads: Attention heads. window: Side of a window.
    """

    position_index: Tensor

    def __init__(self, dim: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (dim // heads) ** -0.5
        self.query_key_value = nn.Linear(dim, 3 * dim)
        self.output = nn.Linear(dim, dim)
        self.position_bias = nn.Parameter(torch.empty((2 * window - 1) ** 2, heads))
        nn.init.trunc_normal_(self.position_bias, std=0.02)
        self.register_buffer('position_index', position_index(window))

    def forward(self, x_SWLC: Tensor, mask_WLL: Tensor | None) -> Tensor:
        """Return S x W x L x C for W windows of L tokens.

        Args:
            x_SWLC: Tokens.
            mask_WLL: Added to the attention's logits; None for no mask.
        """
        qkv = split_axis(self.query_key_value(x_SWLC), 3, (3, self.heads, -1))
        q, k, v = qkv.permute(3, 0, 1, 4, 2, 5)
        bias_HLL = self.position_bias[self.position_index].permute(2, 0, 1)
        if mask_WLL is not None:
            bias_HLL = bias_HLL + mask_WLL[:, None]
        attention = (q * self.scale) @ k.transpose(-2, -1) + bias_HLL
        mixed = attention.softmax(dim=-1) @ v
        result: Tensor = self.output(merge_axes(mixed.transpose(2, 3), 3, 4))
        return result


class Mlp(nn.Module):
    """Two linear layers with GELU.

    Args:
        dim: Channels; the hidden layer has four times as many.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.expand = nn.Linear(dim, MLP_RATIO * dim)
        self.contract = nn.Linear(MLP_RATIO * dim, dim)

    def forward(self, x_SNC: Tensor) -> Tensor:
        """Return S x N x C."""
        result: Tensor = self.contract(functional.gelu(self.expand(x_SNC)))
        return result


class SwinBlock(nn.Module):
    """Window attention and MLP, each with layer norm before and residual around.

    Args:
        site: Where the block sits. heads: Attention heads. window: Side of a window.
        shift: Pixels by which the windows are moved. norm: Makes layer norms.
        fusion: Hooks between modalities.
    """

    def __init__(
        self,
        site: BlockSite,
        heads: int,
        window: int,
        shift: int,
        norm: NormFactory,
        fusion: BlockFusion,
    ) -> None:
        super().__init__()
        self.window, self.shift = window, shift
        self.norm1 = norm(site.dim)
        self.attention = WindowAttention(site.dim, heads, window)
        self.norm2 = norm(site.dim)
        self.mlp = Mlp(site.dim)
        self.drop_path = DropPath(site.drop_path)
        self.fusion = fusion

    def forward(self, x_SNC: Tensor, grid: Grid, presence: Presence, mask_WLL: Tensor) -> Tensor:
        """Return S x N x C; `mask_WLL` is used by blocks with moved windows."""

        def norm1(x: Tensor) -> Tensor:
            result: Tensor = self.norm1(x, presence.members)
            return result

        def norm2(x: Tensor) -> Tensor:
            result: Tensor = self.norm2(x, presence.members)
            return result

        normed_SNC = norm1(x_SNC)
        attended_SNC = self._attend(normed_SNC, grid, mask_WLL)
        attended_SNC = self.fusion.mix_attention(attended_SNC, presence)
        x_SNC = x_SNC + self.drop_path(attended_SNC)
        x_SNC = self.fusion.after_attention(x_SNC, normed_SNC, norm1, presence)
        normed_SNC = norm2(x_SNC)
        x_SNC = x_SNC + self.drop_path(self.mlp(normed_SNC))
        return self.fusion.after_mlp(x_SNC, normed_SNC, norm2, presence)

    def _attend(self, x_SNC: Tensor, grid: Grid, mask_WLL: Tensor) -> Tensor:
        map_SHWC = split_axis(x_SNC, 1, grid)
        windows, padded = split_windows(map_SHWC, self.window, self.shift)
        windows = self.attention(windows, mask_WLL if self.shift else None)
        joined_SHWC = join_windows(windows, self.window, self.shift, padded, grid)
        return merge_axes(joined_SHWC, 1, 2)


class SwinStage(Stage):
    """Patch embedding (or merging) and blocks; the next stage reads the map before the norm.

    Args:
        config: Which variant. sites: One per block. norms: Makers of layer norms.
        fusion: Makes each block's hooks.
    """

    def __init__(
        self, config: SwinConfig, sites: list[BlockSite], norms: Norms, fusion: FusionFactory
    ) -> None:
        super().__init__()
        index, dim = sites[0].stage, sites[0].dim
        self.window = config.window
        if index == 0:
            self.embedding: nn.Module = PatchEmbedding(dim, norms.embed)
        else:
            self.embedding = PatchMerging(dim // 2, norms.block)
        heads, shifts = config.heads[index], (0, config.window // 2)
        self.blocks = nn.ModuleList(
            SwinBlock(site, heads, config.window, shifts[i % 2], norms.block, fusion(site))
            for i, site in enumerate(sites)
        )
        self.norm = norms.output(dim)

    def embed(self, x_SCHW: Tensor, presence: Presence) -> tuple[Tensor, Grid]:
        """Return patches, or merged tokens of the stage before."""
        result: tuple[Tensor, Grid] = self.embedding(x_SCHW, presence)
        return result

    def transform(self, x_SNC: Tensor, grid: Grid, presence: Presence) -> Tensor:
        """Return the tokens after all blocks."""
        mask_WLL = shift_mask(grid, self.window, self.window // 2, x_SNC)
        for block in self.blocks:
            x_SNC = block(x_SNC, grid, presence, mask_WLL)
        return x_SNC

    def finish(self, x_SNC: Tensor, grid: Grid, presence: Presence) -> tuple[Tensor, Tensor]:
        """Return the normalized map for the decoder and the raw one for the next stage."""
        feature_SCHW = to_map(self.norm(x_SNC, presence.members), grid)
        return feature_SCHW, to_map(x_SNC, grid)


def build_swin(
    config: SwinConfig, norms: Norms, fusion: FusionFactory, drop_path: float
) -> Encoder:
    """Return a Swin Transformer.

    Args:
        config: Which variant.
        norms: Makers of layer norms.
        fusion: Makes each block's hooks.
        drop_path: Stochastic depth rate of the last block.
    """
    rates = drop_path_rates(config.depths, drop_path)
    channels = tuple(config.channels * 2**stage for stage in range(len(config.depths)))
    stages: list[Stage] = []
    for index, dim in enumerate(channels):
        sites = [BlockSite(index, dim, rate) for rate in rates[index]]
        stages.append(SwinStage(config, sites, norms, fusion))
    return Encoder(stages, channels)
