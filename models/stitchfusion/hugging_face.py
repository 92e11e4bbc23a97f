"""SegFormer as Hugging Face keeps it: StitchFusion of one modality, which stitches nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from torch import Tensor

from mmseg_models.encoders.mit import MIT_CONFIGS
from mmseg_models.encoders.mit_keys import official_from_hugging_face, official_mit_key
from mmseg_models.reference_weights import import_reference
from mmseg_models.registry import create_segmentation_model
from mmseg_models.segmentation_model import SegmentationModel
from mmseg_models.stitchfusion.checkpoint_options import infer_options
from mmseg_models.tensors import found_names, read_tensors
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.safe_yaml import load_json

CONFIG_FILE, WEIGHTS_FILES = 'config.json', ('model.safetensors', 'pytorch_model.bin')
_ARCHITECTURE = 'SegformerForSemanticSegmentation'
_HEAD = (
    (re.compile(r'^linear_c\.(\d)\.'), lambda m: f'linear_c{int(m[1]) + 1}.'),
    (re.compile(r'^linear_fuse\.'), lambda m: 'linear_fuse.conv.'),
    (re.compile(r'^batch_norm\.'), lambda m: 'linear_fuse.bn.'),
    (re.compile(r'^classifier\.'), lambda m: 'linear_pred.'),
)


def import_segformer(path: Path | str, modality: str = 'rgb') -> SegmentationModel:
    """Return the network of a folder with config.json and weights, or of the weights alone.

    Args:
        path: The folder, or its `model.safetensors` or `pytorch_model.bin`.
        modality: What its images are.

    Raises:
        ConfigError: A file is missing or unreadable, or holds another model; the message says
            which.
    """
    file = _weights_file(Path(path))
    tensors = read_tensors(file)
    start = 'decode_head.'
    if f'{start}linear_c.0.proj.weight' not in tensors:
        raise ConfigError(
            f'{file} is no {_ARCHITECTURE}: it has no {start}linear_c.0.proj.weight; its tensors '
            f'are {found_names(tensors)}'
        )
    head = {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
    rest = {key: value for key, value in tensors.items() if not key.startswith(start)}
    official = {start + _head_name(key): value for key, value in head.items()}
    official |= {f'backbone.{key}': value for key, value in _encoder(file, rest).items()}
    options = infer_options(official)
    model = create_segmentation_model('stitchfusion', modalities=(modality,), **options)
    import_reference(model, official)
    return model


def _weights_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    config = path / CONFIG_FILE
    if config.is_file():
        data = load_json(config, ConfigError)
        kinds = (data.get('architectures') if isinstance(data, dict) else None) or [_ARCHITECTURE]
        if _ARCHITECTURE not in kinds:
            raise ConfigError(f'{config} is of {", ".join(map(str, kinds))}, not {_ARCHITECTURE}')
    found = [path / name for name in WEIGHTS_FILES if (path / name).is_file()]
    if not found:
        there = ', '.join(sorted(item.name for item in path.iterdir())[:8]) or 'nothing'
        raise ConfigError(
            f'{path} has neither {" nor ".join(WEIGHTS_FILES)} (it holds {there}); copy the whole '
            'folder of the model'
        )
    return found[0]


def _head_name(key: str) -> str:
    for pattern, replacement in _HEAD:
        key, count = pattern.subn(replacement, key)
        if count:
            return key
    return key


def _encoder(file: Path, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the encoder's tensors under the authors' names, and what fits none as it is."""
    for name in MIT_CONFIGS:
        if _fits(name, tensors):
            keys = _official_keys(name)
            return official_from_hugging_face(tensors, keys)
    raise ConfigError(
        f'{file} holds no known Mix Transformer (known are {", ".join(MIT_CONFIGS)}); its tensors '
        f'are {found_names(tensors)}'
    )


def _fits(name: str, tensors: dict[str, Tensor]) -> bool:
    config: Any = MIT_CONFIGS[name]
    pattern = re.compile(r'^segformer\.encoder\.block\.(\d)\.(\d+)\.')
    blocks = {(match[1], match[2]) for match in map(pattern.match, tensors) if match}
    depths = tuple(sum(stage == str(i) for stage, _ in blocks) for i in range(4))
    norms = (tensors.get(f'segformer.encoder.layer_norm.{i}.weight') for i in range(4))
    channels = tuple(0 if norm is None else norm.shape[0] for norm in norms)
    return (config.channels, config.depths) == (channels, depths)


def _official_keys(name: str) -> list[str]:
    options = {'encoder': name, 'modalities': ('rgb',), 'adapter': 'none'}
    keys = create_segmentation_model('stitchfusion', **options).state_dict()
    return [
        official_mit_key(key.removeprefix('encoder.'))
        for key in keys
        if key.startswith('encoder.')
    ]
