"""Low-rank experts: every modality has its own small correction of queries and values.

Source: Zhu et al., MLE-SAM (arXiv 2412.04220), equation 5.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mmseg_models.encoders.hiera_blocks import Qkv
from mmseg_models.presence import Presence
from mmseg_models.shapes import merge_axes, shape_of, split_axis

CORRECTED = 2
"""Queries and values have a correction, keys have none."""


class LoraQkv(Qkv):
    """A shared projection plus, per modality, up(down(x)) on queries and values.

    The corrections start at zero. Padding that was zero stays without correction. All modalities
    pass in one batched product.

    Args:
        dim: Channels in. dim_out: Channels of queries, keys and values each.
        total: Number of modalities M. rank: Width of a correction R.
    """

    def __init__(self, dim: int, dim_out: int, total: int, rank: int) -> None:
        super().__init__(dim, dim_out)
        self.down_MRC = nn.Parameter(torch.empty(total, CORRECTED * rank, dim))
        self.up_MRC = nn.Parameter(torch.zeros(total, CORRECTED * rank, dim_out))
        # As for one linear layer of `dim` inputs; the shape here would be read as another one.
        bound = 1.0 / math.sqrt(dim)
        nn.init.uniform_(self.down_MRC, -bound, bound)

    def project(self, x_SWLC: Tensor, presence: Presence) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values, S x W x L x dim_out each."""
        q, k, v = super().project(x_SWLC, presence)
        x_ANC = split_axis(merge_axes(x_SWLC, 0, 2), 0, (len(presence.members), -1))
        hidden_ANR = x_ANC @ self._of(self.down_MRC, presence).transpose(1, 2)
        up_ARC = self._of(self.up_MRC, presence)
        halves = zip(hidden_ANR.chunk(CORRECTED, 2), up_ARC.chunk(CORRECTED, 1), strict=True)
        for_q, for_v = (
            split_axis(merge_axes(hidden @ up, 0, 1), 0, shape_of(q)[:3]) for hidden, up in halves
        )
        return q + for_q, k, v + for_v

    def merged(self, modality: int) -> tuple[Tensor, Tensor]:
        """Return weight and bias of the plain projection that does the same for one modality."""
        down_q, down_v = self.down_MRC[modality].chunk(CORRECTED)
        up_q, up_v = self.up_MRC[modality].chunk(CORRECTED)
        for_k = torch.zeros_like(self.weight[: up_q.shape[1]])
        correction = torch.cat([up_q.T @ down_q, for_k, up_v.T @ down_v])
        return self.weight + correction, self.bias

    def _of(self, stacked_M: Tensor, presence: Presence) -> Tensor:
        return (
            stacked_M
            if len(presence.members) == presence.total
            else stacked_M[list(presence.members)]
        )


class MergedQkv(nn.Module):
    """A projection of its own for every modality: what `LoraQkv` comes to.

    Args:
        dim: Channels in. dim_out: Channels of queries, keys and values each.
        total: Number of modalities.
    """

    def __init__(self, dim: int, dim_out: int, total: int) -> None:
        super().__init__()
        self.members = nn.ModuleList(nn.Linear(dim, 3 * dim_out) for _ in range(total))

    def project(self, x_SWLC: Tensor, presence: Presence) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values, S x W x L x dim_out each."""
        parts = x_SWLC.chunk(len(presence.members))
        qkv = [self.members[m](x) for m, x in zip(presence.members, parts, strict=True)]
        q, k, v = torch.cat(qkv).chunk(3, dim=-1)
        return q, k, v
