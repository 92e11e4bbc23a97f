"""The transformer of SAM's mask decoder: tokens and image attend to each other.

Source: Kirillov et al., Segment Anything (arXiv 2304.02643), appendix A; SAM 2 keeps it.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from mmseg_models.shapes import merge_axes, split_axis

HEADS = 8
DEPTH = 2
MLP_RATIO = 8
NARROWING = 2
"""How much narrower attention between tokens and image is than the features."""


class Attention(nn.Module):
    """Multi-head attention with keys and values of its own.

    Args:
        dim: Channels in and out. width: Channels inside.
    """

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(dim, width)
        self.key = nn.Linear(dim, width)
        self.value = nn.Linear(dim, width)
        self.output = nn.Linear(width, dim)

    def forward(self, q_BNC: Tensor, k_BLC: Tensor, v_BLC: Tensor) -> Tensor:
        """Return B x N x C."""
        projected = (self.query(q_BNC), self.key(k_BLC), self.value(v_BLC))
        q, k, v = (split_axis(x, 2, (HEADS, -1)).transpose(1, 2) for x in projected)
        a_BHND = functional.scaled_dot_product_attention(q, k, v)
        result: Tensor = self.output(merge_axes(a_BHND.transpose(1, 2), 2, 3))
        return result


class TwoWayBlock(nn.Module):
    """Self-attention of the tokens, tokens to image, MLP, image to tokens.

    Args:
        dim: Channels. first: Whether it is the first block, whose self-attention sees no
            positions and has no residual.
    """

    def __init__(self, dim: int, first: bool) -> None:
        super().__init__()
        self.first = first
        self.self_attention = Attention(dim, dim)
        self.norm1 = nn.LayerNorm(dim)
        self.to_image = Attention(dim, dim // NARROWING)
        self.norm2 = nn.LayerNorm(dim)
        self.expand = nn.Linear(dim, MLP_RATIO * dim)
        self.contract = nn.Linear(MLP_RATIO * dim, dim)
        self.norm3 = nn.LayerNorm(dim)
        self.to_tokens = Attention(dim, dim // NARROWING)
        self.norm4 = nn.LayerNorm(dim)

    def forward(
        self, tokens_BTC: Tensor, image_BNC: Tensor, token_place: Tensor, image_place: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return tokens B x T x C and image B x N x C.

        Args:
            tokens_BTC: Tokens.
            image_BNC: Pixels of the image.
            token_place: Added to the tokens wherever they are compared, B x T x C.
            image_place: The same for the image, 1 x N x C.
        """
        if self.first:
            tokens_BTC = self.self_attention(tokens_BTC, tokens_BTC, tokens_BTC)
        else:
            placed = tokens_BTC + token_place
            tokens_BTC = tokens_BTC + self.self_attention(placed, placed, tokens_BTC)
        tokens_BTC = self.norm1(tokens_BTC)
        placed_image = image_BNC + image_place
        heard = self.to_image(tokens_BTC + token_place, placed_image, image_BNC)
        tokens_BTC = self.norm2(tokens_BTC + heard)
        hidden = functional.relu(self.expand(tokens_BTC))
        tokens_BTC = self.norm3(tokens_BTC + self.contract(hidden))
        heard = self.to_tokens(placed_image, tokens_BTC + token_place, tokens_BTC)
        return tokens_BTC, self.norm4(image_BNC + heard)


class TwoWayTransformer(nn.Module):
    """Two blocks and a last attention of the tokens to the image.

    Args:
        dim: Channels, a multiple of 16.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(TwoWayBlock(dim, first=i == 0) for i in range(DEPTH))
        self.to_image = Attention(dim, dim // NARROWING)
        self.norm = nn.LayerNorm(dim)

    def forward(
        self, tokens_BTC: Tensor, image_BNC: Tensor, image_place: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return tokens B x T x C and image B x N x C; `image_place` is 1 x N x C."""
        token_place = tokens_BTC
        for block in self.blocks:
            tokens_BTC, image_BNC = block(tokens_BTC, image_BNC, token_place, image_place)
        heard = self.to_image(tokens_BTC + token_place, image_BNC + image_place, image_BNC)
        return self.norm(tokens_BTC + heard), image_BNC
