"""Names of GeminiFusion's tensors in the authors' checkpoints."""

from __future__ import annotations

from mmseg_models.decoders.keys import reference_head_key
from mmseg_models.encoders.keys import Rule, rename
from mmseg_models.encoders.mit_keys import official_mit_key
from mmseg_models.encoders.swin_keys import official_swin_key
from mmseg_ros.core.errors import ConfigError

PREFIXES = {'deliver': ('backbone.', 'decode_head.'), 'main': ('encoder.', 'decoder.')}

_NORMS: list[Rule] = [(r'\.norms\.(\d+)\.', r'.ln_\1.')]
_FUSION: list[Rule] = [
    (r'^cross\.0\.', 'cross_attn_0_to_1.'),
    (r'^cross\.1\.', 'cross_attn_1_to_0.'),
    (r'\.inputs\.(weight|bias)$', r'.in_proj_\1'),
    (r'\.output\.', '.out_proj.'),
    (r'^relation\.expand\.', 'relation_judger.0.fc1.'),
    (r'^relation\.contract\.', 'relation_judger.0.fc2.'),
    (r'^key_noise$', 'k_noise.weight'),
    (r'^value_noise$', 'v_noise.weight'),
]
_SELECTORS: list[Rule] = [
    (r'^selectors\.(\d)\.nets\.(\d+)\.', r'extra_score_predictor.\1.score_nets.\2.'),
    (r'\.depthwise\.', '.0.'),
    (r'\.score\.', '.1.'),
]
_SHARED_IN_MIT: list[Rule] = [
    (r'^(patch_embed\d\.proj)\.', r'\1.module.'),
    (r'\.(attn\.(?:q|kv|proj|sr))\.', r'.\1.module.'),
    (r'\.(mlp\.fc[12])\.', r'.\1.module.'),
]
_SHARED_IN_SWIN: list[Rule] = [
    (r'^(patch_embed\.proj)\.', r'\1.module.'),
    (r'\.(norm[12])\.', r'.\1.module.'),
    (r'\.(attn|downsample)\.', r'.\1.module.'),
    (r'\.(mlp\.fc[12])\.', r'.\1.module.'),
]


def geminifusion_key(key: str, layout: str, on_swin: bool) -> str:
    """Return the authors' name of the tensor `key` of `GeminiFusion`.

    Args:
        key: Own name.
        layout: `deliver` or `main`, whose code wrote the checkpoint.
        on_swin: Whether the encoder is a Swin Transformer, else a Mix Transformer.

    Raises:
        ConfigError: The authors' code has no such tensor.
    """
    backbone, decoder = PREFIXES[layout]
    if key == 'alpha':
        return key
    if key.startswith('heads.0.'):
        return decoder + reference_head_key(key.removeprefix('heads.0.'))
    if key.startswith('heads.'):
        raise ConfigError("the authors' code has one decoder; build the model with decoder=shared")
    return backbone + _encoder_key(key.removeprefix('encoder.'), on_swin)


def _encoder_key(key: str, on_swin: bool) -> str:
    if key.startswith('selectors.'):
        return rename(key, _SELECTORS)
    official = official_swin_key if on_swin else official_mit_key
    block, is_fusion, tail = key.partition('.fusion.')
    if is_fusion:
        return official(f'{block}.') + ('' if on_swin else 'attn.') + rename(tail, _FUSION)
    if '.norms.' in key:
        return rename(official(key), _NORMS)
    return rename(official(key), _SHARED_IN_SWIN if on_swin else _SHARED_IN_MIT)
