"""Which options a GeminiFusion checkpoint of the authors was made with."""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor

from mmseg_models.encoders.mit_keys import mit_variant
from mmseg_models.encoders.swin_keys import swin_variant
from mmseg_models.geminifusion.reference import PREFIXES

_EMBED_NORM = re.compile(r'patch_embed1?\.norm\.ln_(\d+)\.weight$')
_SCORE_NET = re.compile(r'extra_score_predictor\.0\.score_nets\.(\d+)\.0\.weight$')


def infer_options(tensors: dict[str, Tensor]) -> dict[str, Any]:
    """Return the options that the names and shapes tell, and `num_modalities`.

    Raises:
        ConfigError: The tensors are those of no known encoder.
    """
    layout = 'main' if any(key.startswith('encoder.') for key in tensors) else 'deliver'
    backbone, decoder = PREFIXES[layout]
    norms = [int(match[1]) for match in map(_EMBED_NORM.search, tensors) if match]
    nets = [match for match in map(_SCORE_NET.search, tensors) if match]
    total = max(norms, default=0) + 1
    plain = {key.replace('.module.', '.'): value for key, value in tensors.items()}
    on_swin = f'{backbone}layers.0.blocks.0.norm1.weight' in plain
    return {
        'encoder': (swin_variant if on_swin else mit_variant)(plain, backbone),
        'num_classes': tensors[f'{decoder}linear_pred.weight'].shape[0],
        'decoder_dim': tensors[f'{decoder}linear_pred.weight'].shape[1],
        'unused_score_nets': len(nets) == total,
        'num_modalities': total,
    }
