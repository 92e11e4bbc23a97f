"""Losses by name, alone and as weighted sums."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from mmseg_models.losses import CrossEntropy, OhemCrossEntropy
from mmseg_models.region_losses import DiceLoss, LovaszSoftmax
from mmseg_ros.core.errors import ConfigError


class LossSum(nn.Module):
    """Weighted sum of T losses.

    Args:
        losses: Each with its weight; each has an `amount`, see `mmseg_models.losses`.
    """

    def __init__(self, losses: list[tuple[nn.Module, float]]) -> None:
        super().__init__()
        self.losses = nn.ModuleList(loss for loss, _ in losses)
        self.weights = [weight for _, weight in losses]

    def amounts(self, labels_BHW: Tensor) -> Tensor:
        """Return over how much each loss is a mean, T float32."""
        losses = cast('list[CrossEntropy]', list(self.losses))
        return torch.stack([loss.amount(labels_BHW) for loss in losses])

    def forward(
        self, logits_BKHW: Tensor, labels_BHW: Tensor, shares_T: Tensor | None = None
    ) -> Tensor:
        """Return the scalar loss.

        Args:
            logits_BKHW: Unnormalized scores.
            labels_BHW: int64 class ids or the ignored label.
            shares_T: What each mean over these images counts in that over a whole batch; None
                if they are the whole.
        """
        terms = [
            weight * loss(logits_BKHW, labels_BHW)
            for loss, weight in zip(self.losses, self.weights, strict=True)
        ]
        if shares_T is not None:
            terms = [share * term for share, term in zip(shares_T, terms, strict=True)]
        return torch.stack(terms).sum() if len(terms) > 1 else terms[0]


def create_loss(
    name: str, ignore_index: int, threshold: float, class_weights_K: Tensor | None = None
) -> nn.Module:
    """Return the loss called `name`.

    Args:
        name: ohem, cross_entropy, dice or lovasz.
        ignore_index: Label of pixels without a class.
        threshold: OHEM's.
        class_weights_K: How much a pixel of each class counts, or for dice and lovasz the class.

    Raises:
        ConfigError: There is no such loss; the message lists the names.
    """
    if name == 'ohem':
        return OhemCrossEntropy(ignore_index, threshold, class_weights_K)
    kinds = {'cross_entropy': CrossEntropy, 'dice': DiceLoss, 'lovasz': LovaszSoftmax}
    if name not in kinds:
        raise ConfigError(
            f'Expected a loss to be one of ohem, {", ".join(kinds)}, but got {name!r}.'
        )
    return kinds[name](ignore_index, class_weights_K)
