"""Recipe of a segmentation network -> data, network, loss, dropout and augmentation."""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from mmseg_models.live_timing import LiveTiming
from mmseg_models.loss_sum import LossSum, create_loss
from mmseg_models.registry import create_segmentation_model
from mmseg_models.segmentation_model import SegmentationModel
from mmseg_models.tensors import load_strict
from mmseg_models.training.config import FROM_FREQUENCIES, Recipe
from mmseg_models.training.copy_paste import CopyPaste, rare_classes
from mmseg_models.training.rarity import STANDARD_POWER, class_pixels, class_weights
from mmseg_models.training.subsets import ModalityDropout
from mmseg_models.training.trained_weights import read_trained
from mmseg_models.transforms import Augmentation
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import Modality
from mmseg_ros.datasets.frame import FrameSource
from mmseg_ros.datasets.options import ReadOptions
from mmseg_ros.datasets.reader import open_dataset
from mmseg_ros.datasets.statistics import ChannelStatistics, statistics

LOG = logging.getLogger(__name__)


def open_split(recipe: Recipe, split: str, label_space: LabelSpace) -> FrameSource:
    """Return the frames of one split.

    Raises:
        DatasetError: The data set is incomplete.
    """
    data = recipe.data
    options = ReadOptions(data.protocol, data.on_bad_file, data.encodings)
    frames = open_dataset(
        data.root, split, data.modalities, label_space, data.conditions, data.format, options
    )
    LOG.info('%s: %d frames in %s', data.root, len(frames), split)
    return frames


def build_model(recipe: Recipe, label_space: LabelSpace) -> SegmentationModel:
    """Return the recipe's network with random weights.

    Raises:
        ConfigError: There is no such network for segmentation, or an option is wrong.
    """
    given = {'modalities', 'num_classes'} & set(recipe.model.options)
    if given:
        raise ConfigError(
            f'model.options must not hold {sorted(given)}: they come from data.modalities and '
            'data.label_space.'
        )
    return create_segmentation_model(
        recipe.model.name,
        modalities=tuple(recipe.data.modalities),
        num_classes=label_space.num_classes,
        **recipe.model.options,
    )


def first_weights(
    recipe: Recipe, model: SegmentationModel, frames: FrameSource
) -> dict[Modality, ChannelStatistics]:
    """Load `init_from` into `model`; return its statistics, the recipe's, or measured ones.

    Raises:
        TrainingError: The weights cannot be read.
        ConfigError: They do not fit.
    """
    fixed = {
        name: ChannelStatistics.of_lists(values['mean'], values['std'])
        for name, values in recipe.data.statistics.items()
    }
    if recipe.init_from:
        state, info = read_trained(recipe.init_from)
        load_strict(model, state, source=recipe.init_from)
        if info:
            # The weights were learned behind this normalization.
            fixed = {**info.statistics, **fixed}
    return statistics(frames, fixed)


def build_loss(recipe: Recipe, frames: FrameSource, label_space: LabelSpace) -> LossSum:
    """Return the loss of logits and labels.

    Raises:
        ConfigError: `loss.class_weights` has another number of classes.
    """
    config = recipe.loss
    terms = config.terms or {config.name: 1.0}
    weights_K = _class_weights(recipe, frames, label_space)
    ignore = label_space.ignore_id
    return LossSum(
        [
            (create_loss(name, ignore, config.threshold, weights_K), float(weight))
            for name, weight in terms.items()
        ]
    )


def _class_weights(recipe: Recipe, frames: FrameSource, label_space: LabelSpace) -> Tensor | None:
    given, power = recipe.loss.class_weights, recipe.loss.rarity_power
    if given == FROM_FREQUENCIES or power:
        return class_weights(class_pixels(frames, label_space), power or STANDARD_POWER)
    if not given:
        return None
    if len(given) != label_space.num_classes:
        raise ConfigError(
            f'loss.class_weights has {len(given)} numbers; {recipe.data.label_space} has '
            f'{label_space.num_classes} classes: give one for each, in the order of their ids.'
        )
    return torch.tensor(given, dtype=torch.float32)


def build_dropout(recipe: Recipe) -> ModalityDropout:
    """Return what draws the sensors of each step."""
    config = recipe.modality_dropout
    return ModalityDropout(
        modalities=tuple(recipe.data.modalities),
        probability=config.probability,
        ramp_steps=config.ramp_steps,
        per_sample=config.per == 'sample',
        seed=recipe.seed,
        weights=config.weights,
    )


def build_augmentation(recipe: Recipe, ignore_id: int) -> Augmentation:
    """Return what varies the training frames."""
    config = recipe.augmentation
    return Augmentation(
        height=recipe.data.height,
        width=recipe.data.width,
        aspect=recipe.data.aspect,
        crop_height=config.crop_height or recipe.data.height,
        crop_width=config.crop_width or recipe.data.width,
        scale_min=config.scale_min,
        scale_max=config.scale_max,
        flip_probability=config.flip_probability,
        jitter_probability=config.jitter_probability,
        jitter_strength=config.jitter_strength,
        blur_probability=config.blur_probability,
        darkening_probability=config.darkening_probability,
        ignore_id=ignore_id,
        live_timing=LiveTiming(
            age_probability=config.age_probability,
            age_max_s=config.age_max_s,
            speed_max_mps=config.speed_max_mps,
            misalign_probability=config.misalign_probability,
            misalign_px=config.misalign_px,
            misalign_deg=config.misalign_deg,
            encodings=recipe.data.encodings,
        ),
    )


def build_copy_paste(
    recipe: Recipe, frames: FrameSource, label_space: LabelSpace
) -> CopyPaste | None:
    """Return what puts objects of rare classes into other frames, or None."""
    probability = recipe.augmentation.copy_paste_probability
    if not probability:
        return None
    return CopyPaste(frames, rare_classes(class_pixels(frames, label_space)), probability)
