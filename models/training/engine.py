"""The training loop, for every task: setup, fit, validate."""

from __future__ import annotations

import logging
import math
import time
from typing import Any

import torch
from torch import Tensor

from mmseg_models.training.checkpoint import save_checkpoint
from mmseg_models.training.run import TrainingRun
from mmseg_models.training.run_config import RunConfig
from mmseg_models.training.setup import setup
from mmseg_models.training.task import BatchT
from mmseg_models.training.trained_weights import BEST_FILE
from mmseg_ros.core.errors import TrainingError

LOG = logging.getLogger(__name__)


def train(recipe: RunConfig) -> dict[str, dict[str, Any]]:
    """Run a recipe from its first step, or from where it stopped, to its final scores.

    Returns:
        Scores of the best weights on the whole validation split, for every sensor subset or kind
        of text prompt; each has `miou`.

    Raises:
        TrainingError: The loss or the gradient is NaN or infinite; the message names the frames.
    """
    run: TrainingRun[Any] = setup(recipe)
    with run.log:
        fit(run)
        return validate_best(run)


def fit(run: TrainingRun[BatchT]) -> None:
    """Take the remaining steps; validate, keep the best weights and write checkpoints."""
    recipe, task = run.recipe, run.task
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
                    'learning_rate': float(run.trainables.schedule.get_last_lr()[0]),
                    'gradient_norm': float(gradient_norm),
                    'frames_per_s': len(losses) * task.batch_size / (time.monotonic() - started),
                }
            )
            started, losses = time.monotonic(), []
        is_last = run.step == recipe.steps
        if run.step % task.validate_every == 0 or is_last:
            paused = time.monotonic()
            validate(run)
            started += time.monotonic() - paused
        if run.step % recipe.checkpoint_every == 0 or is_last:
            _save(run)


def training_step(run: TrainingRun[BatchT], batch: BatchT) -> tuple[Tensor, Tensor]:
    """Learn from one batch; return its loss and the norm of the gradient.

    Raises:
        TrainingError: Either is NaN or infinite. The weights are left as they were.
    """
    run.wrapped_model.train()
    loss = run.task.loss(run.wrapped_model, batch, run.step)
    _require_finite('loss', loss, run, batch)
    run.fabric.backward(loss)
    gradient_norm = torch.nn.utils.clip_grad_norm_(
        run.trainables.model.parameters(), run.recipe.optimizer.clip_norm or math.inf
    )
    _require_finite('gradient norm', gradient_norm, run, batch)
    run.wrapped_optimizer.step()
    run.wrapped_optimizer.zero_grad()
    run.trainables.schedule.step()
    run.trainables.average.update_parameters(run.trainables.model)
    return loss.detach(), gradient_norm


def validate(run: TrainingRun[BatchT]) -> None:
    """Score the averaged weights as the recipe says; keep them if they are the best."""
    average = run.trainables.average.module
    scores = run.task.score(average, final=False)
    run.log.validation_row(run.step, scores.rows, final=False)
    if run.fabric.is_global_zero:
        run.task.draw(average, run.run_dir / 'pictures' / f'step_{run.step:06d}')
    if scores.decisive > run.best_miou:
        run.best_miou = scores.decisive
        _keep_best(run, run.step, scores.rows)


def validate_best(run: TrainingRun[BatchT]) -> dict[str, dict[str, Any]]:
    """Score the best weights on the whole validation split, and store that with them.

    The averaged weights of the run are replaced by the best ones.
    """
    run.fabric.barrier()
    average = run.trainables.average.module
    best_step = run.task.load(run.run_dir, average)
    scores = run.task.score(average, final=True)
    run.log.validation_row(run.step, scores.rows, final=True)
    _keep_best(run, best_step, scores.rows)
    return scores.rows


def _require_finite(what: str, value: Tensor, run: TrainingRun[BatchT], batch: BatchT) -> None:
    if not torch.isfinite(value):
        raise TrainingError(
            f'The {what} is {value.item()} at step {run.step}, with '
            f'{run.task.describe(batch, run.step)}. Look at these, or lower '
            f'optimizer.learning_rate ({run.trainables.schedule.get_last_lr()[0]:.2e} now).'
        )


def _keep_best(run: TrainingRun[BatchT], step: int, rows: dict[str, dict[str, Any]]) -> None:
    if run.fabric.is_global_zero:
        run.task.save(run.run_dir / BEST_FILE, run.trainables.average.module, step, rows)


def _save(run: TrainingRun[BatchT]) -> None:
    position = run.position()
    if run.fabric.is_global_zero:
        path = save_checkpoint(run.run_dir, run.trainables, position, run.recipe.to_dict())
        LOG.info('wrote %s', path)
