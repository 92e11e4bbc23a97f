"""From 8-bit images to the network's input; the exporter bakes the same map into the graph."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mmseg_ros.core.types import Modality
from mmseg_ros.datasets.statistics import ChannelStatistics


class Normalization(nn.Module):
    """Subtracts the mean and divides by the deviation, per modality and channel."""

    scale: Tensor
    shift: Tensor

    def __init__(self, statistics: Mapping[Modality, ChannelStatistics]) -> None:
        super().__init__()
        mean = torch.tensor([item.mean for item in statistics.values()], dtype=torch.float32)
        std = torch.tensor([item.std for item in statistics.values()], dtype=torch.float32)
        self.register_buffer('scale', (1.0 / (255.0 * std))[None, :, :, None, None])
        self.register_buffer('shift', (mean / std)[None, :, :, None, None])

    def forward(self, images_BMHWC: Tensor) -> Tensor:
        """Return B x M x 3 x H x W float32 from B x M x H x W x 3 uint8."""
        return images_BMHWC.permute(0, 1, 4, 2, 3).float() * self.scale - self.shift
