"""Which options a CrossVLT checkpoint of the authors was made with."""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor

from mmseg_models.crossvlt.model import NUM_STAGES
from mmseg_models.encoders.bert import BERT_CONFIGS
from mmseg_models.encoders.swin_keys import swin_variant
from mmseg_ros.core.errors import ConfigError

_VISION = re.compile(r'^backbone\.(\d)\.layers\.(blocks|downsample)\.')
_LAYER = re.compile(r'^lang_stage(\d)\.(?:encoder\.)?layer\.(\d+)\.')


def infer_options(tensors: dict[str, Tensor]) -> dict[str, Any]:
    """Return the options that the names and shapes tell.

    Raises:
        ConfigError: The tensors are those of no known Swin Transformer or BERT.
        KeyError: A tensor is missing that every CrossVLT has.
    """
    words = tensors['lang_stage1.embeddings.word_embeddings.weight']
    positions = tensors['lang_stage1.embeddings.position_embeddings.weight']
    plain = {_swin_name(key): value for key, value in tensors.items()}
    return {
        'encoder': swin_variant(plain, ''),
        'text': _text(words.shape[1], positions.shape[0]),
        'vocabulary_size': words.shape[0],
        'depths': [_depth(tensors, stage) for stage in range(1, NUM_STAGES + 1)],
        'align_dim': tensors['lang_stage1.encoder.proj.weight'].shape[0],
        'decoder_dim': tensors['classifier.conv1_1.weight'].shape[1],
    }


def _swin_name(key: str) -> str:
    """Return Swin's own name of a tensor of the image encoder; others stay."""
    if key.startswith('backbone.0.patch_embed.'):
        return key.removeprefix('backbone.0.')
    return _VISION.sub(r'layers.\1.\2.', key)


def _text(dim: int, positions: int) -> str:
    for name, config in BERT_CONFIGS.items():
        if (config.dim, config.positions) == (dim, positions):
            return name
    known = (f'{name} ({each.dim}, {each.positions})' for name, each in BERT_CONFIGS.items())
    raise ConfigError(
        f'its words have {dim} channels and {positions} positions; known are {", ".join(known)}'
    )


def _depth(tensors: dict[str, Tensor], stage: int) -> int:
    found = [match for match in map(_LAYER.match, tensors) if match]
    return len({match[2] for match in found if int(match[1]) == stage})
