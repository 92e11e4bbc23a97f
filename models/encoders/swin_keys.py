"""Names of the Swin Transformer's tensors in other people's checkpoints."""

from __future__ import annotations

from mmseg_models.encoders.keys import Rule, rename

_OFFICIAL: list[Rule] = [
    (r'^stages\.0\.embedding\.projection\.', 'patch_embed.proj.'),
    (r'^stages\.0\.embedding\.norm\.', 'patch_embed.norm.'),
    (r'^stages\.(\d)\.embedding\.', lambda m: f'layers.{int(m[1]) - 1}.downsample.'),
    (r'^stages\.(\d)\.norm\.', r'norm\1.'),
    (r'^stages\.(\d)\.blocks\.', r'layers.\1.blocks.'),
    (r'\.attention\.position_bias', '.attn.relative_position_bias_table'),
    (r'\.attention\.position_index', '.attn.relative_position_index'),
    (r'\.attention\.query_key_value\.', '.attn.qkv.'),
    (r'\.attention\.output\.', '.attn.proj.'),
    (r'\.mlp\.expand\.', '.mlp.fc1.'),
    (r'\.mlp\.contract\.', '.mlp.fc2.'),
]


def official_swin_key(key: str) -> str:
    """Return the name that the authors' files give to the tensor `key` of `Encoder`."""
    return rename(key, _OFFICIAL)
