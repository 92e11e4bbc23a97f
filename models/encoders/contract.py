"""What every encoder offers: four stages at strides 4 to 32, and hooks for fusion in each block.

Tokens of all computed modalities are stacked on the first axis, so a shared weight is applied to
all of them in one call. A fusion method writes a `BlockFusion` instead of a copy of the block.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from mmseg_models.encoders.layers import Grid, NormFactory
from mmseg_models.module_lists import module_list
from mmseg_models.presence import Presence

Norm = Callable[[Tensor], Tensor]


class BlockFusion(nn.Module):
    """Exchange between the modalities inside one transformer block; this one does nothing."""

    def mix_attention(self, a_SNC: Tensor, presence: Presence) -> Tensor:
        """Return the attention's result, before MiT's output projection or after Swin's."""
        return a_SNC

    def after_attention(
        self, x_SNC: Tensor, normed_SNC: Tensor, norm: Norm, presence: Presence
    ) -> Tensor:
        """Return the tokens after the attention's residual.

        Args:
            x_SNC: Tokens with the residual added.
            normed_SNC: What the attention read.
            norm: The block's first layer norm.
            presence: What S holds.
        """
        return x_SNC

    def after_mlp(
        self, x_SNC: Tensor, normed_SNC: Tensor, norm: Norm, presence: Presence
    ) -> Tensor:
        """Return the tokens after the MLP's residual; arguments as for the attention."""
        return x_SNC


@dataclass(frozen=True)
class BlockSite:
    """Where a block sits.

    Attributes:
        stage: 0 to 3. dim: Channels. drop_path: Stochastic depth rate of this block.
        has_attention: Whether there is an attention before the MLP to hook into.
    """

    stage: int
    dim: int
    drop_path: float
    has_attention: bool = True


@dataclass(frozen=True)
class Norms:
    """Makers of an encoder's layer norms.

    Attributes:
        embed: For the patch embeddings. block: Inside the blocks. output: After a stage.
    """

    embed: NormFactory
    block: NormFactory
    output: NormFactory


FusionFactory = Callable[[BlockSite], BlockFusion]


def no_fusion(site: BlockSite) -> BlockFusion:
    """Return hooks that do nothing."""
    return BlockFusion()


class Stage(nn.Module):
    """One resolution of an encoder: embed, then transform, then finish."""

    def embed(self, x_SCHW: Tensor, presence: Presence) -> tuple[Tensor, Grid]:
        """Return the stage's tokens S x N x C and their grid."""
        raise NotImplementedError

    def transform(self, x_SNC: Tensor, grid: Grid, presence: Presence) -> Tensor:
        """Return the tokens after the stage's blocks."""
        raise NotImplementedError

    def finish(self, x_SNC: Tensor, grid: Grid, presence: Presence) -> tuple[Tensor, Tensor]:
        """Return the feature map for the decoder and the map that the next stage embeds."""
        raise NotImplementedError


class SameInput(nn.Module):
    """Images as they come."""

    def forward(self, x_SCHW: Tensor, members: tuple[int, ...]) -> Tensor:
        """Return the images."""
        return x_SCHW


class Encoder(nn.Module):
    """Four stages.

    Args:
        stages: From fine to coarse.
        channels: Channels of each stage's feature map.
    """

    strides = (4, 8, 16, 32)
    size_divisor = 32

    def __init__(self, stages: list[Stage], channels: tuple[int, ...]) -> None:
        super().__init__()
        self.input: nn.Module = SameInput()
        self.stem: nn.Module = nn.Identity()
        self.stages = module_list(stages)
        self.channels = channels

    def prepare(self, x_SCHW: Tensor, presence: Presence) -> Tensor:
        """Return what the first stage embeds."""
        result: Tensor = self.stem(self.input(x_SCHW, presence.members))
        return result

    def forward(self, x_SCHW: Tensor, presence: Presence) -> list[Tensor]:
        """Return the four feature maps S x C_i x H / stride_i x W / stride_i."""
        return self.run_stages(self.prepare(x_SCHW, presence), presence)

    def run_stages(self, x_SCHW: Tensor, presence: Presence) -> list[Tensor]:
        """Return the four feature maps of what `prepare` returned."""
        features = []
        for stage in self.stages:
            x_SNC, grid = stage.embed(x_SCHW, presence)
            x_SNC = stage.transform(x_SNC, grid, presence)
            feature_SCHW, x_SCHW = stage.finish(x_SNC, grid, presence)
            features.append(feature_SCHW)
        return features
