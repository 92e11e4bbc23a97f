"""Rows of the training log: mean loss, rate, gradient and speed since the row before."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from mmseg_models.training.processes import mean_over_processes
from mmseg_models.training.run import TrainingRun


class Progress:
    """Writes a row every `log_every` steps.

    Args:
        run: Whose steps are counted.
    """

    def __init__(self, run: TrainingRun[Any]) -> None:
        self._run = run
        self._started_s = time.monotonic()
        self._losses: list[Tensor] = []

    def add(self, loss: Tensor, gradient_norm: Tensor) -> None:
        """Take note of a step that is done; all processes together."""
        run = self._run
        self._losses.append(loss)
        run.log.advance(run.step)
        if run.step % run.recipe.log_every:
            return
        frames = len(self._losses) * run.task.batch_size
        run.log.training_row(
            {
                'step': run.step,
                'epoch': run.epoch,
                'loss': mean_over_processes(run.fabric, torch.stack(self._losses).mean()),
                'learning_rate': float(run.trainables.schedule.get_last_lr()[0]),
                'gradient_norm': float(gradient_norm),
                'frames_per_s': frames / (time.monotonic() - self._started_s),
            }
        )
        self._started_s, self._losses = time.monotonic(), []

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the time of the block out of the speed."""
        began_s = time.monotonic()
        yield
        self._started_s += time.monotonic() - began_s
