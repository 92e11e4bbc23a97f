"""What CrossVLT minimizes: the mask, and the agreement of pixels and prompt at every stage."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmseg_models.crossvlt.decoder import resize
from mmseg_models.crossvlt.model import Reading

OUTSIDE_INSIDE = (0.9, 1.1)
MASK_WEIGHT = 2.0


class ReferringLoss(nn.Module):
    """Twice the cross-entropy of the mask, plus one binary cross-entropy per stage.

    The stages' terms compare the cosine of pixel and text prompt, divided by the learned
    temperature, with the mask.

    Args:
        dice: Weight of a Dice loss of the mask, which the reference does not have; it counts a
            small object as much as a large one.

    Source: arXiv 2408.07539, section III-C, and the authors' weights.
    """

    class_weights: Tensor

    def __init__(self, dice: float = 0.0) -> None:
        super().__init__()
        self.dice = dice
        self.register_buffer('class_weights', torch.tensor(OUTSIDE_INSIDE))

    def forward(self, reading: Reading, masks_NHW: Tensor) -> Tensor:
        """Return the scalar loss.

        Args:
            reading: What `CrossVLT.read` returned.
            masks_NHW: bool, at the size of the logits.
        """
        truth_NHW = masks_NHW.float()
        size = masks_NHW.shape[1:]
        loss = MASK_WEIGHT * functional.cross_entropy(
            reading.logits, masks_NHW.long(), self.class_weights
        )
        for similarity_N1HW in reading.similarities:
            raised_NHW = resize(similarity_N1HW, size)[:, 0]
            loss = loss + functional.binary_cross_entropy_with_logits(raised_NHW, truth_NHW)
        if self.dice:
            loss = loss + self.dice * dice_loss(reading.logits, truth_NHW)
        return loss


def dice_loss(logits_N2HW: Tensor, truth_NHW: Tensor) -> Tensor:
    """Return the mean over the text prompts of 1 - Dice, smoothed by one pixel."""
    inside_NHW = (logits_N2HW[:, 1] - logits_N2HW[:, 0]).sigmoid()
    both_N = (inside_NHW * truth_NHW).sum((1, 2))
    total_N = inside_NHW.sum((1, 2)) + truth_NHW.sum((1, 2))
    return (1 - (2 * both_N + 1) / (total_N + 1)).mean()
