"""A light decoder that ends at half the input's size, so that poles and signs keep their pixels.

Ours, after the pattern of feature pyramids: narrow maps are summed at stride 4, filtered once,
and refined at stride 2 with the stem's map.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

NORM_MOMENTUM = 0.05
HIDDEN_PER_WIDTH = 2
DETAIL_WIDTH = 32


class DetailHead(nn.Module):
    """Adds up four narrow maps, filters them, and refines the classes with a map at stride 2.

    Args:
        width: Channels of the four maps. detail_width: Channels of the fine map.
        num_classes: Number of classes K.
    """

    def __init__(self, width: int, detail_width: int, num_classes: int) -> None:
        super().__init__()
        hidden = HIDDEN_PER_WIDTH * width
        self.filter = nn.Conv2d(width, hidden, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(hidden, momentum=NORM_MOMENTUM)
        self.classifier = nn.Conv2d(hidden, num_classes, 1)
        self.context = nn.Conv2d(hidden, detail_width, 1)
        self.refine = nn.Conv2d(detail_width, detail_width, 3, padding=1, bias=False)
        self.refine_norm = nn.BatchNorm2d(detail_width, momentum=NORM_MOMENTUM)
        self.refined_classifier = nn.Conv2d(detail_width, num_classes, 1)

    def forward(self, features: list[Tensor], detail_BDHW: Tensor) -> Tensor:
        """Return logits B x K x H / 2 x W / 2.

        Args:
            features: B x width x H_i x W_i, fine to coarse.
            detail_BDHW: B x detail_width x H / 2 x W / 2.
        """
        size, fine = features[0].shape[-2:], detail_BDHW.shape[-2:]
        coarse = [functional.interpolate(x, size=size, mode='bilinear') for x in features[1:]]
        x_BCHW = functional.relu(torch.stack([features[0], *coarse]).sum(dim=0))
        x_BCHW = functional.relu(self.norm(self.filter(x_BCHW)))
        both_BFHW = torch.cat([self.classifier(x_BCHW), self.context(x_BCHW)], dim=1)
        both_BFHW = functional.interpolate(both_BFHW, size=fine, mode='bilinear')
        logits_BKHW, context_BDHW = both_BFHW.split(
            [self.classifier.out_channels, self.context.out_channels], dim=1
        )
        x_BDHW = functional.relu(context_BDHW + detail_BDHW)
        x_BDHW = functional.relu(self.refine_norm(self.refine(x_BDHW)))
        result: Tensor = logits_BKHW + self.refined_classifier(x_BDHW)
        return result
