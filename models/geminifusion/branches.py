"""From any number of modalities to GeminiFusion's two branches, stage by stage.

Source: the authors' DeLiVER code at 5a3a723: the first modality is one branch; all others are
scored, and their element-wise maximum is the second.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmseg_models.encoders.contract import Encoder, Stage
from mmseg_models.encoders.layers import to_map, to_tokens
from mmseg_models.presence import Presence


class ScoreNet(nn.Module):
    """Says how much each pixel of a modality matters.

    Args:
        dim: Channels.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(dim, dim, 3, padding=1, groups=dim)
        self.score = nn.Conv2d(dim, 1, 1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return B x 1 x H x W scores between 0 and 1."""
        result: Tensor = self.score(self.depthwise(x_BCHW)).sigmoid()
        return result


class Selector(nn.Module):
    """Weights the extra modalities by their scores.

    Args:
        dim: Channels. count: Number of score nets, at least that of the extra modalities.
    """

    def __init__(self, dim: int, count: int) -> None:
        super().__init__()
        self.nets = nn.ModuleList(ScoreNet(dim) for _ in range(count))

    def forward(self, x_ABCHW: Tensor, extras: tuple[int, ...]) -> Tensor:
        """Return A x B x C x H x W, each pixel raised by its score; `extras` names the nets."""
        raised = [x * (1 + self.nets[k](x)) for k, x in zip(extras, x_ABCHW, strict=True)]
        return torch.stack(raised)


class BranchEncoder(nn.Module):
    """An encoder whose blocks see two branches however many modalities there are.

    Args:
        encoder: Its patch embeddings know M modalities, its blocks two branches.
        total: M, at least two.
        unused_nets: Score nets per stage that nothing reads, as in the authors' checkpoints.
    """

    def __init__(self, encoder: Encoder, total: int, unused_nets: int) -> None:
        super().__init__()
        self.input, self.stem = encoder.input, encoder.stem
        self.stages = encoder.stages
        self.selectors = nn.ModuleList()
        if total > 2:
            count = total - 1 + unused_nets
            self.selectors.extend(Selector(dim, count) for dim in encoder.channels)

    def forward(self, x_SCHW: Tensor, presence: Presence) -> tuple[list[Tensor], Presence]:
        """Return the four feature maps of the branches, stacked, and which branches these are."""
        branches = branch_presence(presence)
        x_SCHW = self.stem(self.input(x_SCHW, presence.members))
        features = []
        for index, stage in enumerate(self.stages):
            feature_SCHW, x_SCHW = self._run_stage(index, stage, x_SCHW, presence, branches)
            features.append(feature_SCHW)
        return features, branches

    def _run_stage(
        self, index: int, stage: Stage, x_SCHW: Tensor, presence: Presence, branches: Presence
    ) -> tuple[Tensor, Tensor]:
        x_SNC, grid = stage.embed(x_SCHW, presence)
        if not self.selectors or branches.members == (0,):
            x_SNC = stage.transform(x_SNC, grid, branches)
            return stage.finish(x_SNC, grid, branches)
        first, extra_ABCHW = _split_first(presence, to_map(x_SNC, grid))
        extras = tuple(m - 1 for m in presence.members if m > 0)
        extra_ABCHW = self.selectors[index](extra_ABCHW, extras)
        merged_BCHW = _maximum(extra_ABCHW, presence)
        x_SNC, grid = to_tokens(torch.cat([*first, merged_BCHW]))
        x_SNC = stage.transform(x_SNC, grid, branches)
        feature_SCHW, next_SCHW = stage.finish(x_SNC, grid, branches)
        *first, merged_BCHW = branches.split(next_SCHW)
        return feature_SCHW, torch.cat([*first, *(extra_ABCHW + merged_BCHW)])


def branch_presence(presence: Presence) -> Presence:
    """Return which of the two branches have anything to work on."""
    has_extra = presence.members[-1] > 0
    has_first = presence.members[0] == 0
    members = tuple(branch for branch, has in enumerate((has_first, has_extra)) if has)
    if presence.mask is None:
        return Presence(members, 2)
    rows = [presence.mask[:1]] if has_first else []
    if has_extra:
        rows.append(presence.mask[len(rows) :].any(dim=0, keepdim=True))
    return Presence(members, 2, torch.cat(rows))


def _split_first(presence: Presence, x_SCHW: Tensor) -> tuple[list[Tensor], Tensor]:
    x_ABCHW = presence.split(x_SCHW)
    count = 1 if presence.members[0] == 0 else 0
    return list(x_ABCHW[:count]), x_ABCHW[count:]


def _maximum(x_ABCHW: Tensor, presence: Presence) -> Tensor:
    if presence.mask is None:
        return x_ABCHW.amax(dim=0)
    mask_AB = presence.mask[-x_ABCHW.shape[0] :]
    shown = torch.where(mask_AB[:, :, None, None, None], x_ABCHW, -torch.inf)
    some_B = mask_AB.any(dim=0)[:, None, None, None]
    return torch.where(some_B, shown.amax(dim=0), 0.0)
