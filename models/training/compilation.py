"""`compile: true`: torch.compile for the parts of a network that see nothing but tensors.

Which modalities a batch has decides what the rest of the network does, so that compiling it as a
whole would compile each of the 2^M - 1 subsets. A part that is given only the stacked maps sees a
subset as another size of the first axis, and is compiled once for all sizes.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from torch import nn
from torch._dynamo import config

from mmseg_models.network import Network
from mmseg_ros.core.errors import ConfigError

_KINDS_PER_MODULE = 4
_SUBSET_ARGUMENTS = frozenset({'presence', 'members', 'extras', 'available_BM'})


def compile_parts(network: nn.Module, device_type: str) -> list[nn.Module]:
    """Compile the parts of a network in place; names of its tensors stay as they are.

    The work is done in the first steps.

    Returns:
        The parts.

    Raises:
        ConfigError: Compiling for the CPU needs a C++ compiler, and there is none.
    """
    if device_type == 'cpu':
        _require_compiler()
    parts = list(compiled_parts(network))
    _allow_kinds(sum(1 for part in parts for _ in part.modules()))
    for part in parts:
        part.compile(dynamic=True)
    return parts


def compiled_parts(module: nn.Module) -> Iterator[nn.Module]:
    """Yield the largest submodules whose computation no subset of the modalities changes."""
    for child in module.children():
        if _is_called(child) and next(child.children(), None) and _knows_no_subset(child):
            yield child
        else:
            yield from compiled_parts(child)


def _knows_no_subset(module: nn.Module) -> bool:
    """Return whether neither a module nor one inside it is told the modalities."""
    if isinstance(module, Network):
        return False
    told = _SUBSET_ARGUMENTS & set(inspect.signature(type(module).forward).parameters)
    return not told and all(_knows_no_subset(child) for child in module.children())


def _is_called(module: nn.Module) -> bool:
    """Return whether a module is used as a function; lists of modules are not."""
    return type(module).forward is not nn.Module.forward


def _allow_kinds(modules: int) -> None:
    """Let every module be compiled a few times; by default 8 modules of one class are the limit.

    Beyond the limit PyTorch goes on uncompiled.
    """
    wanted = _KINDS_PER_MODULE * modules
    config.recompile_limit = max(config.recompile_limit, wanted)
    config.accumulated_recompile_limit = max(config.accumulated_recompile_limit, wanted)


def _require_compiler() -> None:
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler as error:
        raise ConfigError(
            'compile: true needs a C++ compiler, and none is found; install g++, or leave compile '
            'out.'
        ) from error
