"""What a training run or a bundle knows becomes the manifest of a new bundle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from mmseg_models.export.card import DEPLOYED
from mmseg_models.training.trained_weights import TrainedInfo
from mmseg_ros.core.errors import BundleError
from mmseg_ros.core.types import Modality
from mmseg_ros.inference.bundle import WEIGHTS_FILE, Bundle
from mmseg_ros.inference.manifest import Manifest, ModalitySpec
from mmseg_ros.inference.manifest_reader import LinkedWeights

_PLACES = ('run_dir', 'resume', 'init_from')


def manifest_of(info: TrainedInfo, name: str, licence: str, precision: str = 'fp32') -> Manifest:
    """Return the manifest of a trained network, still without graphs and files.

    Args:
        info: What stands beside the trained weights.
        name: Name of the bundle.
        licence: SPDX identifier of the weights.
        precision: What the graphs compute in.
    """
    return Manifest(
        name=name,
        model=info.model,
        model_options=info.options,
        modalities=tuple(
            ModalitySpec(
                modality,
                info.encodings[modality],
                info.statistics[modality].mean,
                info.statistics[modality].std,
                _value_range(info, modality),
            )
            for modality in info.modalities
        ),
        height=info.height,
        width=info.width,
        label_space=info.label_space,
        precision=precision,
        training=_training(info),
        metrics=info.metrics,
        licence=licence,
    )


def _value_range(info: TrainedInfo, modality: Modality) -> tuple[float, float] | None:
    given = info.recipe.get('data', {}).get('value_ranges', {}).get(modality)
    return None if given is None else (float(given[0]), float(given[1]))


def manifest_again(
    bundle: Bundle, name: str, precision: str, link_weights: bool = False
) -> Manifest:
    """Return the manifest of the same network in another precision, without graphs and files.

    Args:
        bundle: Of the network.
        name: Of the new bundle.
        precision: Of its graphs.
        link_weights: Leave the weights where they are stored, and say where that is.

    Raises:
        BundleError: The bundle holds rounded weights.
    """
    manifest = bundle.manifest
    if manifest.precision == 'fp16':
        raise BundleError(
            f'{bundle.path} holds weights in half precision, which are rounded already; export '
            'the fp32 bundle or the training run.'
        )
    metrics = {key: value for key, value in manifest.metrics.items() if key != DEPLOYED}
    manifest = replace(manifest, name=name, precision=precision, metrics=metrics)
    manifest = replace(manifest, subsets={}, files={}, weights_in=None)
    return replace(manifest, weights_in=_place_of_weights(bundle)) if link_weights else manifest


def _place_of_weights(bundle: Bundle) -> LinkedWeights:
    known = bundle.manifest.weights_in
    return known or LinkedWeights(bundle.manifest.name, bundle.manifest.files[WEIGHTS_FILE].sha256)


def _training(info: TrainedInfo) -> dict[str, Any]:
    """Return the recipe without the folders of the machine it ran on."""
    recipe = {key: value for key, value in info.recipe.items() if key not in _PLACES}
    data = dict(recipe.get('data', {}))
    data['root'] = Path(str(data.get('root', ''))).name
    model = dict(recipe.get('model', {}))
    model['pretrained'] = Path(str(model.get('pretrained', ''))).name
    return {'steps': info.step, 'recipe': {**recipe, 'data': data, 'model': model}}
