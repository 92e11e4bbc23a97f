"""From M feature maps per stage to the one that the decoder reads."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmseg_models.presence import Presence
from mmseg_models.shapes import merge_axes, split_axis

CHANNELS_PER_GATE_UNIT = 16


class SumFusion(nn.Module):
    """Adds the modalities' maps; fewer present ones are scaled up to the same magnitude."""

    def forward(self, x_SCHW: Tensor, presence: Presence) -> Tensor:
        """Return B x C x H x W."""
        return presence.renormalized(x_SCHW).sum(dim=0)


class MeanProjection(nn.Module):
    """Mean over the present modalities of one linear map per modality.

    Args:
        dim: Channels per modality. total: Number of modalities. width: Channels that go out.
    """

    def __init__(self, dim: int, total: int, width: int) -> None:
        super().__init__()
        self.mix = nn.Linear(total * dim, width)

    def forward(self, x_SCHW: Tensor, presence: Presence) -> Tensor:
        """Return B x width x H x W."""
        return _mix(self.mix, x_SCHW, presence)


class ConvNorm(nn.Module):
    """1 x 1 convolution and batch norm.

    Args:
        dim: Channels in and out.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(dim, dim, 1)
        self.norm = nn.BatchNorm2d(dim)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return B x C x H x W."""
        result: Tensor = self.norm(self.conv(x_BCHW))
        return result


class MultiScaleMlp(nn.Module):
    """MLP with depthwise convolutions of three sizes between its layers.

    Args:
        dim: Channels in, hidden and out.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.expand = nn.Linear(dim, dim)
        self.mix_in = ConvNorm(dim)
        self.depthwise = nn.ModuleList(
            nn.Conv2d(dim, dim, kernel, padding=kernel // 2, groups=dim) for kernel in (3, 5, 7)
        )
        self.mix_out = ConvNorm(dim)
        self.contract = nn.Linear(dim, dim)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return B x C x H x W."""
        x_BCHW = self.mix_in(_linear_on_map(self.expand, x_BCHW))
        x_BCHW = x_BCHW + sum(conv(x_BCHW) for conv in self.depthwise)
        return _linear_on_map(self.contract, functional.gelu(self.mix_out(x_BCHW)))


class ChannelGate(nn.Module):
    """Squeeze and excitation.

    Args:
        dim: Channels.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(dim, dim // CHANNELS_PER_GATE_UNIT, bias=False)
        self.excite = nn.Linear(dim // CHANNELS_PER_GATE_UNIT, dim, bias=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return the map with each channel scaled by 0 to 1."""
        gate_BC = self.excite(functional.relu(self.squeeze(x_BCHW.mean(dim=(2, 3)))))
        result: Tensor = x_BCHW * gate_BC.sigmoid()[:, :, None, None]
        return result


class FeatureFusion(nn.Module):
    """The paper's feature fusion module: mixes the concatenated maps, MLP plus channel gate.

    Args:
        dim: Channels per modality. total: Number of modalities.
    """

    def __init__(self, dim: int, total: int) -> None:
        super().__init__()
        self.mix = nn.Linear(total * dim, dim)
        self.mlp = MultiScaleMlp(dim)
        self.gate = ChannelGate(dim)

    def forward(self, x_SCHW: Tensor, presence: Presence) -> Tensor:
        """Return B x C x H x W."""
        mixed_BCHW = _mix(self.mix, x_SCHW, presence)
        result: Tensor = self.mlp(mixed_BCHW) + self.gate(mixed_BCHW)
        return result


def _linear_on_map(linear: nn.Linear, x_BCHW: Tensor) -> Tensor:
    return functional.conv2d(x_BCHW, linear.weight[:, :, None, None], linear.bias)


def _mix(mix: nn.Linear, x_SCHW: Tensor, presence: Presence) -> Tensor:
    """Apply the present modalities' columns of `mix` to their maps, scaled by M / present."""
    parts_ABCHW = presence.renormalized(x_SCHW)
    weight_CMC = split_axis(mix.weight, 1, (presence.total, -1))
    if len(presence.members) < presence.total:
        weight_CMC = weight_CMC[:, list(presence.members)]
    x_BCHW = torch.cat(list(parts_ABCHW), dim=1)
    return functional.conv2d(x_BCHW, merge_axes(weight_CMC, 1, 2)[:, :, None, None], mix.bias)
