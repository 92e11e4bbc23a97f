"""A recipe tried without its data: all is built, two steps are taken on generated data."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mmseg_models.training.engine import training_step
from mmseg_models.training.generated_data import on_generated_data
from mmseg_models.training.run import TrainingRun
from mmseg_models.training.run_config import RunConfig
from mmseg_models.training.setup import setup

STEPS = 2
_KILO = 1024.0 if sys.platform != 'darwin' else 1.0


@dataclass(frozen=True, slots=True)
class DryRun:
    """What two steps showed.

    Attributes:
        parameters: Of the network. trainable: Those that learn.
        losses: Of the two steps.
        memory_mb: Most memory: of the GPU where there is one, else of the process.
        device: Where it ran.
        step_s: Seconds of the second step. steps: Of the whole recipe.
    """

    parameters: int
    trainable: int
    losses: tuple[float, ...]
    memory_mb: float
    device: str
    step_s: float
    steps: int

    def text(self) -> str:
        """Return it as lines for a terminal."""
        hours = self.step_s * self.steps / 3600
        losses = ', '.join(f'{loss:.3f}' for loss in self.losses)
        return (
            f'losses            {losses}\n'
            f'memory            {self.memory_mb:,.0f} MB on {self.device} (measured)\n'
            f'time              {self.step_s:.2f} s a step, {hours:,.1f} h for {self.steps:,} '
            'steps on this machine, without validation\n'
        )


def dry_run(recipe: RunConfig) -> DryRun:
    """Build everything that a recipe names and take two steps on data of its shapes.

    The data set, published weights and the run folder are not touched: frames or text prompts
    are generated in a temporary folder, and the network starts at random.

    Args:
        recipe: As it would be trained; its network, sizes, batch, loss and precision count.

    Raises:
        ConfigError: The recipe contradicts itself.
        TrainingError: A loss or gradient is NaN or infinite.
    """
    with tempfile.TemporaryDirectory(prefix='mmseg_dry_run_') as folder:
        run: TrainingRun[Any] = setup(on_generated_data(recipe, Path(folder), STEPS))
        with run.log:
            return _take_steps(run, recipe.steps)


def _take_steps(run: TrainingRun[Any], steps: int) -> DryRun:
    device = run.fabric.device
    if device.type == 'cuda':
        torch.cuda.reset_peak_memory_stats(device)
    losses, step_s = [], 0.0
    batches = iter(run.batches)
    for _ in range(STEPS):
        began_s = time.perf_counter()
        loss, _ = training_step(run, next(batches))
        losses.append(float(loss))
        step_s = time.perf_counter() - began_s
        run.step += 1
    weights = list(run.trainables.model.parameters())
    return DryRun(
        parameters=sum(p.numel() for p in weights),
        trainable=sum(p.numel() for p in weights if p.requires_grad),
        losses=tuple(losses),
        memory_mb=_memory_mb(device),
        device=str(device),
        step_s=step_s,
        steps=steps,
    )


def _memory_mb(device: torch.device) -> float:
    if device.type == 'cuda':
        return float(torch.cuda.max_memory_allocated(device)) / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KILO / 1e6
