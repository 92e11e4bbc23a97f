"""Names of the Swin Transformer's tensors in other people's checkpoints."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from mmseg_models.encoders.keys import Rule, rename
from mmseg_models.encoders.swin import SWIN_CONFIGS
from mmseg_ros.core.errors import ConfigError

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


def swin_variant(tensors: Mapping[str, Tensor], prefix: str) -> str:
    """Return the name of the variant whose tensors these are.

    Args:
        tensors: The authors' names to tensors.
        prefix: What stands before each name.

    Raises:
        ConfigError: They are those of no known variant.
    """
    table = tensors[f'{prefix}layers.0.blocks.0.attn.relative_position_bias_table']
    channels = tensors[f'{prefix}patch_embed.proj.weight'].shape[0]
    depths = []
    for stage in range(4):
        start = f'{prefix}layers.{stage}.blocks.'
        depths.append(len({k[len(start) :].split('.')[0] for k in tensors if k.startswith(start)}))
    for name, config in SWIN_CONFIGS.items():
        side = (2 * config.window - 1) ** 2
        found = (config.channels, config.depths, config.heads[0], side)
        if found == (channels, tuple(depths), table.shape[1], table.shape[0]):
            return name
    raise ConfigError(
        f'the checkpoint holds no known Swin Transformer: {channels} channels, blocks {depths}; '
        f'known are {", ".join(SWIN_CONFIGS)}'
    )
