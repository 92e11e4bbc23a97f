"""Mix Transformer (SegFormer's encoder), B0 to B5, written from its description.

Source: Xie et al., SegFormer, NeurIPS 2021 (arXiv 2105.15203), sections 3.1 and appendix A.
"""

from __future__ import annotations

from dataclasses import dataclass

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
from mmseg_models.presence import Presence
from mmseg_models.shapes import merge_axes, split_axis

HEADS = (1, 2, 5, 8)
REDUCTIONS = (8, 4, 2, 1)
MLP_RATIO = 4


@dataclass(frozen=True)
class MitConfig:
    """Size of one variant: channels and number of blocks per stage."""

    channels: tuple[int, ...]
    depths: tuple[int, ...]


_SMALL, _LARGE = (32, 64, 160, 256), (64, 128, 320, 512)
MIT_CONFIGS = {
    'mit_b0': MitConfig(_SMALL, (2, 2, 2, 2)),
    'mit_b1': MitConfig(_LARGE, (2, 2, 2, 2)),
    'mit_b2': MitConfig(_LARGE, (3, 4, 6, 3)),
    'mit_b3': MitConfig(_LARGE, (3, 4, 18, 3)),
    'mit_b4': MitConfig(_LARGE, (3, 8, 27, 3)),
    'mit_b5': MitConfig(_LARGE, (3, 6, 40, 3)),
}


class PatchEmbedding(nn.Module):
    """Overlapping strided convolution and layer norm.

    Args:
        in_channels: Channels of the map. dim: Channels of the tokens.
        kernel: Side of the patch. stride: Step between patches. norm: Makes the layer norm.
    """

    def __init__(
        self, in_channels: int, dim: int, kernel: int, stride: int, norm: NormFactory
    ) -> None:
        super().__init__()
        self.projection = nn.Conv2d(in_channels, dim, kernel, stride, padding=kernel // 2)
        self.norm = norm(dim)

    def forward(self, x_SCHW: Tensor, presence: Presence) -> tuple[Tensor, Grid]:
        """Return tokens S x N x dim and their grid."""
        x_SNC, grid = to_tokens(self.projection(x_SCHW))
        return self.norm(x_SNC, presence.members), grid


class Attention(nn.Module):
    """Self-attention whose keys and values come from a spatially reduced map.

    Args:
        dim: Channels. heads: Attention heads. reduction: Side of the map patch behind one key.
        norm: Makes the layer norm of the reduced map.
    """

    def __init__(self, dim: int, heads: int, reduction: int, norm: NormFactory) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key_value = nn.Linear(dim, 2 * dim)
        self.output = nn.Linear(dim, dim)
        self.reduce: nn.Conv2d | None = None
        if reduction > 1:
            self.reduce = nn.Conv2d(dim, dim, reduction, reduction)
            self.reduce_norm = norm(dim)

    def forward(
        self, x_SNC: Tensor, grid: Grid, presence: Presence, fusion: BlockFusion
    ) -> Tensor:
        """Return S x N x C; `fusion` may mix modalities before the output projection."""
        context_SNC = x_SNC
        if self.reduce is not None:
            context_SNC, _ = to_tokens(self.reduce(to_map(x_SNC, grid)))
            context_SNC = self.reduce_norm(context_SNC, presence.members)
        q_SLND = split_axis(self.query(x_SNC), 2, (self.heads, -1)).transpose(1, 2)
        kv_SNHLD = split_axis(self.key_value(context_SNC), 2, (2, self.heads, -1))
        k_SLND, v_SLND = kv_SNHLD.permute(2, 0, 3, 1, 4)
        a_SLND = functional.scaled_dot_product_attention(q_SLND, k_SLND, v_SLND)
        a_SNC = merge_axes(a_SLND.transpose(1, 2), 2, 3)
        result: Tensor = self.output(fusion.mix_attention(a_SNC, presence))
        return result


class MixMlp(nn.Module):
    """Two linear layers with a 3 x 3 depthwise convolution between them.

    Args:
        dim: Channels; the hidden layer has four times as many.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        hidden = MLP_RATIO * dim
        self.expand = nn.Linear(dim, hidden)
        self.depthwise = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.contract = nn.Linear(hidden, dim)

    def forward(self, x_SNC: Tensor, grid: Grid) -> Tensor:
        """Return S x N x C."""
        hidden_SNC, _ = to_tokens(self.depthwise(to_map(self.expand(x_SNC), grid)))
        result: Tensor = self.contract(functional.gelu(hidden_SNC))
        return result


class MitBlock(nn.Module):
    """Attention and MLP, each with layer norm before and residual around.

    Args:
        site: Where the block sits. norm: Makes layer norms. fusion: Hooks between modalities.
    """

    def __init__(self, site: BlockSite, norm: NormFactory, fusion: BlockFusion) -> None:
        super().__init__()
        self.norm1 = norm(site.dim)
        self.attention = Attention(site.dim, HEADS[site.stage], REDUCTIONS[site.stage], norm)
        self.norm2 = norm(site.dim)
        self.mlp = MixMlp(site.dim)
        self.drop_path = DropPath(site.drop_path)
        self.fusion = fusion

    def forward(self, x_SNC: Tensor, grid: Grid, presence: Presence) -> Tensor:
        """Return S x N x C."""

        def norm1(x: Tensor) -> Tensor:
            result: Tensor = self.norm1(x, presence.members)
            return result

        def norm2(x: Tensor) -> Tensor:
            result: Tensor = self.norm2(x, presence.members)
            return result

        normed_SNC = norm1(x_SNC)
        attended_SNC = self.attention(normed_SNC, grid, presence, self.fusion)
        x_SNC = x_SNC + self.drop_path(attended_SNC)
        x_SNC = self.fusion.after_attention(x_SNC, normed_SNC, norm1, presence)
        normed_SNC = norm2(x_SNC)
        x_SNC = x_SNC + self.drop_path(self.mlp(normed_SNC, grid))
        return self.fusion.after_mlp(x_SNC, normed_SNC, norm2, presence)


class MitStage(Stage):
    """Patch embedding, blocks, layer norm; the next stage reads the normalized map.

    Args:
        in_channels: Channels of the map that is embedded. sites: One per block.
        norms: Makers of layer norms. fusion: Makes each block's hooks.
    """

    def __init__(
        self, in_channels: int, sites: list[BlockSite], norms: Norms, fusion: FusionFactory
    ) -> None:
        super().__init__()
        dim = sites[0].dim
        kernel, stride = (7, 4) if sites[0].stage == 0 else (3, 2)
        self.embedding = PatchEmbedding(in_channels, dim, kernel, stride, norms.embed)
        self.blocks = nn.ModuleList(MitBlock(site, norms.block, fusion(site)) for site in sites)
        self.norm = norms.output(dim)

    def embed(self, x_SCHW: Tensor, presence: Presence) -> tuple[Tensor, Grid]:
        """Return the patch embedding."""
        result: tuple[Tensor, Grid] = self.embedding(x_SCHW, presence)
        return result

    def transform(self, x_SNC: Tensor, grid: Grid, presence: Presence) -> Tensor:
        """Return the tokens after all blocks."""
        for block in self.blocks:
            x_SNC = block(x_SNC, grid, presence)
        return x_SNC

    def finish(self, x_SNC: Tensor, grid: Grid, presence: Presence) -> tuple[Tensor, Tensor]:
        """Return the normalized map, for the decoder and for the next stage."""
        feature_SCHW = to_map(self.norm(x_SNC, presence.members), grid)
        return feature_SCHW, feature_SCHW


def build_mit(config: MitConfig, norms: Norms, fusion: FusionFactory, drop_path: float) -> Encoder:
    """Return a Mix Transformer.

    Args:
        config: Which variant.
        norms: Makers of layer norms.
        fusion: Makes each block's hooks.
        drop_path: Stochastic depth rate of the last block.
    """
    rates = drop_path_rates(config.depths, drop_path)
    stages: list[Stage] = []
    in_channels = 3
    for index, dim in enumerate(config.channels):
        sites = [BlockSite(index, dim, rate) for rate in rates[index]]
        stages.append(MitStage(in_channels, sites, norms, fusion))
        in_channels = dim
    return Encoder(stages, config.channels)
