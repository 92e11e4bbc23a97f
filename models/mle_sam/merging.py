"""Experts become part of the weights: no arithmetic of their own any more."""

from __future__ import annotations

import torch
from torch import Tensor

from mmseg_models.encoders.hiera import HIERA_CONFIGS
from mmseg_models.encoders.hiera_blocks import HieraBlock
from mmseg_models.encoders.hiera_keys import official_hiera_key
from mmseg_models.encoders.hiera_neck import ImageEncoder
from mmseg_models.mle_sam.experts import LoraQkv
from mmseg_models.mle_sam.model import MleSam
from mmseg_ros.core.errors import ConfigError


@torch.no_grad()
def merge_experts(model: MleSam) -> MleSam:
    """Return a copy with one projection per modality instead of a shared one and corrections.

    It answers alike, as fast as without experts, and holds M projections per block.

    Raises:
        ConfigError: The model has no experts, or they are merged already.
    """
    _require_experts(model)
    options = {**model.options, 'experts': 'merged'}
    merged = MleSam(**options)
    merged.options = options
    state = {key: value for key, value in model.state_dict().items() if '.qkv.' not in key}
    for index, block in enumerate(_blocks(model)):
        for modality in range(len(model.modalities)):
            weight, bias = block.qkv.merged(modality)
            prefix = f'encoder.trunk.blocks.{index}.qkv.members.{modality}'
            state |= {f'{prefix}.weight': weight, f'{prefix}.bias': bias}
    merged.load_state_dict(state)
    return merged.train(model.training)


@torch.no_grad()
def merged_encoder(model: MleSam, modality: str) -> ImageEncoder:
    """Return a plain image encoder of SAM 2 that sees one modality as the model does.

    Raises:
        ConfigError: The model has no experts or no such modality.
    """
    _require_experts(model)
    if modality not in model.modalities:
        raise ConfigError(f'the model has {", ".join(model.modalities)}, but no {modality!r}')
    encoder = ImageEncoder(HIERA_CONFIGS[model.options['encoder']])
    state = {
        key: value for key, value in model.encoder.state_dict().items() if not key.endswith('_MRC')
    }
    for index, block in enumerate(_blocks(model)):
        weight, _ = block.qkv.merged(model.modalities.index(modality))
        state[f'trunk.blocks.{index}.qkv.weight'] = weight
    encoder.load_state_dict(state)
    return encoder.train(model.training)


def encoder_tensors(encoder: ImageEncoder) -> dict[str, Tensor]:
    """Return an image encoder's tensors under SAM 2's names."""
    return {
        'image_encoder.' + official_hiera_key(key): value
        for key, value in encoder.state_dict().items()
    }


def _blocks(model: MleSam) -> list[HieraBlock]:
    return list(model.encoder.trunk.blocks)


def _require_experts(model: MleSam) -> None:
    if not isinstance(model, MleSam) or not all(
        isinstance(block.qkv, LoraQkv) for block in _blocks(model)
    ):
        raise ConfigError('the model has no experts to merge; build it with rank > 0, lora')
