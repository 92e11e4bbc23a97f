"""EfficientNet-Lite 0 to 2, written from the paper and the published layout.

Source: Tan and Le, EfficientNet, ICML 2019 (arXiv 1905.11946), table 1; the Lite variants have
ReLU6, no squeeze-and-excite, and a stem, a first and a last group that are not scaled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from mmseg_models.encoders.contract import BlockFusion, BlockSite, Encoder, FusionFactory, Stage
from mmseg_models.encoders.layers import (
    DropPath,
    Grid,
    InputAffine,
    ModalityAffine,
    drop_path_rates,
    to_map,
    to_tokens,
)
from mmseg_models.presence import Presence

NORM_EPS = 1e-3
# The published 0.01 is meant for runs of hundreds of thousands of steps.
NORM_MOMENTUM = 0.05
STEM_CHANNELS = 32
CHANNEL_STEP = 8


@dataclass(frozen=True)
class Group:
    """Blocks of one size.

    Attributes:
        repeats: Number of blocks. kernel: Side of the depthwise kernel.
        stride: Of the first block. expansion: Hidden channels over those that come in.
        channels: Channels that go out.
    """

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


BASE_GROUPS = (
    Group(1, 3, 1, 1, 16),
    Group(2, 3, 2, 6, 24),
    Group(2, 5, 2, 6, 40),
    Group(3, 3, 2, 6, 80),
    Group(3, 5, 1, 6, 112),
    Group(4, 5, 2, 6, 192),
    Group(1, 3, 1, 6, 320),
)
STAGE_GROUPS = ((1,), (2,), (3, 4), (5, 6))
"""Which groups make up the stages at strides 4, 8, 16 and 32; group 0 belongs to the stem."""


@dataclass(frozen=True)
class EfficientNetConfig:
    """Size of one variant: factors on the channels and on the number of blocks."""

    width: float
    depth: float

    @property
    def groups(self) -> list[Group]:
        """Return the groups of this variant."""
        last = len(BASE_GROUPS) - 1
        return [
            Group(
                group.repeats if index in (0, last) else math.ceil(self.depth * group.repeats),
                group.kernel,
                group.stride,
                group.expansion,
                scaled_channels(group.channels, self.width),
            )
            for index, group in enumerate(BASE_GROUPS)
        ]


EFFICIENTNET_CONFIGS = {
    'efficientnet_lite0': EfficientNetConfig(1.0, 1.0),
    'efficientnet_lite1': EfficientNetConfig(1.0, 1.1),
    'efficientnet_lite2': EfficientNetConfig(1.1, 1.2),
}


def scaled_channels(channels: int, width: float) -> int:
    """Return the multiple of 8 that is nearest to `width * channels`, at most 10 % below it."""
    wanted = channels * width
    rounded = max(CHANNEL_STEP, int(wanted + CHANNEL_STEP / 2) // CHANNEL_STEP * CHANNEL_STEP)
    return rounded if rounded >= 0.9 * wanted else rounded + CHANNEL_STEP


class ConvNorm(nn.Module):
    """Convolution without bias, batch norm, and ReLU6 if asked for.

    A strided convolution pads one row less above than below, and the same for columns, as the
    published weights expect for even sizes.

    Args:
        in_channels: Channels in. out_channels: Channels out. kernel: Side of the kernel.
        stride: Step. groups: Groups of channels. active: Whether ReLU6 follows.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        active: bool = True,
    ) -> None:
        super().__init__()
        spare = kernel - stride
        self.margins = (spare // 2, spare - spare // 2) * 2 if spare % 2 else None
        padding = 0 if self.margins else spare // 2
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel, stride, padding, groups=groups, bias=False
        )
        self.norm = nn.BatchNorm2d(out_channels, eps=NORM_EPS, momentum=NORM_MOMENTUM)
        self.active = active

    def forward(self, x_SCHW: Tensor) -> Tensor:
        """Return S x C' x H / stride x W / stride."""
        if self.margins:
            x_SCHW = functional.pad(x_SCHW, self.margins)
        x_SCHW = self.norm(self.conv(x_SCHW))
        return functional.relu6(x_SCHW) if self.active else x_SCHW


class InvertedResidual(nn.Module):
    """Expand, filter each channel, contract; added to what came in where the shapes allow.

    Args:
        in_channels: Channels in. group: Size of the block. stride: Step of the filter.
        drop_path: Stochastic depth rate.
    """

    def __init__(self, in_channels: int, group: Group, stride: int, drop_path: float) -> None:
        super().__init__()
        hidden = in_channels * group.expansion
        self.expand = ConvNorm(in_channels, hidden, 1) if group.expansion > 1 else nn.Identity()
        self.depthwise = ConvNorm(hidden, hidden, group.kernel, stride, groups=hidden)
        self.contract = ConvNorm(hidden, group.channels, 1, active=False)
        self.drop_path = DropPath(drop_path)
        self.is_residual = stride == 1 and in_channels == group.channels

    def forward(self, x_SCHW: Tensor) -> Tensor:
        """Return S x C' x H / stride x W / stride."""
        out_SCHW = self.contract(self.depthwise(self.expand(x_SCHW)))
        result: Tensor = x_SCHW + self.drop_path(out_SCHW) if self.is_residual else out_SCHW
        return result


class EfficientNetStage(Stage):
    """The blocks of one stage, then the modalities' exchange.

    The batch norms are shared by all modalities; scale and shift of the blocks' result are each
    modality's own.

    Args:
        blocks: The first of them brings the map to this stage's size.
        norm: Scale and shift per modality. fusion: Hooks between modalities, after the blocks.
    """

    def __init__(self, blocks: list[nn.Module], norm: ModalityAffine, fusion: BlockFusion) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.norm = norm
        self.fusion = fusion

    def embed(self, x_SCHW: Tensor, presence: Presence) -> tuple[Tensor, Grid]:
        """Return the tokens behind all blocks."""
        x_SNC, grid = to_tokens(self.blocks(x_SCHW))
        return self.norm(x_SNC, presence.members), grid

    def transform(self, x_SNC: Tensor, grid: Grid, presence: Presence) -> Tensor:
        """Return the tokens with what the modalities, or branches of them, told each other."""
        x_SNC = self.fusion.mix_attention(x_SNC, presence)
        return self.fusion.after_mlp(x_SNC, x_SNC, nn.Identity(), presence)

    def finish(self, x_SNC: Tensor, grid: Grid, presence: Presence) -> tuple[Tensor, Tensor]:
        """Return the map, for the decoder and for the next stage."""
        feature_SCHW = to_map(x_SNC, grid)
        return feature_SCHW, feature_SCHW


class EfficientNetEncoder(Encoder):
    """The four stages behind a stem, which also gives a map at stride 2.

    Args:
        stages: From fine to coarse. channels: Channels of each stage's feature map.
        stem: Convolution and the first group. detail_channels: Channels of the stem's map.
        modalities: How many the input has.
    """

    def __init__(
        self,
        stages: list[Stage],
        channels: tuple[int, ...],
        stem: list[nn.Module],
        detail_channels: int,
        modalities: int,
    ) -> None:
        super().__init__(stages, channels)
        self.input = InputAffine(modalities)
        self.stem = nn.Sequential(*stem)
        self.detail_channels = detail_channels


def build_efficientnet(
    config: EfficientNetConfig, modalities: int, fusion: FusionFactory, drop_path: float
) -> EfficientNetEncoder:
    """Return an EfficientNet-Lite without its classifier.

    Args:
        config: Which variant.
        modalities: How many the input has.
        fusion: Makes each stage's hooks.
        drop_path: Stochastic depth rate of the last block.
    """
    groups = config.groups
    first, *rows = _blocks(groups, drop_path)
    stem = [ConvNorm(3, STEM_CHANNELS, 3, 2), *first]
    stages: list[Stage] = []
    for index, members in enumerate(STAGE_GROUPS):
        blocks = [block for member in members for block in rows[member - 1]]
        dim = groups[members[-1]].channels
        hooks = fusion(BlockSite(index, dim, 0.0, has_attention=False))
        stages.append(EfficientNetStage(blocks, ModalityAffine(dim, modalities), hooks))
    channels = tuple(groups[members[-1]].channels for members in STAGE_GROUPS)
    return EfficientNetEncoder(stages, channels, stem, groups[0].channels, modalities)


def _blocks(groups: list[Group], drop_path: float) -> list[list[nn.Module]]:
    rates = drop_path_rates(tuple(group.repeats for group in groups), drop_path)
    rows: list[list[nn.Module]] = []
    channels = STEM_CHANNELS
    for group, group_rates in zip(groups, rates, strict=True):
        row: list[nn.Module] = []
        for index, rate in enumerate(group_rates):
            stride = group.stride if index == 0 else 1
            row.append(InvertedResidual(channels, group, stride, rate))
            channels = group.channels
        rows.append(row)
    return rows
