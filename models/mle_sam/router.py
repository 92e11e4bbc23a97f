"""The router: how much each modality counts, per level of the pyramid and image.

Source: Zhu et al., MLE-SAM (arXiv 2412.04220), equations 8 and 9.
Shapes: L levels, A computed modalities of M, B samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from mmseg_models.module_lists import module_list
from mmseg_models.presence import Presence

Sharing = Literal['level', 'all', 'modality', 'mean']
SHARINGS: tuple[Sharing, ...] = ('level', 'all', 'modality', 'mean')


@dataclass(frozen=True)
class Routing:
    """What the router decided.

    Attributes:
        soft: L x A x B, softmax over the available modalities, before the choice of the best.
        weights: L x A x B, what the features are weighted with; sums to 1 over A.
    """

    soft: Tensor
    weights: Tensor


class Router(nn.Module):
    """Spatial average, linear gate, softmax over the available modalities, best k.

    The paper's bias is left out where all modalities share a gate: it cancels in the softmax.
    Gates start at zero, which weights all alike.

    Args:
        dim: Channels of the features. total: Number of modalities M. levels: Number of levels L.
        sharing: Who has a gate of its own: each `level` (the paper), `all` one together, each
            level and `modality`, or nobody: the `mean`.
        top_k: How many modalities count at each level, the others get no weight.
    """

    def __init__(self, dim: int, total: int, levels: int, sharing: Sharing, top_k: int) -> None:
        super().__init__()
        self.sharing = sharing
        self.top_k = top_k
        gates = {'level': levels, 'all': 1, 'modality': levels, 'mean': 0}[sharing]
        own = total if sharing == 'modality' else 1
        self.gates = module_list(
            nn.Linear(dim, own, bias=sharing == 'modality') for _ in range(gates)
        )
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def forward(self, pyramid: list[Tensor], presence: Presence) -> Routing:
        """Return the weights of the modalities.

        Args:
            pyramid: Features of each level, S x C x H_i x W_i.
            presence: What S holds.
        """
        score_LAB = torch.stack(
            [self._scores(level, x, presence) for level, x in enumerate(pyramid)]
        )
        if presence.mask is not None:
            score_LAB = score_LAB.masked_fill(~presence.mask, -torch.inf)
        # A sample without any modality can only occur in an exported graph; it stays finite.
        soft_LAB = score_LAB.float().softmax(dim=1).nan_to_num()
        return Routing(soft_LAB, _best(soft_LAB, self.top_k))

    def _scores(self, level: int, x_SCHW: Tensor, presence: Presence) -> Tensor:
        """Return A x B."""
        pooled_ABC = presence.split(x_SCHW.mean(dim=(2, 3)))
        if self.sharing == 'mean':
            return pooled_ABC[..., 0] * 0
        score_ABO = self.gates[level % len(self.gates)](pooled_ABC)
        if self.sharing != 'modality':
            result: Tensor = score_ABO[..., 0]
            return result
        return torch.stack([score_ABO[i, :, m] for i, m in enumerate(presence.members)])


def weighted_sum(x_SCHW: Tensor, weight_AB: Tensor, presence: Presence) -> Tensor:
    """Return B x C x H x W: the modalities' features times their weights, added up."""
    x_ABCHW = presence.split(x_SCHW)
    return (x_ABCHW * weight_AB[:, :, None, None, None].to(x_SCHW.dtype)).sum(dim=0)


def equal_weights(routing: Routing, presence: Presence) -> Tensor:
    """Return A x B: one over the number of available modalities, 0 for the others."""
    if presence.mask is None:
        return torch.full_like(routing.soft[0], 1.0 / len(presence.members))
    present_AB = presence.mask.to(routing.soft.dtype)
    return present_AB / present_AB.sum(dim=0).clamp(min=1)


def balance_penalty(routing: Routing, presence: Presence) -> Tensor:
    """Return how unequally the batch as a whole uses the modalities: 0 for the fair share.

    With everything available it is the squared coefficient of variation of the modalities' mean
    weights, averaged over the levels. Where sensors are missing, a modality's fair share is what
    equal weights over the available ones would give it.

    Source: the importance loss of Shazeer et al. (arXiv 1701.06538); not in the paper.
    """
    share_LA = routing.soft.mean(dim=2)
    fair_A = equal_weights(routing, presence).mean(dim=1)
    return presence.total * (share_LA - fair_A).square().sum(dim=1).mean()


def reported_weights(routing: Routing, presence: Presence) -> Tensor:
    """Return B x M: each modality's weight averaged over the levels, 0 for those not computed."""
    mean_AB = routing.weights.mean(dim=0)
    absent_B = torch.zeros_like(mean_AB[0])
    place = {modality: i for i, modality in enumerate(presence.members)}
    rows = [mean_AB[place[m]] if m in place else absent_B for m in range(presence.total)]
    return torch.stack(rows, dim=1)


def _best(soft_LAB: Tensor, count: int) -> Tensor:
    """Return the weights with all but the `count` largest of each sample set to zero."""
    if count >= soft_LAB.shape[1]:
        return soft_LAB
    chosen = soft_LAB.topk(count, dim=1).indices
    kept_LAB = soft_LAB * torch.zeros_like(soft_LAB).scatter(1, chosen, 1.0)
    return kept_LAB / kept_LAB.sum(dim=1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
