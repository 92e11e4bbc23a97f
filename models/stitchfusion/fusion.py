"""StitchFusion's low-rank adapters between modalities.

Source: Li et al., StitchFusion (arXiv 2408.01343), section 3.3; the authors' code at 0626d4c for
the order in which the messages are added.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmseg_models.encoders.contract import BlockFusion, BlockSite, Norm
from mmseg_models.encoders.layers import DropPath
from mmseg_models.presence import Presence
from mmseg_models.shapes import merge_axes

AdapterKind = Literal['none', 'shared', 'bidirectional', 'unidirectional']
Source = Literal['sequential', 'simultaneous', 'pre_attention']
ADAPTER_KINDS: tuple[AdapterKind, ...] = ('none', 'shared', 'bidirectional', 'unidirectional')
SOURCES: tuple[Source, ...] = ('sequential', 'simultaneous', 'pre_attention')


class Adapter(nn.Module):
    """Turns one modality's tokens into a message to another one.

    Args:
        dim: Channels. rank: Width of the bottleneck. dropout: Rate inside the bottleneck.
    """

    def __init__(self, dim: int, rank: int, dropout: float) -> None:
        super().__init__()
        self.down = nn.Linear(dim, rank)
        self.mid = nn.Linear(rank, rank)
        self.dropout = nn.Dropout(dropout)
        self.up = nn.Linear(rank, dim)

    def forward(self, x_BNC: Tensor) -> Tensor:
        """Return the message, B x N x C."""
        result: Tensor = self.up(self.dropout(functional.gelu(self.mid(self.down(x_BNC)))))
        return result


def adapter_key(kind: AdapterKind, source: int, target: int) -> str:
    """Return the name of the adapter that carries `source` to `target` (modality indices)."""
    if kind == 'shared':
        return 'shared'
    if kind == 'bidirectional':
        source, target = min(source, target), max(source, target)
    return f'{source}_{target}'


class AdapterBank(nn.Module):
    """The adapters of one site, after the attention or after the MLP of one block.

    Args:
        kind: Who shares an adapter. total: Number of modalities.
        dim: Channels. rank: Width of the bottleneck. dropout: Rate inside the bottleneck.
    """

    def __init__(self, kind: AdapterKind, total: int, dim: int, rank: int, dropout: float) -> None:
        super().__init__()
        self.kind = kind
        pairs = [(i, j) for i in range(total) for j in range(total) if i != j]
        keys = dict.fromkeys(adapter_key(kind, i, j) for i, j in pairs)
        self.adapters = nn.ModuleDict({key: Adapter(dim, rank, dropout) for key in keys})

    def messages(self, x_BNC: Tensor, source: int, targets: list[int]) -> list[Tensor]:
        """Return what `source` says to each of `targets`, B x N x C each.

        Args:
            x_BNC: Normalized tokens of the source.
            source: Its modality index.
            targets: Modality indices.
        """
        adapters = [self.adapters[adapter_key(self.kind, source, j)] for j in targets]
        if self.kind == 'shared' and not self.training:
            return [adapters[0](x_BNC)] * len(targets)
        return [adapter(x_BNC) for adapter in adapters]


class StitchBlock(BlockFusion):
    """Adds every modality's messages to all others, after the attention and after the MLP.

    Args:
        site: Where the block sits. kind: Who shares an adapter. total: Number of modalities.
        rank: Width of the adapters. dropout: Rate inside the adapters.
        source: Which tokens a message is made from. `sequential`: the current ones, already
            holding the messages of modalities before it (the authors' code and checkpoints);
            `simultaneous`: those after the residual, before any message; `pre_attention`: those
            that the attention (or MLP) itself read, as the paper draws it.
    """

    def __init__(
        self,
        site: BlockSite,
        kind: AdapterKind,
        total: int,
        rank: int,
        dropout: float,
        source: Source,
    ) -> None:
        super().__init__()
        self.source = source
        if site.has_attention:
            self.attention = AdapterBank(kind, total, site.dim, rank, dropout)
        self.mlp = AdapterBank(kind, total, site.dim, rank, dropout)
        self.drop_path = DropPath(site.drop_path)

    def after_attention(
        self, x_SNC: Tensor, normed_SNC: Tensor, norm: Norm, presence: Presence
    ) -> Tensor:
        """Return the tokens with the messages of the first site added."""
        return self._exchange(self.attention, x_SNC, normed_SNC, norm, presence)

    def after_mlp(
        self, x_SNC: Tensor, normed_SNC: Tensor, norm: Norm, presence: Presence
    ) -> Tensor:
        """Return the tokens with the messages of the second site added."""
        return self._exchange(self.mlp, x_SNC, normed_SNC, norm, presence)

    def _exchange(
        self,
        bank: AdapterBank,
        x_SNC: Tensor,
        normed_SNC: Tensor,
        norm: Norm,
        presence: Presence,
    ) -> Tensor:
        members = presence.members
        if len(members) < 2:
            return x_SNC
        if self.source == 'simultaneous':
            normed_SNC = norm(x_SNC)
        if bank.kind == 'shared' and self.source != 'sequential':
            result: Tensor = x_SNC + self.drop_path(
                _messages_of_others(bank, normed_SNC, presence)
            )
            return result
        tokens = list(presence.split(x_SNC))
        read = presence.split(normed_SNC)
        for i, source in enumerate(members):
            x_BNC = norm(tokens[i]) if self.source == 'sequential' else read[i]
            targets = [j for j in range(len(members)) if j != i]
            messages = bank.messages(x_BNC, source, [members[j] for j in targets])
            for j, message in zip(targets, messages, strict=True):
                scaled = presence.scale_message(message, i)
                tokens[j] = tokens[j] + self.drop_path(scaled)
        return torch.cat(tokens)


def _messages_of_others(bank: AdapterBank, normed_SNC: Tensor, presence: Presence) -> Tensor:
    """Return what each modality hears, S x N x C, with one shared adapter called once for all."""
    messages_ABNC = presence.split(bank.adapters['shared'](normed_SNC))
    scaled_ABNC = torch.stack(
        [presence.scale_message(message, i) for i, message in enumerate(messages_ABNC)]
    )
    return merge_axes(scaled_ABNC.sum(dim=0) - scaled_ABNC, 0, 1)
