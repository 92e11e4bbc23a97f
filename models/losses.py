"""Losses of each pixel, over logits B x K x H x W and labels B x H x W.

Ignored pixels never count. Every loss is a mean; its `amount` tells over how much, so that parts
of a batch, in one process or several, add up to the loss of the whole.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmseg_ros.core.errors import ConfigError


class CrossEntropy(nn.Module):
    """Mean cross-entropy over the pixels that have a class; 0 if there are none.

    Args:
        ignore_index: Label of pixels without a class.
        class_weights_K: How much a pixel of each class counts; None counts all alike.
    """

    class_weights_K: Tensor | None

    def __init__(self, ignore_index: int = 255, class_weights_K: Tensor | None = None) -> None:
        super().__init__()
        self.ignore_index = ignore_index
        self.register_buffer('class_weights_K', class_weights_K)

    def amount(self, labels_BHW: Tensor) -> Tensor:
        """Return the weight of all pixels that have a class, float32."""
        return pixel_amount(labels_BHW, self.ignore_index, self.class_weights_K)

    def forward(self, logits_BKHW: Tensor, labels_BHW: Tensor) -> Tensor:
        """Return the scalar loss, float32.

        Args:
            logits_BKHW: Unnormalized scores, any float type; the loss is computed in float32.
            labels_BHW: int64 class ids or `ignore_index`.
        """
        weights_K = self.class_weights_K
        pixel_loss_BHW = _pixel_cross_entropy(
            logits_BKHW, labels_BHW, self.ignore_index, weights_K
        )
        is_valid_BHW = labels_BHW != self.ignore_index
        if weights_K is None:
            return pixel_loss_BHW.sum() / is_valid_BHW.sum().clamp(min=1)
        return pixel_loss_BHW.sum() / weights_K[labels_BHW[is_valid_BHW]].sum().clamp(min=1e-6)


class OhemCrossEntropy(nn.Module):
    """Cross-entropy over the hard pixels only (online hard example mining).

    A pixel is hard where the true class has less than `threshold` probability. With fewer than
    1/16 of the valid pixels hard, the hardest 1/16 of the valid pixels are taken instead.

    Args:
        ignore_index: Label of pixels without a class.
        threshold: Probability from which a pixel is easy.
        class_weights_K: How much a hard pixel of each class counts; None counts all alike.

    Source: the DeLiVER model family's training code (facts: threshold 0.7, 1/16); there an image
    without any valid pixel gives NaN, here 0.
    """

    class_weights_K: Tensor | None

    def __init__(
        self,
        ignore_index: int = 255,
        threshold: float = 0.7,
        class_weights_K: Tensor | None = None,
    ) -> None:
        super().__init__()
        if not 0.0 < threshold < 1.0:
            raise ConfigError(f'Expected loss.threshold to be in (0, 1), but got {threshold}.')
        self.ignore_index = ignore_index
        self.min_loss = -math.log(threshold)
        self.register_buffer('class_weights_K', class_weights_K)

    def amount(self, labels_BHW: Tensor) -> Tensor:
        """Return the weight of all pixels that have a class, hard or not, float32."""
        return pixel_amount(labels_BHW, self.ignore_index, self.class_weights_K)

    def forward(self, logits_BKHW: Tensor, labels_BHW: Tensor) -> Tensor:
        """Return the scalar loss, float32; arguments as for `CrossEntropy`."""
        pixel_loss = _pixel_cross_entropy(logits_BKHW, labels_BHW, self.ignore_index).flatten()
        labels = labels_BHW.flatten()
        num_min = int((labels != self.ignore_index).sum()) // 16
        chosen = (pixel_loss > self.min_loss).nonzero().flatten()
        if chosen.numel() < num_min:
            chosen = pixel_loss.topk(num_min).indices
        hard = pixel_loss[chosen]
        if self.class_weights_K is None:
            return hard.sum() / max(hard.numel(), 1)
        weights = class_weight_of(labels[chosen], self.ignore_index, self.class_weights_K)
        return (weights * hard).sum() / weights.sum().clamp(min=1e-6)


def pixel_amount(
    labels_BHW: Tensor, ignore_index: int, class_weights_K: Tensor | None = None
) -> Tensor:
    """Return how many pixels have a class, each counted by its class's weight, float32."""
    if class_weights_K is None:
        return (labels_BHW != ignore_index).sum().float()
    return class_weight_of(labels_BHW, ignore_index, class_weights_K).sum()


def class_weight_of(labels: Tensor, ignore_index: int, class_weights_K: Tensor) -> Tensor:
    """Return the weight of each label's class, 0 at ignored ones."""
    is_valid = labels != ignore_index
    return class_weights_K[labels.where(is_valid, 0)] * is_valid


def _pixel_cross_entropy(
    logits_BKHW: Tensor,
    labels_BHW: Tensor,
    ignore_index: int,
    class_weights_K: Tensor | None = None,
) -> Tensor:
    with torch.autocast(logits_BKHW.device.type, enabled=False):
        return functional.cross_entropy(
            logits_BKHW.float(),
            labels_BHW,
            class_weights_K,
            ignore_index=ignore_index,
            reduction='none',
        )
