"""Experts become part of the weights: no arithmetic of their own any more."""

from __future__ import annotations

import torch
from torch import nn

from mmseg_models.mle_sam.experts import LoraQkv
from mmseg_models.mle_sam.model import MleSam
from mmseg_ros.core.errors import ConfigError

_NO_EXPERTS = 'the model has no experts to merge; build it with rank > 0, lora'


@torch.no_grad()
def merge_experts(model: nn.Module) -> MleSam:
    """Return a copy with one projection per modality instead of a shared one and corrections.

    It answers alike, as fast as without experts, and holds M projections per block.

    Raises:
        ConfigError: The model has no experts, or they are merged already.
    """
    if not isinstance(model, MleSam):
        raise ConfigError(_NO_EXPERTS)
    projections = _experts(model)
    options = {**model.options, 'experts': 'merged'}
    merged = MleSam(**options)
    merged.options = options
    state = {key: value for key, value in model.state_dict().items() if '.qkv.' not in key}
    for index, projection in enumerate(projections):
        for modality in range(len(model.modalities)):
            weight, bias = projection.merged(modality)
            prefix = f'encoder.trunk.blocks.{index}.qkv.members.{modality}'
            state |= {f'{prefix}.weight': weight, f'{prefix}.bias': bias}
    merged.load_state_dict(state)
    return merged.train(model.training)


def _experts(model: MleSam) -> list[LoraQkv]:
    found = [block.qkv for block in model.encoder.trunk.blocks]
    experts = [projection for projection in found if isinstance(projection, LoraQkv)]
    if len(experts) < len(found):
        raise ConfigError(_NO_EXPERTS)
    return experts
