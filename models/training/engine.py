"""The training loop, for every task: setup, fit, validate."""

from __future__ import annotations

import logging
import math
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmseg_models.training.checkpoint import checkpoint_path, save_checkpoint
from mmseg_models.training.freezing import hold
from mmseg_models.training.precision import require_scale
from mmseg_models.training.processes import average_gradients
from mmseg_models.training.progress import Progress
from mmseg_models.training.run import TrainingRun
from mmseg_models.training.run_config import RunConfig
from mmseg_models.training.setup import setup
from mmseg_models.training.stopping import StopRequest
from mmseg_models.training.task import BatchT
from mmseg_models.training.trained_weights import BEST_FILE
from mmseg_ros.core.errors import StoppedError, TrainingError

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
    """Take the remaining steps; validate, keep the best weights and write checkpoints.

    The run ends early where validations have not become better for `patience` of them.

    Raises:
        StoppedError: SIGTERM or SIGINT ended the run; its last step is in a checkpoint.
    """
    recipe, task = run.recipe, run.task
    progress = Progress(run)
    with StopRequest(run.fabric) as stop:
        for batch in _remaining(run):
            loss, gradient_norm = training_step(run, batch)
            run.step += 1
            progress.add(loss, gradient_norm)
            is_last = run.step == recipe.steps
            if run.step % task.validate_every == 0 or is_last:
                with progress.paused():
                    validate(run)
                is_last = is_last or is_stale(run)
            number = stop.signal_number()
            if run.step % recipe.checkpoint_every == 0 or is_last or number:
                path = _save(run)
                if number:
                    raise StoppedError(_stopped(run, number, path), number)
            if is_last:
                break


def training_step(run: TrainingRun[BatchT], batch: BatchT) -> tuple[Tensor, Tensor]:
    """Learn from one batch; return this process's loss and the norm of the gradient.

    Raises:
        TrainingError: Either is NaN or infinite, or the gradient does not fit into fp16. The
            weights are left as they were.
    """
    run.wrapped_model.train()
    hold(run.held_norms)
    loss = _backward(run, batch)
    scaler = run.trainables.scaler
    if scaler:
        scaler.unscale_(run.trainables.optimizer)
    gradient_norm = torch.nn.utils.clip_grad_norm_(
        run.trainables.model.parameters(), run.recipe.optimizer.clip_norm or math.inf
    )
    if scaler is None:
        _require_finite('gradient norm', gradient_norm, run, batch)
    elif not torch.isfinite(gradient_norm):
        require_scale(scaler, run.step)
    run.wrapped_optimizer.step()
    run.wrapped_optimizer.zero_grad()
    run.trainables.schedule.step()
    run.trainables.average.update_parameters(run.trainables.model)
    return loss, gradient_norm


def _backward(run: TrainingRun[BatchT], batch: BatchT) -> Tensor:
    """Add up the gradients of a batch's parts, over all processes; return this one's loss."""
    parts = run.task.parts(batch, run.recipe.accumulate)
    losses = []
    for part in parts:
        with run.fabric.no_backward_sync(run.wrapped_model, enabled=len(parts) > 1):
            with run.fabric.autocast():
                loss = run.task.loss(run.wrapped_model, part, run.step)
            _require_finite('loss', loss, run, batch)
            run.fabric.backward(loss)
        losses.append(loss.detach())
    if len(parts) > 1:
        average_gradients(run.fabric, run.trainables.model)
    return torch.stack(losses).sum() if len(losses) > 1 else losses[0]


def _remaining(run: TrainingRun[BatchT]) -> Iterable[BatchT]:
    """Return the batches of the remaining steps: none if the run had ended early."""
    return [] if is_stale(run) else run.batches


def is_stale(run: TrainingRun[BatchT]) -> bool:
    """Return whether the last `patience` validations were no better than the best one."""
    return 0 < run.recipe.patience <= run.stale


def validate(run: TrainingRun[BatchT]) -> None:
    """Score the averaged weights as the recipe says; keep them if they are the best."""
    average = run.trainables.average.module
    scores = run.task.score(average, final=False)
    run.log.validation_row(run.step, scores.rows, final=False)
    if run.fabric.is_global_zero:
        run.task.draw(average, run.run_dir / 'pictures' / f'step_{run.step:06d}')
    run.stale += 1
    if scores.decisive > run.best_score:
        run.best_score, run.stale = scores.decisive, 0
        _keep_best(run, run.step, scores.rows)
    elif is_stale(run):
        LOG.info(
            'step %d: no better validation for %d; the run ends (patience)', run.step, run.stale
        )


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


def _stopped(run: TrainingRun[BatchT], number: int, path: Path) -> str:
    return (
        f'{signal.Signals(number).name} ended the run after step {run.step} of '
        f'{run.recipe.steps}; {path} holds it: go on with --resume auto.'
    )


def _save(run: TrainingRun[BatchT]) -> Path:
    position = run.position()
    path = checkpoint_path(run.run_dir, position.step)
    if run.fabric.is_global_zero:
        save_checkpoint(run.run_dir, run.trainables, position, run.recipe.to_dict())
        LOG.info('wrote %s', path)
    return path
