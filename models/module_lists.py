"""Lists of modules whose members type checkers know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar, cast

import torch
from torch import nn

ModuleT = TypeVar('ModuleT', bound=nn.Module)


def module_list(modules: Iterable[ModuleT]) -> Sequence[ModuleT]:
    """Return an `nn.ModuleList` of the modules; PyTorch's own type forgets what they are."""
    return cast('Sequence[ModuleT]', nn.ModuleList(modules))


def channels_last(module: ModuleT) -> ModuleT:
    """Bring the weights of convolutions into the layout that CPUs and GPUs compute fastest in."""
    # PyTorch's types lack this form of `to`.
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
