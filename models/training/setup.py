"""Recipe -> `TrainingRun`: task, optimizer, processes, and the last checkpoint if there is one."""

from __future__ import annotations

import logging
import math
import os
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy

from mmseg_models.training.checkpoint import (
    Position,
    Trainables,
    generator_state,
    latest_checkpoint,
    load_checkpoint,
    restore_generators,
)
from mmseg_models.training.compilation import compile_parts
from mmseg_models.training.config import Recipe
from mmseg_models.training.freezing import freeze
from mmseg_models.training.loading import StepSampler
from mmseg_models.training.parts import require_divisible
from mmseg_models.training.precision import build_precision, device_type, scaler_of
from mmseg_models.training.referring import ReferringTask
from mmseg_models.training.referring_config import ReferringRecipe
from mmseg_models.training.run import TrainingRun
from mmseg_models.training.run_config import RunConfig
from mmseg_models.training.run_log import RunLog, write_run_files
from mmseg_models.training.segmentation import SegmentationTask
from mmseg_models.training.task import Task
from mmseg_ros.core.errors import ConfigError

LOG = logging.getLogger(__name__)
SEED_STRIDE = 1_000_003


def setup(recipe: RunConfig) -> TrainingRun[Any]:
    """Return a run that stands at its first step, or at its last checkpoint if it resumes.

    Raises:
        ConfigError: The recipe contradicts itself or the run folder is in use.
        DatasetError: The data set is incomplete.
        TrainingError: First weights or a checkpoint do not fit.
    """
    checkpoint = _checkpoint_to_resume(recipe)
    fabric = _build_fabric(recipe)
    torch.manual_seed(recipe.seed)  # every process starts from the same weights
    task = _create_task(recipe, fabric)
    require_divisible(task.batch_size, recipe.accumulate, fabric.world_size)
    model = fabric.to_device(task.network)
    held_norms = freeze(model, recipe.optimizer.frozen)
    scaler = scaler_of(fabric.strategy.precision)
    trainables = Trainables.of(model, recipe.optimizer, recipe.steps, scaler)
    torch.manual_seed(recipe.seed + SEED_STRIDE * (fabric.global_rank + 1))
    position = Position(0, -math.inf, generator_state().repeat(fabric.world_size, 1))
    if checkpoint:
        position = load_checkpoint(checkpoint, trainables, recipe.to_dict())
        LOG.info('resumed from %s', checkpoint)
    if recipe.compile:
        parts = compile_parts(model, fabric.device.type)
        LOG.info('%d parts of the network are compiled in the first steps', len(parts))
    wrapped_model, wrapped_optimizer = fabric.setup(model, trainables.optimizer)
    wrapped_model.mark_forward_method('training_terms')
    task.begin(trainables.average.module)
    is_first_process = fabric.is_global_zero
    if is_first_process:
        write_run_files(Path(recipe.run_dir), recipe.to_dict())
    loader = task.loader(_sampler(recipe, task, fabric, position.step))
    run = TrainingRun(
        fabric=fabric,
        recipe=recipe,
        task=task,
        trainables=trainables,
        wrapped_model=wrapped_model,
        wrapped_optimizer=wrapped_optimizer,
        batches=fabric.setup_dataloaders(loader, use_distributed_sampler=False),
        log=RunLog(
            Path(recipe.run_dir) if is_first_process else None,
            position.step,
            recipe.steps,
            recipe.tensorboard,
        ),
        held_norms=held_norms,
        step=position.step,
        best_score=position.best_score,
        stale=position.stale,
    )
    restore_generators(position.generators, fabric.global_rank)
    return run


def _checkpoint_to_resume(recipe: RunConfig) -> Path | None:
    checkpoint = latest_checkpoint(Path(recipe.run_dir))
    if checkpoint and recipe.resume == 'never':
        raise ConfigError(
            f'{recipe.run_dir} already holds a run ({checkpoint.name}); go on with --resume auto, '
            'or choose another --run_dir.'
        )
    return checkpoint


def _build_fabric(recipe: RunConfig) -> Fabric:
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
        plugins=[build_precision(recipe.precision, device_type())],
    )
    fabric.launch()
    return fabric


def _create_task(recipe: RunConfig, fabric: Fabric) -> Task[Any]:
    if isinstance(recipe, Recipe):
        return SegmentationTask(recipe, fabric)
    if isinstance(recipe, ReferringRecipe):
        return ReferringTask(recipe, fabric)
    raise TypeError(f'No task is trained by a {type(recipe).__name__}.')


def _sampler(recipe: RunConfig, task: Task[Any], fabric: Fabric, first_step: int) -> StepSampler:
    return StepSampler(
        num_frames=task.num_items,
        batch_size=task.batch_size,
        first_step=first_step,
        last_step=recipe.steps,
        seed=recipe.seed,
        rank=fabric.global_rank,
        world_size=fabric.world_size,
    )
