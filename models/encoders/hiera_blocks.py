"""Hiera's block: attention in windows, with the queries pooled where a stage begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn
from torch.nn import functional

from mmseg_models.encoders.layers import Grid
from mmseg_models.encoders.windows import join_windows, split_windows
from mmseg_models.presence import Presence
from mmseg_models.shapes import merge_axes, shape_of, split_axis

MLP_RATIO = 4
POOLING = 2
NORM_EPS = 1e-6


class Qkv(nn.Linear):
    """Queries, keys and values by one matrix that all modalities share.

    Args:
        dim: Channels in. dim_out: Channels of each of the three.
    """

    def __init__(self, dim: int, dim_out: int) -> None:
        super().__init__(dim, 3 * dim_out)

    def project(self, x_SWLC: Tensor, presence: Presence) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values, S x W x L x dim_out each."""
        q, k, v = self(x_SWLC).chunk(3, dim=-1)
        return q, k, v


class QkvProjection(Protocol):
    """A `Qkv`, or what takes its place."""

    def project(self, x_SWLC: Tensor, presence: Presence) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values, S x W x L x dim_out each."""


QkvFactory = Callable[[int, int], QkvProjection]
"""Makes a block's `Qkv`, or what takes its place, for channels in and channels out."""


@dataclass(frozen=True)
class HieraSite:
    """Where a block sits.

    Attributes:
        dim: Channels in. dim_out: Channels out; twice as many where a stage begins.
        heads: Attention heads. window: Side of a window before pooling; 0 takes the whole map.
    """

    dim: int
    dim_out: int
    heads: int
    window: int

    @property
    def pools(self) -> bool:
        """Return whether the block halves the map."""
        return self.dim != self.dim_out


class Mlp(nn.Module):
    """Two linear layers with a GELU between them.

    Args:
        dim: Channels in and out; the hidden layer has four times as many.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.expand = nn.Linear(dim, MLP_RATIO * dim)
        self.contract = nn.Linear(MLP_RATIO * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return ... x C."""
        result: Tensor = self.contract(functional.gelu(self.expand(x)))
        return result


class HieraBlock(nn.Module):
    """Window attention and MLP, each with a residual.

    Where a stage begins, the shortcut is the *normalized* input, projected and max-pooled, and the
    queries are max-pooled inside each window, which so becomes half as wide.

    Args:
        site: Sizes. make_qkv: Makes the projection to queries, keys and values.

    Source: SAM 2 (arXiv 2408.00714) and Hiera (arXiv 2306.00989).
    """

    def __init__(self, site: HieraSite, make_qkv: QkvFactory) -> None:
        super().__init__()
        self.site = site
        self.norm1 = nn.LayerNorm(site.dim, eps=NORM_EPS)
        self.qkv: QkvProjection = make_qkv(site.dim, site.dim_out)
        self.output = nn.Linear(site.dim_out, site.dim_out)
        self.norm2 = nn.LayerNorm(site.dim_out, eps=NORM_EPS)
        self.mlp = Mlp(site.dim_out)
        self.shortcut = nn.Linear(site.dim, site.dim_out) if site.pools else None

    def forward(self, x_SHWC: Tensor, presence: Presence) -> Tensor:
        """Return S x H x W x dim_out, or half of H and W where a stage begins."""
        normed_SHWC = self.norm1(x_SHWC)
        if self.shortcut is not None:
            x_SHWC = pool(self.shortcut(normed_SHWC))
        x_SHWC = x_SHWC + self._attention(normed_SHWC, presence)
        result: Tensor = x_SHWC + self.mlp(self.norm2(x_SHWC))
        return result

    def _attention(self, x_SHWC: Tensor, presence: Presence) -> Tensor:
        grid = _grid(x_SHWC)
        height, width = self.site.window or grid[0], self.site.window or grid[1]
        x_SWLC, padded = _windows(x_SHWC, self.site.window)
        q, k, v = self.qkv.project(x_SWLC, presence)
        if self.site.pools:
            q = merge_axes(_pool_windows(q, (height, width)), 2, 3)
            grid, padded = _halved(grid), _halved(padded)
        a_SWLC = self.output(attend(q, k, v, self.site.heads))
        if not self.site.window:
            return split_axis(a_SWLC[:, 0], 1, grid)
        side = height // POOLING if self.site.pools else height
        return join_windows(a_SWLC, side, 0, padded, grid)


def pool(x_SHWC: Tensor) -> Tensor:
    """Return the maximum of every 2 x 2 pixels."""
    return functional.max_pool2d(x_SHWC.permute(0, 3, 1, 2), POOLING).permute(0, 2, 3, 1)


def attend(q_SWLC: Tensor, k_SWLC: Tensor, v_SWLC: Tensor, heads: int) -> Tensor:
    """Return the attention's result S x W x L x C; the heads share the channels in turn."""
    windows = shape_of(q_SWLC)[1]
    q, k, v = (
        split_axis(merge_axes(x, 0, 1), 2, (heads, -1)).transpose(1, 2)
        for x in (q_SWLC, k_SWLC, v_SWLC)
    )
    a_XHLD = functional.scaled_dot_product_attention(q, k, v)
    return split_axis(merge_axes(a_XHLD.transpose(1, 2), 2, 3), 0, (-1, windows))


def _windows(x_SHWC: Tensor, window: int) -> tuple[Tensor, Grid]:
    """Return S x W x L x C and the padded size; padding takes part in the attention as keys."""
    if window:
        return split_windows(x_SHWC, window, 0)
    return merge_axes(x_SHWC, 1, 2)[:, None], _grid(x_SHWC)


def _grid(x_SHWC: Tensor) -> Grid:
    _, height, width, _ = shape_of(x_SHWC)
    return height, width


def _pool_windows(x_SWLC: Tensor, side: Grid) -> Tensor:
    """Return S x W x side / 2 x side / 2 x C."""
    windows = shape_of(x_SWLC)[1]
    pooled = pool(split_axis(merge_axes(x_SWLC, 0, 1), 1, side))
    return split_axis(pooled, 0, (-1, windows))


def _halved(size: Grid) -> Grid:
    return size[0] // POOLING, size[1] // POOLING
