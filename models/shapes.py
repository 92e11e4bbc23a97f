"""Reshaping with sizes that an exported graph holds as constants instead of computing them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

_OPEN = ContextVar('sizes are open', default=False)


@contextmanager
def open_sizes() -> Iterator[None]:
    """Let graphs that are traced inside the block compute their sizes at run time after all."""
    token = _OPEN.set(True)
    try:
        yield
    finally:
        _OPEN.reset(token)


def shape_of(x: Tensor) -> tuple[int, ...]:
    """Return the sizes as plain integers, also while a graph is traced, unless `open_sizes`."""
    return tuple(x.shape) if _OPEN.get() else tuple(int(size) for size in x.shape)


def split_axis(x: Tensor, axis: int, sizes: tuple[int, ...]) -> Tensor:
    """Return `x` with one axis cut into several; one of `sizes` may be -1.

    >>> import torch
    >>> tuple(split_axis(torch.zeros(2, 6), 1, (3, -1)).shape)
    (2, 3, 2)
    """
    shape = shape_of(x)
    known = math.prod(size for size in sizes if size >= 0)
    resolved = tuple(size if size >= 0 else shape[axis] // known for size in sizes)
    return _reshape(x, (*shape[:axis], *resolved, *shape[axis + 1 :]), keeps_first=axis > 0)


def merge_axes(x: Tensor, first: int, last: int) -> Tensor:
    """Return `x` with the axes `first` to `last` joined into one.

    >>> import torch
    >>> tuple(merge_axes(torch.zeros(2, 3, 4), 0, 1).shape)
    (6, 4)
    """
    shape = shape_of(x)
    joined = math.prod(shape[first : last + 1])
    return _reshape(x, (*shape[:first], joined, *shape[last + 1 :]), keeps_first=first > 0)


def is_tracing() -> bool:
    """Return whether an exporter is recording this call."""
    return bool(torch.jit.is_tracing())  # type: ignore[attr-defined,no-untyped-call]


def _reshape(x: Tensor, shape: tuple[int, ...], keeps_first: bool) -> Tensor:
    """Reshape; an exported graph leaves the first axis open where it stays what it is."""
    if keeps_first and is_tracing():
        shape = (-1, *shape[1:])
    return x.reshape(shape)
