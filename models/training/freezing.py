"""Tensors that a recipe keeps as they are, by their names."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from torch import nn

from mmseg_ros.core.errors import ConfigError


def freeze(network: nn.Module, patterns: Sequence[str]) -> list[nn.Module]:
    """Let the tensors learn no more whose names fit one of the patterns.

    Args:
        network: As it is trained.
        patterns: With `*`, which also covers dots, and `?`; `encoder.stages.0.*`.

    Returns:
        The norms with running statistics of which every tensor is frozen. They have to be kept in
        evaluation mode.

    Raises:
        ConfigError: A pattern fits no tensor, or all tensors are frozen.
    """
    names = dict(network.named_parameters())
    for pattern in patterns:
        fitting = [name for name in names if fnmatchcase(name, pattern)]
        if not fitting:
            raise ConfigError(_nothing_fits(pattern, list(names)))
        for name in fitting:
            names[name].requires_grad_(False)
    if not any(tensor.requires_grad for tensor in names.values()):
        raise ConfigError(f'optimizer.frozen {list(patterns)} leaves nothing to learn.')
    return [module for module in network.modules() if _is_frozen_norm(module)] if patterns else []


def hold(norms: Sequence[nn.Module]) -> None:
    """Let norms use their running statistics and keep them."""
    for norm in norms:
        norm.eval()


def _is_frozen_norm(module: nn.Module) -> bool:
    if not isinstance(module, nn.modules.batchnorm._BatchNorm):
        return False
    tensors = list(module.parameters(recurse=False))
    return bool(tensors) and not any(tensor.requires_grad for tensor in tensors)


def _nothing_fits(pattern: str, names: list[str]) -> str:
    near = get_close_matches(pattern, names, n=3, cutoff=0.3) or names[:3]
    return f'optimizer.frozen: no tensor fits {pattern!r}; names are like {", ".join(near)}.'
