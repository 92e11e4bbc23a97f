"""GeminiFusion's pixel-wise attention between two branches.

Source: Jia et al., GeminiFusion (arXiv 2406.01210), section 3; the authors' code at 5a3a723.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmseg_models.encoders.contract import BlockFusion, BlockSite
from mmseg_models.module_lists import module_list
from mmseg_models.presence import Presence
from mmseg_models.shapes import merge_axes, split_axis

HEADS = 8
NUM_BRANCHES = 2


class CrossAttention(nn.Module):
    """Attention of each pixel over two keys: its own branch's and the other branch's.

    Args:
        dim: Channels, a multiple of `HEADS`.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.scale = (dim // HEADS) ** -0.5
        self.inputs = nn.Linear(dim, 3 * dim)
        self.output = nn.Linear(dim, dim)

    def forward(
        self,
        own_BNC: Tensor,
        gated_BNC: Tensor,
        other_BNC: Tensor,
        noise_2C: Tensor,
        present_B: Tensor | None,
    ) -> Tensor:
        """Return what the branch adds to itself, B x N x C.

        Args:
            own_BNC: The branch's attention result: query, first key and first value.
            gated_BNC: Second key.
            other_BNC: Second value.
            noise_2C: Added to the first key and the first value.
            present_B: bool, samples whose second value exists; None for all.
        """
        _, weight_key, weight_value = self.inputs.weight.split(self.dim)
        _, bias_key, bias_value = self.inputs.bias.split(self.dim)
        query, key, value = self.inputs(own_BNC).split(self.dim, dim=2)
        # Linear maps are additive: the noise goes through them once, not once per pixel.
        key = key + weight_key @ noise_2C[0]
        value = value + weight_value @ noise_2C[1]
        key_gap = key - functional.linear(gated_BNC, weight_key, bias_key)
        other_value = functional.linear(other_BNC, weight_value, bias_value)
        # A softmax over two keys is a sigmoid of the difference of their scores.
        score_BNH = split_axis(query * key_gap, 2, (HEADS, -1)).sum(dim=3) * self.scale
        share_BNH = score_BNH.sigmoid()
        if present_B is not None:
            share_BNH = torch.where(present_B[:, None, None], share_BNH, 1.0)
        other_BNHD = split_axis(other_value, 2, (HEADS, -1))
        gap_BNHD = split_axis(value - other_value, 2, (HEADS, -1))
        mixed_BNHD = other_BNHD + share_BNH[..., None] * gap_BNHD
        result: Tensor = self.output(merge_axes(mixed_BNHD, 2, 3))
        return result

    def alone(self, own_BNC: Tensor, noise_2C: Tensor) -> Tensor:
        """Return the same with the other branch absent from the whole batch."""
        weight_value, bias_value = self.inputs.weight[-self.dim :], self.inputs.bias[-self.dim :]
        result: Tensor = self.output(
            functional.linear(own_BNC + noise_2C[1], weight_value, bias_value)
        )
        return result


class RelationGate(nn.Module):
    """Scores a branch's channels, given both branches; the scores sum to one.

    Args:
        dim: Channels.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.expand = nn.Linear(2 * dim, dim)
        self.contract = nn.Linear(dim, dim)

    def forward(self, a_2BNC: Tensor) -> Tensor:
        """Return the scores of both branches, 2 x B x N x C."""
        # The first layer reads [own; other]: each half is applied once to both branches.
        halves = merge_axes(split_axis(self.expand.weight, 1, (2, -1)).transpose(0, 1), 0, 1)
        own_2BNC, other_2BNC = functional.linear(a_2BNC, halves).split(
            self.contract.in_features, dim=3
        )
        other_2BNC = torch.stack([other_2BNC[1], other_2BNC[0]])
        hidden = functional.gelu(own_2BNC + other_2BNC + self.expand.bias)
        result: Tensor = self.contract(hidden).softmax(dim=-1)
        return result


class GeminiBlock(BlockFusion):
    """Mixes the two branches' attention results.

    Args:
        site: Where the block sits.
    """

    def __init__(self, site: BlockSite) -> None:
        super().__init__()
        self.cross = module_list(CrossAttention(site.dim) for _ in range(NUM_BRANCHES))
        self.relation = RelationGate(site.dim)
        self.key_noise = nn.Parameter(torch.randn(NUM_BRANCHES, site.dim))
        self.value_noise = nn.Parameter(torch.randn(NUM_BRANCHES, site.dim))

    def mix_attention(self, a_SNC: Tensor, presence: Presence) -> Tensor:
        """Return both branches, each with what it takes from itself and from the other."""
        if len(presence.members) == 1:
            branch = presence.members[0]
            result: Tensor = a_SNC + self.cross[branch].alone(a_SNC, self._noise(branch))
            return result
        a_2BNC = presence.split(a_SNC)
        gated_2BNC = a_2BNC * self.relation(a_2BNC)
        mixed = []
        for branch, cross in enumerate(self.cross):
            other = 1 - branch
            present_B = None if presence.mask is None else presence.mask[other]
            own_BNC, other_BNC = a_2BNC[branch], a_2BNC[other]
            noise_2C = self._noise(branch)
            added = cross(own_BNC, gated_2BNC[branch], other_BNC, noise_2C, present_B)
            mixed.append(own_BNC + added)
        return torch.cat(mixed)

    def _noise(self, branch: int) -> Tensor:
        return torch.stack([self.key_noise[branch], self.value_noise[branch]])
