"""Which options an MLE-SAM checkpoint was made with."""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor

from mmseg_models.encoders.hiera import HIERA_CONFIGS, HieraConfig
from mmseg_models.mle_sam.experts import CORRECTED
from mmseg_models.mle_sam.sam2_checkpoint import UNUSED
from mmseg_ros.core.errors import ConfigError

_TRUNK = 'image_encoder.trunk.'
_BLOCK = re.compile(r'^image_encoder\.trunk\.blocks\.(\d+)\.')
_GATE = re.compile(r'^router\.gates\.(\d+)\.weight$')
_MEMBER = re.compile(r'\.attn\.qkv\.members\.(\d+)\.weight$')
_TRAINED = ('sam_mask_decoder.mask_tokens.', 'sam_mask_decoder.output_hypernetworks_mlps.')

LEFT_OUT = tuple(prefix for prefix in UNUSED if prefix not in _TRAINED)
"""Prefixes of SAM 2's tensors that code built on it saves and MLE-SAM has no use for."""


def infer_options(tensors: dict[str, Tensor]) -> dict[str, Any]:
    """Return the options that the names and shapes tell, and `num_modalities` where they do.

    What they do not tell is `top_k`, and whether the second pathway reads the `unified` mean or
    the `weighted` sum.

    Raises:
        ConfigError: The tensors are those of no known Hiera.
        KeyError: A tensor is missing that every MLE-SAM has.
    """
    gates = [tensors[key] for key in sorted(tensors) if _GATE.match(key)]
    options = {
        'encoder': _encoder(tensors),
        'num_classes': tensors['sam_mask_decoder.mask_tokens.weight'].shape[0],
        'router': _router(gates),
        'auxiliary': 'unified'
        if any(k.startswith('auxiliary_head.') for k in tensors)
        else 'none',
    }
    return {**options, **_experts(tensors)}


def _experts(tensors: dict[str, Tensor]) -> dict[str, Any]:
    down = tensors.get(f'{_TRUNK}blocks.0.attn.qkv.down_MRC')
    if down is not None:
        return {
            'experts': 'lora',
            'rank': down.shape[1] // CORRECTED,
            'num_modalities': down.shape[0],
        }
    members = [int(match[1]) for match in map(_MEMBER.search, tensors) if match]
    if members:
        return {'experts': 'merged', 'num_modalities': max(members) + 1}
    return {'rank': 0}


def _router(gates: list[Tensor]) -> str:
    if not gates:
        return 'mean'
    if len(gates) == 1:
        return 'all'
    return 'level' if gates[0].shape[0] == 1 else 'modality'


def _encoder(tensors: dict[str, Tensor]) -> str:
    position = tensors[f'{_TRUNK}pos_embed']
    blocks = {match[1] for match in map(_BLOCK.match, tensors) if match}
    neck = tensors['image_encoder.neck.convs.0.conv.weight'].shape[0]
    found = (position.shape[1], position.shape[2], len(blocks), neck)
    for name, config in HIERA_CONFIGS.items():
        if _shape(config) == found:
            return name
    raise ConfigError(
        f'the checkpoint holds no known Hiera: {found[0]} channels, {found[2]} blocks; known are '
        f'{", ".join(HIERA_CONFIGS)}'
    )


def _shape(config: HieraConfig) -> tuple[int, int, int, int]:
    return config.dim, config.background, sum(config.depths), config.neck_dim
