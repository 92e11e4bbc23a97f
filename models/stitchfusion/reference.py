"""Names of StitchFusion's tensors in the authors' checkpoints."""

from __future__ import annotations

import re

from mmseg_models.decoders.keys import reference_head_key
from mmseg_models.encoders.keys import Rule, rename
from mmseg_models.encoders.mit_keys import official_mit_key

_SITES = {'attention': 'att', 'mlp': 'mlp'}


def _adapter(match: re.Match[str]) -> str:
    site, name, layer = match[1], match[2], match[3]
    if name == 'shared':
        return f'.{"adap_t" if site == "attention" else "adap2_t"}.adapter_{layer}.'
    source, target = (int(index) + 1 for index in name.split('_'))
    return f'.adap_t_{_SITES[site]}{source}{target}.adapter_{layer}.'


_ADAPTERS: list[Rule] = [
    (r'\.fusion\.(attention|mlp)\.adapters\.(shared|\d+_\d+)\.(down|mid|up)\.', _adapter)
]
_FUSE: list[Rule] = [
    (r'^fuse\.(\d)\.mix\.', r'feature_cross.liner_fusion_layers.\1.'),
    (r'^fuse\.(\d)\.mlp\.', r'feature_cross.mix_ffn.\1.'),
    (r'^fuse\.(\d)\.gate\.squeeze\.', r'feature_cross.channel_attns.\1.fc.0.'),
    (r'^fuse\.(\d)\.gate\.excite\.', r'feature_cross.channel_attns.\1.fc.2.'),
    (r'\.expand\.', '.fc1.'),
    (r'\.contract\.', '.fc2.'),
    (r'\.mix_in\.', '.pwconv1.'),
    (r'\.mix_out\.', '.pwconv2.'),
    (r'(\.pwconv\d)\.conv\.', r'\1.pwconv.'),
    (r'(\.pwconv\d)\.norm\.', r'\1.bn.'),
    (r'\.depthwise\.(\d)\.', lambda m: f'.dwconv{3 + 2 * int(m[1])}.dwconv.'),
]


def stitchfusion_key(key: str) -> str:
    """Return the authors' name of the tensor `key` of `StitchFusion` on a Mix Transformer."""
    if key.startswith('head.'):
        return 'decode_head.' + reference_head_key(key.removeprefix('head.'))
    if key.startswith('fuse.'):
        return 'backbone.' + rename(key, _FUSE)
    key = rename(key.removeprefix('encoder.'), _ADAPTERS)
    return 'backbone.' + official_mit_key(key)
