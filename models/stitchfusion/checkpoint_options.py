"""Which options a StitchFusion checkpoint of the authors was made with."""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor

from mmseg_models.encoders.mit_keys import mit_variant

_PAIR = re.compile(r'^backbone\.block(\d)\.\d+\.adap_t_att(\d)(\d)\.')
_SHARED = re.compile(r'^backbone\.block(\d)\.\d+\.adap_t\.')


def infer_options(tensors: dict[str, Tensor]) -> dict[str, Any]:
    """Return the options that the names and shapes tell, and `num_modalities` where they do.

    `fuse` is `ffm` wherever its tensors are there; the authors' code also saves them when it
    sums, which nothing in the file tells.

    Raises:
        ConfigError: The tensors are not those of a Mix Transformer.
    """
    options: dict[str, Any] = {
        'encoder': mit_variant(tensors, 'backbone.'),
        'num_classes': tensors['decode_head.linear_pred.weight'].shape[0],
        'decoder_dim': tensors['decode_head.linear_pred.weight'].shape[1],
        'adapter': [_adapter(tensors, str(stage)) for stage in range(1, 5)],
        'fuse': 'sum',
    }
    ranks = [value.shape[0] for key, value in tensors.items() if 'adapter_down.weight' in key]
    if ranks:
        options['rank'] = ranks[0]
    targets = [int(match[3]) for match in map(_PAIR.match, tensors) if match]
    if targets:
        options['num_modalities'] = max(targets)
    mix = tensors.get('backbone.feature_cross.liner_fusion_layers.0.weight')
    if mix is not None:
        options['fuse'] = 'ffm'
        options['num_modalities'] = mix.shape[1] // mix.shape[0]
    return options


def _adapter(tensors: dict[str, Tensor], stage: str) -> str:
    if any(match[1] == stage for match in map(_SHARED.match, tensors) if match):
        return 'shared'
    pairs = {
        (match[2], match[3]) for match in map(_PAIR.match, tensors) if match and match[1] == stage
    }
    if not pairs:
        return 'none'
    return 'unidirectional' if any(a > b for a, b in pairs) else 'bidirectional'
