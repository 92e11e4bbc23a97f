"""Reading weight files and putting tensors into modules; nothing is skipped in silence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from mmseg_ros.core.errors import ConfigError

_WRAPPERS = (
    'state_dict', 'model_state_dict', 'model', 'segmenter', 'network', 'net', 'module',
    'state_dict_ema', 'model_ema', 'ema',
)  # fmt: skip
# What data parallelism, torch.compile and trainers put before every name, in any order.
_PREFIXES = ('module.', '_orig_mod.', 'model.')
# What torch's AveragedModel counts beside the weights.
_BESIDE = ('n_averaged',)
_NAMED_CODE = re.compile(r'GLOBAL ([\w.]+)')
_SHOWN = 8


def read_tensors(file: Path | str) -> dict[str, Tensor]:
    """Return the tensors of a `.safetensors` file or of one written by `torch.save`.

    Raises:
        ConfigError: There is no such file, or it holds anything else than tensors and plain data.
    """
    path = Path(file)
    if not path.is_file():
        raise ConfigError(f'there is no checkpoint {path}')
    try:
        if path.suffix == '.safetensors':
            checkpoint = load_file(path)
        else:
            checkpoint = torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:
        code = _NAMED_CODE.search(str(error))
        reason = f'it holds a {code[1]}' if code else str(error).split('\n')[0]
        raise ConfigError(
            f'{path} cannot be read as plain weights ({reason}); only tensors and plain data are '
            'ever loaded, never pickled code: save its state_dict alone, or as .safetensors'
        ) from error
    if not isinstance(checkpoint, Mapping):
        raise ConfigError(f'{path} holds a {type(checkpoint).__name__}, not named tensors')
    return unwrap(checkpoint)


def unwrap(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint without wrappers and prefixes, nested or repeated.

    Raises:
        ConfigError: There are no tensors in it; what there is instead is named.
    """
    for wrapper in _WRAPPERS:
        if isinstance(checkpoint.get(wrapper), Mapping):
            return unwrap(checkpoint[wrapper])
    tensors = {
        str(key): value
        for key, value in checkpoint.items()
        if isinstance(value, Tensor) and key not in _BESIDE
    }
    if not tensors:
        raise ConfigError(
            f'the checkpoint holds no tensors, only {_kinds(checkpoint)}; weights are looked for '
            f'at the top and under {", ".join(_WRAPPERS)}'
        )
    while prefix := next((p for p in _PREFIXES if all(k.startswith(p) for k in tensors)), ''):
        tensors = {key.removeprefix(prefix): value for key, value in tensors.items()}
    return tensors


def found_names(tensors: Mapping[str, Tensor]) -> str:
    """Return the first names of a checkpoint's tensors, for error messages."""
    names = sorted(tensors)
    more = f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''
    return f'{", ".join(names[:_SHOWN])}{more}'


def _kinds(checkpoint: Mapping[str, Any]) -> str:
    kinds = [f'{key} ({type(value).__name__})' for key, value in checkpoint.items()]
    return ', '.join(kinds[:_SHOWN]) or 'nothing'


def load_strict(
    module: nn.Module,
    tensors: Mapping[str, Tensor],
    names: Mapping[str, str] = MappingProxyType({}),
    source: str = 'the checkpoint',
) -> None:
    """Load tensors into a module; a failed load changes nothing.

    Args:
        module: Where they go.
        tensors: The module's own names to tensors.
        names: Own name to the checkpoint's name, for the error messages.
        source: What holds the tensors, for the same.

    Raises:
        ConfigError: A tensor is missing, unexpected or of another shape; the first are named.
    """
    expected = module.state_dict()
    problems = [
        *(f'missing {names.get(key, key)}' for key in expected if key not in tensors),
        *(f'unexpected {names.get(key, key)}' for key in tensors if key not in expected),
        *(
            f'{names.get(key, key)} is {tuple(tensors[key].shape)}, not {tuple(value.shape)}'
            for key, value in expected.items()
            if key in tensors and tensors[key].shape != value.shape
        ),
    ]
    if problems:
        more = f' and {len(problems) - _SHOWN} more' if len(problems) > _SHOWN else ''
        raise ConfigError(
            f'{source} does not fit the model: {"; ".join(problems[:_SHOWN])}{more}. '
            'Build the model with the options of the checkpoint (model.name, model.options).'
        )
    module.load_state_dict(dict(tensors))
