"""An authors' checkpoint becomes a model and the manifest of its bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from mmseg_models.checkpoint_kind import Infer, inferred_options, require_kind
from mmseg_models.geminifusion.checkpoint_options import infer_options as infer_geminifusion
from mmseg_models.mle_sam.checkpoint_options import LEFT_OUT
from mmseg_models.mle_sam.checkpoint_options import infer_options as infer_mle_sam
from mmseg_models.reference_weights import import_reference
from mmseg_models.registry import create_segmentation_model
from mmseg_models.segmentation_model import SegmentationModel
from mmseg_models.stitchfusion.checkpoint_options import infer_options as infer_stitchfusion
from mmseg_models.stitchfusion.hugging_face import import_segformer
from mmseg_models.tensors import read_tensors
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.modalities import STANDARD_ENCODINGS
from mmseg_ros.datasets.reader import find_reader
from mmseg_ros.inference.manifest import Manifest, ModalitySpec

_INFER: dict[str, Infer] = {
    'geminifusion': infer_geminifusion,
    'mle_sam': infer_mle_sam,
    'stitchfusion': infer_stitchfusion,
}
SEGFORMER = 'segformer'
IMPORTABLE = (*_INFER, SEGFORMER)
_FFM = 'backbone.feature_cross.'
Triple: TypeAlias = tuple[float, float, float]
_IMAGENET: tuple[Triple, Triple] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_UNSCALED: tuple[Triple, Triple] = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def import_authors_model(
    file: Path | str, name: str, modalities: Sequence[str], **overrides: Any
) -> SegmentationModel:
    """Return a model with the weights of a checkpoint, its options read from the tensors.

    Args:
        file: The authors' file.
        name: One of `IMPORTABLE`.
        modalities: What the checkpoint's modalities are, in its order.
        **overrides: Options that take the place of those read.

    Raises:
        ConfigError: The file cannot be read, the number of modalities is another one, or a
            tensor is missing, unexpected or of another shape.
    """
    if name == SEGFORMER:
        return _segformer(file, modalities, overrides)
    if name not in _INFER:
        raise ConfigError(f'{name!r} cannot be imported; choose one of {", ".join(IMPORTABLE)}')
    tensors = read_tensors(file)
    options = inferred_options(file, tensors, name, _INFER[name])
    total = options.pop('num_modalities', len(modalities))
    if total != len(modalities):
        require_kind(file, tensors, name)
        raise ConfigError(
            f'{file} was trained with {total} modalities, but {len(modalities)} are named '
            f'({", ".join(modalities)}); name {total} in the order of the training'
        )
    options |= overrides
    model = create_segmentation_model(name, modalities=tuple(modalities), **options)
    import_reference(model, tensors, unused=_unused(name, options))
    return model


def _unused(name: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return prefixes of tensors that the file may hold and the model has no use for."""
    if name == 'mle_sam':
        return LEFT_OUT
    return (_FFM,) if options.get('fuse') == 'sum' else ()


def _segformer(
    file: Path | str, modalities: Sequence[str], overrides: dict[str, Any]
) -> SegmentationModel:
    if len(modalities) != 1 or overrides:
        raise ConfigError(
            f'SegFormer takes one modality, but {", ".join(modalities)} are named'
            if len(modalities) != 1
            else f'SegFormer has no option {", ".join(overrides)}; leave it out'
        )
    return import_segformer(file, modalities[0])


def authors_manifest(
    model: SegmentationModel,
    model_name: str,
    name: str,
    size: tuple[int, int],
    label_space: LabelSpace,
    licence: str,
    data_set: str = '',
) -> Manifest:
    """Return the manifest of an imported model, still without graphs and files.

    The authors' code takes ImageNet's mean and deviation off the camera image and only scales
    all other images to 0..1.

    Args:
        model: The imported model.
        model_name: Its name in the registry.
        name: Name of the bundle.
        size: Height and width of the network's input, pixels.
        label_space: The classes.
        licence: SPDX identifier of the weights.
        data_set: Format of the data set it was trained on; tells how modalities are encoded.

    Raises:
        ConfigError: The label space has another number of classes than the model.
        DatasetError: There is no such format.
    """
    if len(label_space.classes) != model.num_classes:
        raise ConfigError(
            f'the checkpoint has {model.num_classes} classes, label space {label_space.id!r} '
            f'{len(label_space.classes)}; name the right one with --labels'
        )
    encodings = {**STANDARD_ENCODINGS, **(_encodings(data_set) if data_set else {})}
    specs = []
    for modality in model.modalities:
        encoding = encodings.get(modality, 'rgb')
        mean, std = _normalization(modality, encoding, model_name)
        specs.append(ModalitySpec(modality, encoding, mean, std))
    return Manifest(
        name=name,
        model=model_name,
        model_options=model.options,
        modalities=tuple(specs),
        height=size[0],
        width=size[1],
        label_space=label_space,
        precision='fp32',
        training={'source': "the authors' checkpoint"},
        metrics={},
        licence=licence,
    )


def _encodings(data_set: str) -> Mapping[str, str]:
    return find_reader('', data_set).encodings


def _normalization(modality: str, encoding: str, model_name: str) -> tuple[Triple, Triple]:
    """Return mean and deviation that give the network what the authors' code gave it."""
    if modality == 'rgb':
        return _IMAGENET
    if encoding == 'aolp_sincos':  # sine and cosine as they are, -1..1
        return (128 / 255,) * 3, (127 / 255,) * 3
    if encoding == 'dolp' and model_name == 'stitchfusion':  # (x + 0.55) / 2
        return (-0.55,) * 3, (2.0,) * 3
    return _UNSCALED
