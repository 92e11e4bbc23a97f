"""Names of the image encoder's tensors in SAM 2's checkpoints."""

from __future__ import annotations

from mmseg_models.encoders.keys import Rule, rename

NUM_LEVELS = 4

_ENCODER: list[Rule] = [
    (r'^trunk\.patch\.', 'trunk.patch_embed.proj.'),
    (r'^trunk\.background_position$', 'trunk.pos_embed'),
    (r'^trunk\.window_position$', 'trunk.pos_embed_window'),
    (r'\.mlp\.expand\.', '.mlp.layers.0.'),
    (r'\.mlp\.contract\.', '.mlp.layers.1.'),
    (r'\.qkv\.', '.attn.qkv.'),
    (r'\.output\.', '.attn.proj.'),
    (r'\.shortcut\.', '.proj.'),
    # The published list begins with the coarsest level.
    (r'^neck\.laterals\.(\d)\.', lambda m: f'neck.convs.{NUM_LEVELS - 1 - int(m[1])}.conv.'),
]


def official_hiera_key(key: str) -> str:
    """Return SAM 2's name, below `image_encoder.`, of the tensor `key` of `ImageEncoder`."""
    return rename(key, _ENCODER)
