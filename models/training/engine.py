"""The training loop: setup, fit, validate."""

from __future__ import annotations

import logging
import math
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mmseg_models.tensors import load_strict
from mmseg_models.training.checkpoint import save_checkpoint
from mmseg_models.training.config import Recipe
from mmseg_models.training.loading import Batch
from mmseg_models.training.pictures import write_picture
from mmseg_models.training.run import TrainingRun
from mmseg_models.training.setup import setup
from mmseg_models.training.trained_weights import (
    BEST_FILE,
    read_trained,
    save_trained,
)
from mmseg_models.training.validation import Score, SubsetScorer, mean_miou
from mmseg_ros.core.errors import TrainingError
from mmseg_ros.core.subsets import all_subsets, parse_subset, subset_name

LOG = logging.getLogger(__name__)
PICTURES = 4


def train(recipe: Recipe) -> dict[str, Score]:
    """Run a recipe from its first step, or from where it stopped, to its final scores.

    Returns:
        Scores of the best weights on the whole validation split, for every sensor subset.

    Raises:
        TrainingError: The loss or the gradient is NaN or infinite; the message names the frames.
    """
    run = setup(recipe)
    with run.log:
        fit(run)
        return validate_best(run)


def fit(run: TrainingRun) -> None:
    """Take the remaining steps; validate, keep the best weights and write checkpoints."""
    recipe = run.recipe
    started, losses = time.monotonic(), []
    for batch in run.batches:
        loss, gradient_norm = training_step(run, batch)
        run.step += 1
        losses.append(loss)
        run.log.advance(run.step)
        if run.step % recipe.log_every == 0:
            run.log.training_row(
                {
                    'step': run.step,
                    'epoch': run.epoch,
                    'loss': float(torch.stack(losses).mean()),
                    'learning_rate': run.trainables.schedule.get_last_lr()[0],
                    'gradient_norm': float(gradient_norm),
                    'frames_per_s': len(losses) * recipe.batch_size / (time.monotonic() - started),
                }
            )
            started, losses = time.monotonic(), []
        is_last = run.step == recipe.steps
        if run.step % recipe.validation.every == 0 or is_last:
            paused = time.monotonic()
            validate(run)
            started += time.monotonic() - paused
        if run.step % recipe.checkpoint_every == 0 or is_last:
            _save(run)


def training_step(run: TrainingRun, batch: Batch) -> tuple[Tensor, Tensor]:
    """Learn from one batch; return its loss and the norm of the gradient.

    Raises:
        TrainingError: Either is NaN or infinite. The weights are left as they were.
    """
    model, optimizer = run.wrapped_model, run.wrapped_optimizer
    _training_mode(run)
    available_BM = _available(run)
    images_BMCHW = run.normalization(batch.images)
    outputs, penalty = model.training_terms(images_BMCHW, available_BM)
    loss = torch.stack([run.loss(logits, batch.labels) for logits in outputs]).sum()
    taught = run.distillation(run.step, images_BMCHW, available_BM, outputs)
    loss = sum((term for term in (penalty, taught) if term is not None), loss)
    _require_finite('loss', loss, run, batch, available_BM)
    run.fabric.backward(loss)
    gradient_norm = torch.nn.utils.clip_grad_norm_(
        run.trainables.model.parameters(), run.recipe.optimizer.clip_norm or math.inf
    )
    _require_finite('gradient norm', gradient_norm, run, batch, available_BM)
    optimizer.step()
    optimizer.zero_grad()
    run.trainables.schedule.step()
    run.trainables.average.update_parameters(run.trainables.model)
    return loss.detach(), gradient_norm


def validate(run: TrainingRun) -> None:
    """Score the averaged weights on the recipe's subsets; keep them if they are the best."""
    modalities = run.recipe.data.modalities
    texts = run.recipe.validation.subsets or [subset_name(modalities)]
    subsets = [parse_subset(text, modalities) for text in texts]
    average = run.trainables.average.module
    batches = run.validation_batches(run.recipe.validation.max_frames)
    scores = _scorer(run)(average, batches, subsets)
    run.log.validation_row(run.step, _plain(scores), final=False)
    _draw(run)
    miou = mean_miou(scores)
    if miou > run.best_miou:
        run.best_miou = miou
        _keep_best(run, scores)


def validate_best(run: TrainingRun) -> dict[str, Score]:
    """Score the best weights on every frame and every sensor subset, and store that with them.

    The averaged weights of the run are replaced by the best ones.
    """
    run.fabric.barrier()
    average = run.trainables.average.module
    state, info = read_trained(run.run_dir)
    load_strict(average, state, source=str(run.run_dir))
    subsets = all_subsets(run.recipe.data.modalities)
    scores = _scorer(run)(average, run.validation_batches(0), subsets)
    run.log.validation_row(run.step, _plain(scores), final=True)
    run.step = info.step if info else run.step
    _keep_best(run, scores)
    return scores


def _training_mode(run: TrainingRun) -> None:
    run.wrapped_model.train()
    if run.recipe.model.batch_norm == 'running':
        for module in run.trainables.model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()


def _available(run: TrainingRun) -> Tensor:
    """Return this process's rows of the step's B x M availability."""
    mask = run.dropout(run.step, run.recipe.batch_size)
    mine = np.ascontiguousarray(mask[run.fabric.global_rank :: run.fabric.world_size])
    return torch.from_numpy(mine).to(run.fabric.device)


def _require_finite(
    what: str, value: Tensor, run: TrainingRun, batch: Batch, available_BM: Tensor
) -> None:
    if not torch.isfinite(value):
        raise TrainingError(
            f'The {what} is {value.item()} at step {run.step}, with the frames '
            f'{", ".join(batch.names)} and availability {available_BM.int().tolist()}. '
            f'Look at these frames, or lower optimizer.learning_rate '
            f'({run.trainables.schedule.get_last_lr()[0]:.2e} now).'
        )


def _scorer(run: TrainingRun) -> SubsetScorer:
    return SubsetScorer(run.fabric, run.normalization, run.label_space, run.recipe.data.modalities)


def _keep_best(run: TrainingRun, scores: dict[str, Score]) -> None:
    if run.fabric.is_global_zero:
        info = run.trained_info(_plain(scores))
        state = run.trainables.average.module.state_dict()
        save_trained(run.run_dir / BEST_FILE, state, info)


def _save(run: TrainingRun) -> None:
    position = run.position()
    if run.fabric.is_global_zero:
        path = save_checkpoint(run.run_dir, run.trainables, position, run.recipe.to_dict())
        LOG.info('wrote %s', path)


def _draw(run: TrainingRun) -> None:
    """Write images of a few validation frames with all modalities."""
    batch = next(iter(run.validation_batches(PICTURES)), None)
    if batch is None or not run.fabric.is_global_zero:
        return
    modalities = tuple(run.recipe.data.modalities)
    images_BMCHW = run.normalization(batch.images)
    size = batch.labels.shape[1:]
    average = run.trainables.average.module.eval()
    labels = _scorer(run).predict(average, images_BMCHW, modalities, size).cpu().numpy()
    for i, name in enumerate(batch.names):
        path = (
            run.run_dir / 'pictures' / f'step_{run.step:06d}' / (name.replace('/', '_') + '.png')
        )
        planes = batch.images[i].cpu().numpy()
        write_picture(path, planes, batch.labels[i].cpu().numpy(), labels[i], run.label_space)


def _plain(scores: dict[str, Score]) -> dict[str, Any]:
    return {name: score.to_dict() for name, score in scores.items()}
