"""Names of the Mix Transformer's tensors in other people's checkpoints."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from mmseg_models.encoders.keys import Rule, rename
from mmseg_models.encoders.mit import MIT_CONFIGS
from mmseg_ros.core.errors import ConfigError

_OFFICIAL: list[Rule] = [
    (r'stages\.(\d)\.embedding\.projection\.', lambda m: f'patch_embed{int(m[1]) + 1}.proj.'),
    (r'stages\.(\d)\.embedding\.norm\.', lambda m: f'patch_embed{int(m[1]) + 1}.norm.'),
    (r'stages\.(\d)\.norm\.', lambda m: f'norm{int(m[1]) + 1}.'),
    (r'stages\.(\d)\.blocks\.', lambda m: f'block{int(m[1]) + 1}.'),
    (r'\.attention\.query\.', '.attn.q.'),
    (r'\.attention\.key_value\.', '.attn.kv.'),
    (r'\.attention\.output\.', '.attn.proj.'),
    (r'\.attention\.reduce\.', '.attn.sr.'),
    (r'\.attention\.reduce_norm\.', '.attn.norm.'),
    (r'\.mlp\.expand\.', '.mlp.fc1.'),
    (r'\.mlp\.depthwise\.', '.mlp.dwconv.dwconv.'),
    (r'\.mlp\.contract\.', '.mlp.fc2.'),
]

_HUGGING_FACE: list[Rule] = [
    (r'^patch_embed(\d)\.proj\.', lambda m: f'patch_embeddings.{int(m[1]) - 1}.proj.'),
    (r'^patch_embed(\d)\.norm\.', lambda m: f'patch_embeddings.{int(m[1]) - 1}.layer_norm.'),
    (r'^norm(\d)\.', lambda m: f'layer_norm.{int(m[1]) - 1}.'),
    (r'^block(\d)\.', lambda m: f'block.{int(m[1]) - 1}.'),
    (r'\.norm([12])\.', r'.layer_norm_\1.'),
    (r'\.attn\.q\.', '.attention.self.query.'),
    (r'\.attn\.k\.', '.attention.self.key.'),
    (r'\.attn\.v\.', '.attention.self.value.'),
    (r'\.attn\.sr\.', '.attention.self.sr.'),
    (r'\.attn\.norm\.', '.attention.self.layer_norm.'),
    (r'\.attn\.proj\.', '.attention.output.dense.'),
    (r'\.mlp\.fc([12])\.', r'.mlp.dense\1.'),
]
_HUGGING_FACE_PREFIX = re.compile(r'^(segformer\.)?encoder\.')


def official_mit_key(key: str) -> str:
    """Return the name that the authors' files give to the tensor `key` of `Encoder`."""
    return rename(key, _OFFICIAL)


def mit_variant(tensors: Mapping[str, Tensor], prefix: str) -> str:
    """Return the name of the variant whose tensors these are.

    Args:
        tensors: The authors' names to tensors.
        prefix: What stands before each name.

    Raises:
        ConfigError: They are those of no known variant.
    """
    channels, depths = [], []
    for stage in range(1, 5):
        weight = tensors.get(f'{prefix}patch_embed{stage}.proj.weight')
        channels.append(0 if weight is None else weight.shape[0])
        start = f'{prefix}block{stage}.'
        depths.append(len({k[len(start) :].split('.')[0] for k in tensors if k.startswith(start)}))
    for name, config in MIT_CONFIGS.items():
        if (config.channels, config.depths) == (tuple(channels), tuple(depths)):
            return name
    raise ConfigError(
        f'the checkpoint holds no known Mix Transformer under {prefix!r}: channels {channels}, '
        f'blocks {depths}; known are {", ".join(MIT_CONFIGS)}'
    )


def official_from_hugging_face(tensors: dict[str, Tensor], keys: list[str]) -> dict[str, Tensor]:
    """Return a transformers checkpoint under the authors' names.

    Args:
        tensors: State dict of `SegformerModel` or `SegformerForImageClassification`.
        keys: The authors' names that are wanted.

    Returns:
        The wanted tensors that are there; key and value projections stacked into one.
    """
    found = {_HUGGING_FACE_PREFIX.sub('', name): tensor for name, tensor in tensors.items()}
    result: dict[str, Tensor] = {}
    for key in keys:
        parts = [key]
        if '.attn.kv.' in key:
            parts = [key.replace('.kv.', '.k.'), key.replace('.kv.', '.v.')]
        names = [rename(part, _HUGGING_FACE) for part in parts]
        if all(name in found for name in names):
            result[key] = torch.cat([found.pop(name) for name in names])
    leftover = {
        name: tensor for name, tensor in found.items() if not name.startswith('classifier')
    }
    return {**result, **leftover}
