"""Weights from and to other repositories; every name must fit, nothing is skipped in silence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from mmseg_models.segmentation_model import SegmentationModel
from mmseg_ros.core.errors import ConfigError

_WRAPPERS = ('state_dict', 'model', 'segmenter')
_SHOWN = 8


def export_reference(model: SegmentationModel, layout: str | None = None) -> dict[str, Tensor]:
    """Return the model's tensors under the names of the authors' repository.

    Args:
        model: What to export.
        layout: One of `model.reference_layouts`; the first if not given.

    Raises:
        ConfigError: The layout is unknown, or the authors' code has no such model.
    """
    layout = layout or model.reference_layouts[0]
    if layout not in model.reference_layouts:
        raise ConfigError(
            f'unknown layout {layout!r}; choose one of {", ".join(model.reference_layouts)}'
        )
    return {model.reference_key(key, layout): value for key, value in model.state_dict().items()}


def import_reference(
    model: SegmentationModel, state_dict: Mapping[str, Any], unused: tuple[str, ...] = ()
) -> None:
    """Load weights that were saved by the authors' code.

    Args:
        model: Built with the options of the checkpoint.
        state_dict: The authors' names to tensors; wrappers (`state_dict`, `model`, `segmenter`)
            and the `module.` prefix of data-parallel training are taken off.
        unused: Prefixes of tensors that the authors' code saves but the chosen options do not use.

    Raises:
        ConfigError: A tensor is missing, unexpected or of another shape; all are named.
    """
    tensors = unwrap(state_dict)
    found = {key: tensor for key, tensor in tensors.items() if not key.startswith(unused)}
    layouts = [
        {model.reference_key(key, layout): key for key in model.state_dict()}
        for layout in model.reference_layouts
    ]
    names = max(layouts, key=lambda layout: len(layout.keys() & found.keys()))
    load_strict(model, {names.get(key, key): tensor for key, tensor in found.items()}, names)


def unwrap(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint without wrappers and `module.` prefixes."""
    for wrapper in _WRAPPERS:
        if isinstance(checkpoint.get(wrapper), Mapping):
            return unwrap(checkpoint[wrapper])
    tensors = {key: value for key, value in checkpoint.items() if isinstance(value, Tensor)}
    if not tensors:
        raise ConfigError(f'the checkpoint holds no tensors, only {list(checkpoint)[:_SHOWN]}')
    if all(key.startswith('module.') for key in tensors):
        return {key.removeprefix('module.'): value for key, value in tensors.items()}
    return tensors


def load_strict(
    module: nn.Module, tensors: Mapping[str, Tensor], names: Mapping[str, str] | None = None
) -> None:
    """Load tensors into a module.

    Args:
        module: Where they go.
        tensors: The module's own names to tensors.
        names: Other repository's name to own name; errors then use the other repository's.

    Raises:
        ConfigError: A tensor is missing, unexpected or of another shape; all are named.
    """
    foreign = {own: other for other, own in (names or {}).items()}
    expected = module.state_dict()
    problems = [
        *(f'missing {foreign.get(key, key)}' for key in expected if key not in tensors),
        *(f'unexpected {key}' for key in tensors if key not in expected),
        *(
            f'{foreign.get(key, key)} is {tuple(tensors[key].shape)}, not {tuple(value.shape)}'
            for key, value in expected.items()
            if key in tensors and tensors[key].shape != value.shape
        ),
    ]
    if problems:
        more = f' and {len(problems) - _SHOWN} more' if len(problems) > _SHOWN else ''
        raise ConfigError(
            f'the checkpoint does not fit the model: {"; ".join(problems[:_SHOWN])}{more}. '
            'Build the model with the options of the checkpoint'
        )
    module.load_state_dict(dict(tensors))


def read_tensors(file: Path | str) -> dict[str, Tensor]:
    """Return the tensors of a `.safetensors` file or of one written by `torch.save`.

    Raises:
        ConfigError: There is no such file, or it holds anything else than tensors and plain data.
    """
    path = Path(file)
    if not path.is_file():
        raise ConfigError(f'there is no checkpoint {path}')
    if path.suffix == '.safetensors':
        return unwrap(load_file(path))
    try:
        return unwrap(torch.load(path, map_location='cpu', weights_only=True))
    except ConfigError:
        raise
    except Exception as error:
        reason = str(error).split('\n')[0]
        raise ConfigError(
            f'{path} cannot be read as plain weights ({reason}); only tensors are ever loaded, '
            'never pickled code: save its state_dict again, or as .safetensors'
        ) from error
