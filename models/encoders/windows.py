"""Cutting a token map into windows, moved or not, and joining it again."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from mmseg_models.encoders.layers import Grid
from mmseg_models.shapes import merge_axes, shape_of, split_axis

MASKED = -100.0


def position_index(window: int) -> Tensor:
    """Return L x L int64: which row of the bias table belongs to a pair of tokens."""
    side = torch.arange(window)
    rows, columns = (grid.flatten() for grid in torch.meshgrid(side, side, indexing='ij'))
    down = rows[:, None] - rows[None] + window - 1
    right = columns[:, None] - columns[None] + window - 1
    return down * (2 * window - 1) + right


def split_windows(x_SHWC: Tensor, window: int, shift: int) -> tuple[Tensor, Grid]:
    """Return S x W x L x C windows and the size of the map padded with zeros to whole windows."""
    height, width = shape_of(x_SHWC)[1:3]
    below, right = -height % window, -width % window
    if below or right:
        x_SHWC = functional.pad(x_SHWC, (0, 0, 0, right, 0, below))
    if shift:
        x_SHWC = torch.roll(x_SHWC, (-shift, -shift), dims=(1, 2))
    padded = (height + below, width + right)
    rows = split_axis(x_SHWC, 1, (-1, window))
    tiles = split_axis(rows, 3, (-1, window)).transpose(2, 3)
    return merge_axes(merge_axes(tiles, 3, 4), 1, 2), padded


def join_windows(x_SWLC: Tensor, window: int, shift: int, padded: Grid, grid: Grid) -> Tensor:
    """Return the S x H x W x C map that `split_windows` cut.

    Args:
        x_SWLC: Windows.
        window: Their side.
        shift: By how much they were moved.
        padded: Size of the padded map.
        grid: Size of the map itself.
    """
    tiles = split_axis(x_SWLC, 2, (window, window))
    tiles = split_axis(tiles, 1, (padded[0] // window, padded[1] // window)).transpose(2, 3)
    x_SHWC = merge_axes(merge_axes(tiles, 3, 4), 1, 2)
    if shift:
        x_SHWC = torch.roll(x_SHWC, (shift, shift), dims=(1, 2))
    return x_SHWC[:, : grid[0], : grid[1]]


def shift_mask(grid: Grid, window: int, shift: int, like: Tensor) -> Tensor:
    """Return W x L x L: 0 where two tokens of a moved window are neighbors in the map.

    Tokens that came together only because the map wraps around get a large negative value.
    """
    regions = []
    for size in grid:
        padded = size + -size % window
        place = torch.arange(padded, device=like.device)
        regions.append((place >= padded - window).int() + (place >= padded - shift).int())
    region_HW = 3 * regions[0][:, None] + regions[1][None]
    windows, _ = split_windows(region_HW[None, :, :, None], window, 0)
    region_WL = windows[0, :, :, 0]
    same_WLL = region_WL[:, :, None] == region_WL[:, None, :]
    zero = torch.zeros((), device=like.device, dtype=like.dtype)
    return torch.where(same_WLL, zero, zero + MASKED)
