"""Models by name."""

from __future__ import annotations

import inspect
from typing import Any

from mmseg_models.crossvlt import CrossVLT
from mmseg_models.geminifusion import GeminiFusion
from mmseg_models.mle_sam import MleSam
from mmseg_models.network import Network
from mmseg_models.segmentation_model import SegmentationModel
from mmseg_models.stitchfusion import StitchFusion
from mmseg_ros.core.errors import ConfigError

_MODELS: dict[str, type[Network]] = {
    'crossvlt': CrossVLT,
    'geminifusion': GeminiFusion,
    'mle_sam': MleSam,
    'stitchfusion': StitchFusion,
}


def list_models(task: str | None = None) -> list[str]:
    """Return the names that `create_model` knows.

    Args:
        task: `segmentation` or `referring`; None lists all.
    """
    return sorted(name for name, model in _MODELS.items() if task in (None, model.task))


def create_model(name: str, **options: Any) -> Network:
    """Return a model with random weights.

    Models of the task `segmentation` are called as model(images_BMCHW, available_BM) -> logits,
    those of `referring` as model(images_N3HW, token_ids_NL, attention_mask_NL) -> logits.

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


def create_segmentation_model(name: str, **options: Any) -> SegmentationModel:
    """Return a model of the task `segmentation`; see `create_model`.

    Raises:
        ConfigError: As there, or the model has another task.
    """
    model = create_model(name, **options)
    if not isinstance(model, SegmentationModel):
        raise ConfigError(_other_task(name, model, 'segmentation'))
    return model


def create_referring_model(name: str, **options: Any) -> CrossVLT:
    """Return a model of the task `referring`; see `create_model`.

    Raises:
        ConfigError: As there, or the model has another task.
    """
    model = create_model(name, **options)
    if not isinstance(model, CrossVLT):
        raise ConfigError(_other_task(name, model, 'referring'))
    return model


def _other_task(name: str, model: Network, wanted: str) -> str:
    names = ', '.join(list_models(wanted))
    return f'{name} is a network for {model.task}; for {wanted} choose one of {names}'


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple | list) else value
