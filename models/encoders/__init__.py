"""Encoders by name."""

from __future__ import annotations

from functools import partial

from mmseg_models.encoders.contract import Encoder, FusionFactory, no_fusion
from mmseg_models.encoders.layers import NormFactory, SharedNorm
from mmseg_models.encoders.mit import MIT_CONFIGS, build_mit
from mmseg_ros.core.errors import ConfigError

ENCODERS: tuple[str, ...] = (*MIT_CONFIGS,)


def shared_norm(eps: float) -> NormFactory:
    """Return a maker of layer norms that all modalities share."""
    return partial(SharedNorm, eps=eps)


def build_encoder(
    name: str,
    *,
    norm: NormFactory,
    embed_norm: NormFactory | None = None,
    fusion: FusionFactory = no_fusion,
    drop_path: float = 0.1,
) -> Encoder:
    """Return an encoder with random weights.

    Args:
        name: One of `ENCODERS`.
        norm: Makes layer norms.
        embed_norm: Makes the patch embeddings' layer norms; `norm` if not given.
        fusion: Makes each block's hooks.
        drop_path: Stochastic depth rate of the last block, 0 <= rate < 1.

    Raises:
        ConfigError: The name is unknown or the rate out of range.
    """
    if name not in ENCODERS:
        raise ConfigError(f'unknown encoder {name!r}; choose one of {", ".join(ENCODERS)}')
    if not 0.0 <= drop_path < 1.0:
        raise ConfigError(f'drop_path is {drop_path}; choose 0 <= drop_path < 1')
    return build_mit(MIT_CONFIGS[name], embed_norm or norm, norm, fusion, drop_path)
