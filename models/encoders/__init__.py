"""Encoders by name."""

from __future__ import annotations

from functools import partial

from mmseg_models.encoders.contract import Encoder, FusionFactory, Norms, no_fusion
from mmseg_models.encoders.efficientnet import EFFICIENTNET_CONFIGS, build_efficientnet
from mmseg_models.encoders.layers import ModalityNorm, NormFactory, SharedNorm
from mmseg_models.encoders.mit import MIT_CONFIGS, build_mit
from mmseg_models.encoders.swin import SWIN_CONFIGS, build_swin
from mmseg_ros.core.errors import ConfigError

ENCODERS: tuple[str, ...] = (*MIT_CONFIGS, *SWIN_CONFIGS, *EFFICIENTNET_CONFIGS)


def shared_norm(eps: float) -> NormFactory:
    """Return a maker of layer norms that all modalities share."""
    return partial(SharedNorm, eps=eps)


def modality_norm(count: int, eps: float) -> NormFactory:
    """Return a maker of layer norms with own weights for each of `count` modalities."""
    return partial(ModalityNorm, count=count, eps=eps)


def build_encoder(
    name: str,
    norms: Norms,
    fusion: FusionFactory = no_fusion,
    drop_path: float = 0.1,
    modalities: int = 1,
) -> Encoder:
    """Return an encoder with random weights.

    Args:
        name: One of `ENCODERS`.
        norms: Makers of layer norms.
        fusion: Makes each block's hooks.
        drop_path: Stochastic depth rate of the last block, 0 <= rate < 1.
        modalities: How many the input has; EfficientNet makes its own norms for each.

    Raises:
        ConfigError: The name is unknown or the rate out of range.
    """
    if not 0.0 <= drop_path < 1.0:
        raise ConfigError(f'drop_path is {drop_path}; choose 0 <= drop_path < 1')
    if name in MIT_CONFIGS:
        return build_mit(MIT_CONFIGS[name], norms, fusion, drop_path)
    if name in SWIN_CONFIGS:
        return build_swin(SWIN_CONFIGS[name], norms, fusion, drop_path)
    if name in EFFICIENTNET_CONFIGS:
        config = EFFICIENTNET_CONFIGS[name]
        return build_efficientnet(config, modalities, fusion, drop_path)
    raise ConfigError(f'unknown encoder {name!r}; choose one of {", ".join(ENCODERS)}')
