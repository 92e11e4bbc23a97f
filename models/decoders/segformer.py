"""SegFormer's MLP decoder.

Source: Xie et al., SegFormer, section 3.2. The two linear layers in front of the batch norm and
the bilinear resize between them commute, so they are multiplied into one matrix per stage and
applied before the resize: the same function at a fraction of the paper's cost.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_SMALL_ENCODERS = ('mit_b0', 'mit_b1')


def standard_width(encoder: str) -> int:
    """Return the width of the paper's decoder: 256 on MiT-B0 and B1, else 512.

    EfficientNet-Lite, which the papers do not have, gets 128.
    """
    if encoder.startswith('efficientnet_lite'):
        return 128
    return 256 if encoder in _SMALL_ENCODERS else 512


class SegFormerHead(nn.Module):
    """Projects four maps to one width, sums them at the finest resolution, classifies.

    Args:
        channels: Channels of the four feature maps, fine to coarse.
        dim: Width of the decoder. num_classes: Number of classes K.
    """

    def __init__(self, channels: tuple[int, ...], dim: int, num_classes: int) -> None:
        super().__init__()
        self.projections = nn.ModuleList(nn.Linear(c, dim) for c in channels)
        # Input channels are ordered coarse to fine, as in the published checkpoints.
        self.fuse = nn.Conv2d(len(channels) * dim, dim, 1, bias=False)
        self.norm = nn.BatchNorm2d(dim)
        self.dropout = nn.Dropout2d(0.1)
        self.classifier = nn.Conv2d(dim, num_classes, 1)

    def forward(self, features: list[Tensor]) -> Tensor:
        """Return logits B x K x H x W at the size of the finest map.

        Args:
            features: B x C_i x H_i x W_i, fine to coarse.
        """
        size = features[0].shape[-2:]
        weights = self.fuse.weight[:, :, 0, 0].split(self.fuse.out_channels, dim=1)[::-1]
        x_BCHW = torch.zeros((), device=features[0].device, dtype=features[0].dtype)
        for feature, projection, weight in zip(features, self.projections, weights, strict=True):
            kernel = (weight @ projection.weight)[:, :, None, None]
            part_BCHW = functional.conv2d(feature, kernel, weight @ projection.bias)
            if part_BCHW.shape[-2:] != size:
                part_BCHW = functional.interpolate(part_BCHW, size=size, mode='bilinear')
            x_BCHW = x_BCHW + part_BCHW
        x_BCHW = functional.relu(self.norm(x_BCHW))
        result: Tensor = self.classifier(self.dropout(x_BCHW))
        return result
