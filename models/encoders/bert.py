"""BERT's layers, written from its description, and its attention to another sequence.

Source: Devlin et al., BERT, NAACL 2019 (arXiv 1810.04805), section 3, and its uncased base model.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmseg_models.shapes import merge_axes, shape_of, split_axis

NORM_EPS = 1e-12
MASKED = -1e4


@dataclass(frozen=True)
class BertConfig:
    """Size of one variant.

    Attributes:
        vocabulary_size: Tokens. dim: Channels. heads: Attention heads. mlp_dim: Hidden channels.
        positions: Longest sequence.
    """

    vocabulary_size: int
    dim: int
    heads: int
    mlp_dim: int
    positions: int


BERT_CONFIGS = {
    'bert_base': BertConfig(30522, 768, 12, 3072, 512),
    'bert_short': BertConfig(160, 128, 4, 512, 32),
}


def padding_bias(attention_mask_NL: Tensor) -> Tensor:
    """Return N x 1 x 1 x L float32, added to the logits of attention: 0, or -10000 at padding."""
    return (1.0 - attention_mask_NL[:, None, None].float()) * MASKED


class BertEmbedding(nn.Module):
    """Word, position and segment embeddings; there is one segment.

    Args:
        config: Size. dropout: Rate.
    """

    def __init__(self, config: BertConfig, dropout: float) -> None:
        super().__init__()
        self.words = nn.Embedding(config.vocabulary_size, config.dim, padding_idx=0)
        self.positions = nn.Embedding(config.positions, config.dim)
        self.segments = nn.Embedding(2, config.dim)
        self.norm = nn.LayerNorm(config.dim, eps=NORM_EPS)
        self.dropout = nn.Dropout(dropout)

    def forward(self, token_ids_NL: Tensor) -> Tensor:
        """Return N x L x C for int64 token ids."""
        length = shape_of(token_ids_NL)[1]
        x_NLC = self.words(token_ids_NL) + self.segments.weight[0]
        result: Tensor = self.dropout(self.norm(x_NLC + self.positions.weight[:length]))
        return result


class BertAttention(nn.Module):
    """Attention with residual and layer norm after it.

    Args:
        dim: Channels. heads: Attention heads. dropout: Rate.
        source_dim: Channels of what is attended to; None for the sequence itself.
    """

    def __init__(
        self, dim: int, heads: int, dropout: float, source_dim: int | None = None
    ) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (dim // heads) ** -0.5
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(source_dim or dim, dim)
        self.value = nn.Linear(source_dim or dim, dim)
        self.output = nn.Linear(dim, dim)
        self.norm = nn.LayerNorm(dim, eps=NORM_EPS)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_NLC: Tensor, source_NSD: Tensor, bias_N11S: Tensor | None) -> Tensor:
        """Return N x L x C.

        Args:
            x_NLC: Asks.
            source_NSD: Is asked.
            bias_N11S: Added to the attention's logits; None for no mask.
        """
        q = self._heads(self.query(x_NLC)) * self.scale
        k, v = self._heads(self.key(source_NSD)), self._heads(self.value(source_NSD))
        logits_NHLS = q @ k.transpose(-2, -1)
        if bias_N11S is not None:
            logits_NHLS = logits_NHLS + bias_N11S
        mixed = self.dropout(logits_NHLS.softmax(dim=-1)) @ v
        mixed_NLC = merge_axes(mixed.transpose(1, 2), 2, 3)
        result: Tensor = self.norm(x_NLC + self.dropout(self.output(mixed_NLC)))
        return result

    def _heads(self, x_NLC: Tensor) -> Tensor:
        return split_axis(x_NLC, 2, (self.heads, -1)).transpose(1, 2)


class BertMlp(nn.Module):
    """Two linear layers with GELU, residual and layer norm after it.

    Args:
        dim: Channels. hidden: Channels between. dropout: Rate.
    """

    def __init__(self, dim: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.expand = nn.Linear(dim, hidden)
        self.contract = nn.Linear(hidden, dim)
        self.norm = nn.LayerNorm(dim, eps=NORM_EPS)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_NLC: Tensor) -> Tensor:
        """Return N x L x C."""
        hidden = functional.gelu(self.expand(x_NLC))
        result: Tensor = self.norm(x_NLC + self.dropout(self.contract(hidden)))
        return result


class BertLayer(nn.Module):
    """Self-attention and MLP.

    Args:
        config: Size. dropout: Rate.
    """

    def __init__(self, config: BertConfig, dropout: float) -> None:
        super().__init__()
        self.attention = BertAttention(config.dim, config.heads, dropout)
        self.mlp = BertMlp(config.dim, config.mlp_dim, dropout)

    def forward(self, x_NLC: Tensor, bias_N11L: Tensor) -> Tensor:
        """Return N x L x C; `bias_N11L` hides padding, see `padding_bias`."""
        result: Tensor = self.mlp(self.attention(x_NLC, x_NLC, bias_N11L))
        return result


def initialize_bert(module: nn.Module) -> None:
    """Set a layer's weights as BERT's authors do; use with `module.apply`."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    elif isinstance(module, nn.LayerNorm):
        nn.init.ones_(module.weight)
    if isinstance(module, nn.Linear | nn.LayerNorm):
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.Embedding) and module.padding_idx is not None:
        with torch.no_grad():
            module.weight[module.padding_idx].zero_()
