"""What the image takes from the sentence: attention to its words, then a gate.

Source: arXiv 2408.07539, section III-B.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from mmseg_models.shapes import merge_axes, split_axis

_EPS = 1e-5


class Pointwise(nn.Conv1d):
    """A convolution of width one over tokens N x S x C; its weight is C' x C x 1.

    Args:
        dim: Channels. out: Channels after it.
    """

    def __init__(self, dim: int, out: int) -> None:
        super().__init__(dim, out, 1)

    def forward(self, x_NSC: Tensor) -> Tensor:
        """Return N x S x C'."""
        return functional.linear(x_NSC, self.weight[:, :, 0], self.bias)


def normalize_over_tokens(x_NSC: Tensor) -> Tensor:
    """Return every channel of every sample with mean 0 and variance 1 over the tokens."""
    centred = x_NSC - x_NSC.mean(dim=1, keepdim=True)
    variance = centred.square().mean(dim=1, keepdim=True)
    return centred * (variance + _EPS).rsqrt()


class TextAttention(nn.Module):
    """Pixels ask, words answer.

    The answer's strength over the image is normalized away, so a sentence says where, not how
    much.

    Args:
        dim: Channels of the pixels. text_dim: Channels of the words.
        inner_dim: Channels of the attention. head_dim: Channels of one head.
    """

    def __init__(self, dim: int, text_dim: int, inner_dim: int, head_dim: int) -> None:
        super().__init__()
        self.head_dim = head_dim
        self.query = Pointwise(dim, inner_dim)
        self.key = nn.Linear(text_dim, inner_dim)
        self.value = nn.Linear(text_dim, inner_dim)
        self.output = Pointwise(inner_dim, dim)
        self.mix = Pointwise(dim, dim)

    def forward(self, x_NSC: Tensor, text_NLD: Tensor, bias_N11L: Tensor) -> Tensor:
        """Return N x S x C.

        Args:
            x_NSC: Pixels.
            text_NLD: Words.
            bias_N11L: Hides padding.
        """
        q = self._heads(normalize_over_tokens(self.query(x_NSC))) * self.head_dim**-0.5
        k, v = self._heads(self.key(text_NLD)), self._heads(self.value(text_NLD))
        attention = (q @ k.transpose(-2, -1) + bias_N11L).softmax(dim=-1)
        answer_NSC = merge_axes((attention @ v).transpose(1, 2), 2, 3)
        x_NSC = normalize_over_tokens(self.output(answer_NSC)) + x_NSC
        return functional.gelu(self.mix(x_NSC))

    def _heads(self, x_NSC: Tensor) -> Tensor:
        return split_axis(x_NSC, 2, (-1, self.head_dim)).transpose(1, 2)


class GatedText(nn.Module):
    """Attention to the words, added through a gate.

    Args:
        dim: Channels of the pixels. text_dim: Channels of the words.
        inner_dim: Channels of the attention. head_dim: Channels of one head.
    """

    def __init__(self, dim: int, text_dim: int, inner_dim: int, head_dim: int) -> None:
        super().__init__()
        self.attention = TextAttention(dim, text_dim, inner_dim, head_dim)
        self.squeeze = nn.Linear(dim, dim, bias=False)
        self.excite = nn.Linear(dim, dim, bias=False)

    def forward(self, x_NSC: Tensor, text_NLD: Tensor, bias_N11L: Tensor) -> tuple[Tensor, Tensor]:
        """Return the pixels with what they took added, and what they took; both N x S x C."""
        taken_NSC = self.attention(x_NSC, text_NLD, bias_N11L)
        gate_NSC = self.excite(functional.relu(self.squeeze(taken_NSC))).tanh()
        return x_NSC + gate_NSC * taken_NSC, taken_NSC
