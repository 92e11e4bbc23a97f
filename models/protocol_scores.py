"""EMM, RMM and NM: scores of a network whose input is degraded without telling it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmseg_models.degradation import (
    NOISE_LEVELS,
    RATES,
    with_noise,
    without_elements,
    without_modalities,
)
from mmseg_models.export.deployed import bundled_model
from mmseg_models.fitted import labels_on_image
from mmseg_models.module_lists import channels_last
from mmseg_models.segmentation_model import SegmentationModel
from mmseg_models.training.normalization import Normalization
from mmseg_ros.core.aspects import DEFAULT_ASPECT
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.freed_memory import keep_freed_memory
from mmseg_ros.core.subsets import Subset, all_subsets, subset_name
from mmseg_ros.core.types import Modality
from mmseg_ros.datasets.frame import FrameSource
from mmseg_ros.datasets.statistics import ChannelStatistics
from mmseg_ros.encoding.resize import fitted_images
from mmseg_ros.inference.bundle import Bundle
from mmseg_ros.metrics.metrics import ConfusionMatrix
from mmseg_ros.projection.fit import Fit

PROTOCOLS: tuple[str, ...] = ('emm', 'rmm', 'nm')
FAILURE_CHANCES: tuple[float, ...] = (0.2, 0.1, 0.05)
SEED = 3407

Degrade = Callable[[Tensor, torch.Generator], Tensor]
Key = tuple[str, ...]
Labels = np.ndarray[Any, np.dtype[np.int64]]


def score_protocols(
    bundle: Bundle,
    frames: FrameSource,
    protocols: Sequence[str],
    progress: Callable[[int, int], None] | None = None,
    seed: int = SEED,
    rates: Sequence[float] = RATES,
    levels: Sequence[str] = tuple(NOISE_LEVELS),
    stopped: Callable[[], bool] = lambda: False,
    aspect: str = DEFAULT_ASPECT,
) -> dict[str, Any]:
    """Return the scores of a bundle's network under some protocols, mIoU in percent.

    The network computes in torch, in fp32, from the bundle's weights: noise in normalized values
    does not fit the 8-bit input of the exported graphs. All modalities count as available.

    Args:
        bundle: Whose network is scored.
        frames: Data set with the bundle's modalities, in order.
        protocols: Some of PROTOCOLS.
        progress: Told (frames done, frames).
        seed: Of zeroed elements and of noise; the same for every network.
        rates: Of RMM.
        levels: Of NM.
        stopped: Asked after every frame whether to give up; nothing is returned then.
        aspect: What becomes of images of another shape than the network's, see `Fit.of`.

    Returns:
        `emm`: {average, expected, subsets}; `rmm`: the same per rate; `nm`: mIoU per level.

    Raises:
        ConfigError: There is no such protocol.
    """
    unknown = sorted(set(protocols) - set(PROTOCOLS))
    if unknown:
        raise ConfigError(f'Protocols must be of {", ".join(PROTOCOLS)}, but got {unknown}.')
    keep_freed_memory()
    manifest = bundle.manifest
    names, space = manifest.modality_names, manifest.label_space
    model = channels_last(bundled_model(bundle).eval())
    normalization = Normalization(
        {spec.name: ChannelStatistics(spec.mean, spec.std) for spec in manifest.modalities}
    )
    trials = dict(_trials(names, protocols, rates, levels))
    matrices = {key: ConfusionMatrix(space.num_classes, space.ignore_id) for key in trials}
    for i in range(len(frames)):
        frame = frames[i]
        rows, columns = frame.labels.shape
        fit = Fit.of((rows, columns), (manifest.height, manifest.width), aspect)
        images = fitted_images(frame.images, frame.plane_encodings, fit)
        images_BMCHW = normalization(torch.from_numpy(images)[None])
        predict = partial(_predict, model, fit, space.ignore_id)
        for key, labels in _labels_of(trials, images_BMCHW, seed + 1009 * i, predict):
            matrices[key].update(labels, frame.labels)
        if progress is not None:
            progress(i + 1, len(frames))
        if stopped():
            return {}
    percent = {key: round(100 * matrix.miou(), 2) for key, matrix in matrices.items()}
    return _summary(names, percent)


def expected_miou(miou: dict[Subset, float], count: int, chance: float) -> float:
    """Return the mean of mIoU weighted by how likely each set of missing modalities is.

    Args:
        miou: Value per set of missing modalities, without the set of all.
        count: Number of modalities.
        chance: That a modality is missing, each by itself.
    """
    weights = {
        missing: chance ** len(missing) * (1 - chance) ** (count - len(missing))
        for missing in miou
    }
    total = sum(weights.values())
    return sum(miou[missing] * weight for missing, weight in weights.items()) / total


def missing_sets(modalities: Sequence[Modality]) -> list[Subset]:
    """Return the sets of modalities that are missing in turn: none first, never all."""
    kept = all_subsets(modalities)
    return [tuple(name for name in modalities if name not in subset) for subset in kept]


def _trials(
    names: Sequence[Modality],
    protocols: Sequence[str],
    rates: Sequence[float],
    levels: Sequence[str],
) -> Iterator[tuple[Key, Degrade | None]]:
    """Yield (protocol, level, missing) and how the input is degraded for it; None: not at all."""
    for missing in missing_sets(names):
        places, text = [names.index(name) for name in missing], subset_name(missing)
        if 'emm' in protocols:
            yield ('emm', '', text), partial(_missing, places) if places else None
        for rate in rates if 'rmm' in protocols else ():
            yield ('rmm', str(rate), text), partial(_zeroed, places, rate) if places else None
    for level in levels if 'nm' in protocols else ():
        yield ('nm', level, ''), partial(_noisy, names, level)


def _labels_of(
    trials: Mapping[Key, Degrade | None],
    images_BMCHW: Tensor,
    first_seed: int,
    predict: Callable[[Tensor], Labels],
) -> Iterator[tuple[Key, Labels]]:
    """Yield the labels of one frame per trial; the images as they are go in once."""
    undegraded: Labels | None = None
    for number, (key, degrade) in enumerate(trials.items()):
        if degrade is not None:
            generator = torch.Generator().manual_seed(first_seed + number)
            yield key, predict(degrade(images_BMCHW, generator))
            continue
        if undegraded is None:
            undegraded = predict(images_BMCHW)
        yield key, undegraded


def _missing(places: list[int], x_BMCHW: Tensor, _: torch.Generator) -> Tensor:
    return without_modalities(x_BMCHW, places)


def _zeroed(places: list[int], rate: float, x_BMCHW: Tensor, generator: torch.Generator) -> Tensor:
    return without_elements(x_BMCHW, places, rate, generator)


def _noisy(
    names: Sequence[Modality], level: str, x_BMCHW: Tensor, generator: torch.Generator
) -> Tensor:
    return with_noise(x_BMCHW, names, level, generator)


@torch.no_grad()
def _predict(model: SegmentationModel, fit: Fit, ignore_id: int, images_BMCHW: Tensor) -> Labels:
    """Return H x W labels of one frame, all modalities given as available."""
    available_BM = torch.ones(images_BMCHW.shape[:2], dtype=torch.bool)
    logits_BKHW = model(images_BMCHW, available_BM).float()
    return np.asarray(labels_on_image(logits_BKHW, fit, ignore_id)[0].numpy())


def _summary(names: Sequence[Modality], percent: dict[Key, float]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for protocol, level, _ in percent:
        if protocol == 'nm':
            result.setdefault('nm', {})[level] = percent['nm', level, '']
        elif level:
            result.setdefault(protocol, {}).setdefault(
                level, _over_sets(names, percent, (protocol, level))
            )
        else:
            result.setdefault(protocol, _over_sets(names, percent, (protocol, level)))
    return result


def _over_sets(
    names: Sequence[Modality], percent: dict[Key, float], head: tuple[str, str]
) -> dict[str, Any]:
    miou = {missing: percent[(*head, subset_name(missing))] for missing in missing_sets(names)}
    return {
        'average': round(float(np.mean(list(miou.values()))), 2),
        'expected': {
            str(chance): round(expected_miou(miou, len(names), chance), 2)
            for chance in FAILURE_CHANCES
        },
        'missing': {subset_name(missing): value for missing, value in miou.items()},
    }
