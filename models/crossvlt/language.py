"""The stages of the language encoder; the first needs no image, the others also read one."""

from __future__ import annotations

from torch import Tensor, nn

from mmseg_models.encoders.bert import (
    BertAttention,
    BertConfig,
    BertEmbedding,
    BertLayer,
    BertMlp,
)


class TextStage(nn.Module):
    """The first stage: embeddings and BERT layers.

    Args:
        config: Size. depth: Number of layers. align_dim: Channels compared with the image's.
        dropout: Rate.
    """

    def __init__(self, config: BertConfig, depth: int, align_dim: int, dropout: float) -> None:
        super().__init__()
        self.embedding = BertEmbedding(config, dropout)
        self.layers = nn.ModuleList(BertLayer(config, dropout) for _ in range(depth))
        self.align = nn.Linear(config.dim, align_dim)

    def forward(self, token_ids_NL: Tensor, bias_N11L: Tensor) -> Tensor:
        """Return N x L x C; `bias_N11L` hides padding."""
        x_NLC = self.embedding(token_ids_NL)
        for layer in self.layers:
            x_NLC = layer(x_NLC, bias_N11L)
        result: Tensor = x_NLC
        return result


class CrossTextStage(nn.Module):
    """A later stage: the words attend to the image, then BERT layers follow.

    Args:
        config: Size. depth: Number of BERT layers. image_dim: Channels of the image's tokens.
        align_dim: Channels compared with the image's. dropout: Rate.

    Source: arXiv 2408.07539, section III-B.
    """

    def __init__(
        self, config: BertConfig, depth: int, image_dim: int, align_dim: int, dropout: float
    ) -> None:
        super().__init__()
        self.look = BertAttention(config.dim, config.heads, dropout, image_dim)
        self.mlp = BertMlp(config.dim, config.mlp_dim, dropout)
        self.layers = nn.ModuleList(BertLayer(config, dropout) for _ in range(depth))
        self.align = nn.Linear(config.dim, align_dim)

    def forward(self, x_NLC: Tensor, bias_N11L: Tensor, image_NSD: Tensor) -> Tensor:
        """Return N x L x C.

        Args:
            x_NLC: Words after the stage before.
            bias_N11L: Hides padding.
            image_NSD: The image's tokens for the stage of this number.
        """
        x_NLC = self.mlp(self.look(x_NLC, image_NSD, None))
        for layer in self.layers:
            x_NLC = layer(x_NLC, bias_N11L)
        return x_NLC
