"""Recipe -> `TrainingRun`: data, network, optimizer, and the last checkpoint if there is one."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from torch import nn
from torch.utils.data import DataLoader

from mmseg_models import create_model
from mmseg_models.losses import create_loss
from mmseg_models.reference_weights import load_pretrained_encoder
from mmseg_models.segmentation_model import SegmentationModel
from mmseg_models.tensors import load_strict
from mmseg_models.training.checkpoint import (
    Position,
    Trainables,
    generator_state,
    latest_checkpoint,
    load_checkpoint,
    restore_generators,
)
from mmseg_models.training.config import Recipe
from mmseg_models.training.copy_paste import CopyPaste, rare_classes
from mmseg_models.training.distillation import Distillation
from mmseg_models.training.loading import AugmentedFrames, StepSampler, training_loader
from mmseg_models.training.normalization import Normalization
from mmseg_models.training.rarity import class_pixels, class_weights, frame_chances
from mmseg_models.training.run import TrainingRun
from mmseg_models.training.run_log import RunLog, write_run_files
from mmseg_models.training.simulated_data import ensure_data
from mmseg_models.training.subsets import ModalityDropout
from mmseg_models.training.trained_weights import read_trained
from mmseg_models.transforms import Augmentation
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.labels import LabelSpace, load_label_space
from mmseg_ros.core.types import Modality
from mmseg_ros.datasets.frame import FrameSource
from mmseg_ros.datasets.reader import open_dataset
from mmseg_ros.datasets.statistics import ChannelStatistics, statistics

LOG = logging.getLogger(__name__)
SEED_STRIDE = 1_000_003

_FABRIC_PRECISION = {'fp32': '32-true', 'bf16': 'bf16-mixed'}


def setup(recipe: Recipe) -> TrainingRun:
    """Return a run that stands at its first step, or at its last checkpoint if it resumes.

    Raises:
        ConfigError: The recipe contradicts itself or the run folder is in use.
        DatasetError: The data set is incomplete.
        TrainingError: First weights or a checkpoint do not fit.
    """
    checkpoint = _checkpoint_to_resume(recipe)
    ensure_data(recipe.data.root, recipe.data.simulate)
    fabric = _build_fabric(recipe)
    label_space = load_label_space(recipe.data.label_space)
    train_frames = _open_split(recipe, 'train', label_space)
    val_frames = _open_split(recipe, 'val', label_space)

    torch.manual_seed(recipe.seed)  # every process starts from the same weights
    model = build_model(recipe, label_space)
    if recipe.model.pretrained:
        load_pretrained_encoder(model, recipe.model.pretrained)
    channel_statistics = _first_weights(recipe, model, train_frames)
    model = fabric.to_device(model.to(memory_format=torch.channels_last))  # a fifth faster
    trainables = Trainables.of(model, recipe.optimizer, recipe.steps)
    torch.manual_seed(recipe.seed + SEED_STRIDE * (fabric.global_rank + 1))
    position = Position(0, -1.0, generator_state().repeat(fabric.world_size, 1))
    if checkpoint:
        position = load_checkpoint(checkpoint, trainables, recipe.to_dict())
        LOG.info('going on from %s', checkpoint)
    wrapped_model, wrapped_optimizer = fabric.setup(model, trainables.optimizer)
    wrapped_model.mark_forward_method('training_terms')

    is_first_process = fabric.is_global_zero
    if is_first_process:
        write_run_files(Path(recipe.run_dir), recipe.to_dict())
    run = TrainingRun(
        fabric=fabric,
        recipe=recipe,
        label_space=label_space,
        trainables=trainables,
        wrapped_model=wrapped_model,
        wrapped_optimizer=wrapped_optimizer,
        loss=fabric.to_device(_build_loss(recipe, train_frames, label_space)),
        statistics=channel_statistics,
        normalization=fabric.to_device(Normalization(channel_statistics)),
        dropout=_build_dropout(recipe),
        distillation=Distillation(model, trainables.average.module, recipe.distillation),
        batches=_build_batches(fabric, recipe, train_frames, label_space, position.step),
        num_train_frames=len(train_frames),
        val_frames=val_frames,
        log=RunLog(
            Path(recipe.run_dir) if is_first_process else None, position.step, recipe.steps
        ),
        step=position.step,
        best_miou=position.best_miou,
    )
    restore_generators(position.generators, fabric.global_rank)
    return run


def build_model(recipe: Recipe, label_space: LabelSpace) -> SegmentationModel:
    """Return the recipe's network with random weights."""
    given = {'modalities', 'num_classes'} & set(recipe.model.options)
    if given:
        raise ConfigError(
            f'model.options must not hold {sorted(given)}: they come from data.modalities and '
            'data.label_space.'
        )
    return create_model(
        recipe.model.name,
        modalities=tuple(recipe.data.modalities),
        num_classes=label_space.num_classes,
        **recipe.model.options,
    )


def _checkpoint_to_resume(recipe: Recipe) -> Path | None:
    checkpoint = latest_checkpoint(Path(recipe.run_dir))
    if checkpoint and recipe.resume == 'never':
        raise ConfigError(
            f'{recipe.run_dir} already holds a run ({checkpoint.name}); go on with --resume auto, '
            'or choose another --run_dir.'
        )
    return checkpoint


def _build_fabric(recipe: Recipe) -> Fabric:
    """One process by itself, or one of several started by torchrun."""
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    world_size = int(os.environ.get('WORLD_SIZE', '1'))
    local_size = int(os.environ.get('LOCAL_WORLD_SIZE', '1'))
    # A branch that no sample of the batch needs is skipped and has no gradient in that step.
    strategy = DDPStrategy(find_unused_parameters=True) if world_size > 1 else 'auto'
    fabric = Fabric(
        devices=local_size,
        num_nodes=world_size // local_size,
        strategy=strategy,
        precision=_FABRIC_PRECISION[recipe.precision],
    )
    fabric.launch()
    return fabric


def _open_split(recipe: Recipe, split: str, label_space: LabelSpace) -> FrameSource:
    data = recipe.data
    frames = open_dataset(
        data.root, split, data.modalities, label_space, data.conditions, data.format
    )
    LOG.info('%s: %d frames in %s', data.root, len(frames), split)
    return frames


def _first_weights(
    recipe: Recipe, model: SegmentationModel, frames: FrameSource
) -> dict[Modality, ChannelStatistics]:
    """Load `init_from` into `model`; return its statistics, the recipe's, or measured ones."""
    fixed = {
        name: ChannelStatistics(tuple(values['mean']), tuple(values['std']))
        for name, values in recipe.data.statistics.items()
    }
    if recipe.init_from:
        state, info = read_trained(recipe.init_from)
        load_strict(model, state, source=recipe.init_from)
        if info:
            # The weights were learned behind this normalization.
            fixed = {**info.statistics, **fixed}
    return statistics(frames, fixed)


def _build_loss(recipe: Recipe, frames: FrameSource, label_space: LabelSpace) -> nn.Module:
    config = recipe.loss
    weights_K = None
    if config.rarity_power:
        weights_K = class_weights(class_pixels(frames, label_space), config.rarity_power)
    return create_loss(config.name, label_space.ignore_id, config.threshold, weights_K)


def _build_dropout(recipe: Recipe) -> ModalityDropout:
    config = recipe.modality_dropout
    return ModalityDropout(
        modalities=tuple(recipe.data.modalities),
        probability=config.probability,
        ramp_steps=config.ramp_steps,
        per_sample=config.per == 'sample',
        seed=recipe.seed,
        weights=config.weights,
    )


def _build_batches(
    fabric: Fabric, recipe: Recipe, frames: FrameSource, label_space: LabelSpace, first_step: int
) -> DataLoader:
    config = recipe.augmentation
    augmentation = Augmentation(
        height=recipe.data.height,
        width=recipe.data.width,
        crop_height=config.crop_height or recipe.data.height,
        crop_width=config.crop_width or recipe.data.width,
        scale_min=config.scale_min,
        scale_max=config.scale_max,
        flip_probability=config.flip_probability,
        jitter_probability=config.jitter_probability,
        jitter_strength=config.jitter_strength,
        blur_probability=config.blur_probability,
        darkening_probability=config.darkening_probability,
        ignore_id=label_space.ignore_id,
    )
    sampler = StepSampler(
        num_frames=len(frames),
        batch_size=recipe.batch_size,
        first_step=first_step,
        last_step=recipe.steps,
        seed=recipe.seed,
        rank=fabric.global_rank,
        world_size=fabric.world_size,
        drawn=recipe.data.rare_frames,
        chances=frame_chances(frames, label_space) if recipe.data.rare_frames else None,
    )
    paste = None
    if config.copy_paste_probability:
        is_rare = rare_classes(class_pixels(frames, label_space))
        paste = CopyPaste(frames, is_rare, config.copy_paste_probability)
    augmented = AugmentedFrames(frames, augmentation, recipe.seed, paste)
    loader = training_loader(augmented, sampler, recipe.data.workers)
    return fabric.setup_dataloaders(loader, use_distributed_sampler=False)
