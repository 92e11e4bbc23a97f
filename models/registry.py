"""Models by name."""

from __future__ import annotations

import inspect
from typing import Any

from mmseg_models.geminifusion import GeminiFusion
from mmseg_models.segmentation_model import SegmentationModel
from mmseg_models.stitchfusion import StitchFusion
from mmseg_ros.core.errors import ConfigError

_MODELS: dict[str, type[SegmentationModel]] = {
    'geminifusion': GeminiFusion,
    'stitchfusion': StitchFusion,
}


def list_models() -> list[str]:
    """Return the names that `create_model` knows."""
    return sorted(_MODELS)


def create_model(name: str, **options: Any) -> SegmentationModel:
    """Return a model with random weights, called as model(images_BMCHW, available_BM) -> logits.

    Args:
        name: One of `list_models()`.
        **options: Arguments of the model's class; those left out take its defaults.

    Returns:
        The model; `model.options` holds all options as JSON-ready values.

    Raises:
        ConfigError: The name or an option is unknown, or a value out of range.

    >>> create_model('stitchfusion', encoder='mit_b0', modalities=('rgb', 'lidar')).modalities
    ('rgb', 'lidar')
    """
    if name not in _MODELS:
        raise ConfigError(f'unknown model {name!r}; choose one of {", ".join(list_models())}')
    parameters = inspect.signature(_MODELS[name]).parameters
    if unknown := sorted(set(options) - set(parameters)):
        raise ConfigError(
            f'{name} has no option {", ".join(unknown)}; it has {", ".join(parameters)}'
        )
    model = _MODELS[name](**options)
    defaults = {key: parameter.default for key, parameter in parameters.items()}
    model.options = {key: _plain(value) for key, value in {**defaults, **options}.items()}
    return model


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple | list) else value
