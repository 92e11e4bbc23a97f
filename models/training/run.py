"""A training run as one value: everything that `fit` and `validate` work on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

from lightning_fabric import Fabric
from torch import nn

from mmseg_models.training.checkpoint import Position, Trainables, generator_state
from mmseg_models.training.processes import gathered
from mmseg_models.training.run_config import RunConfig
from mmseg_models.training.run_log import RunLog
from mmseg_models.training.task import BatchT, Task


@dataclass
class TrainingRun(Generic[BatchT]):
    """State and settings of one run.

    Attributes:
        fabric: Device, precision and processes.
        recipe: The resolved recipe.
        task: What is trained, on what, and how it is scored.
        trainables: Network, weight average, optimizer and schedule.
        wrapped_model: The network as Fabric runs it. wrapped_optimizer: The same.
        batches: The remaining steps.
        log: Where rows go.
        held_norms: Norms of frozen tensors, whose statistics stay.
        step: Optimizer steps done.
        best_score: Score of the best weights so far; the higher, the better.
        stale: Validations since then.
    """

    fabric: Fabric
    recipe: RunConfig
    task: Task[BatchT]
    trainables: Trainables
    wrapped_model: Any
    wrapped_optimizer: Any
    batches: Iterable[BatchT]
    log: RunLog
    held_norms: list[nn.Module]
    step: int
    best_score: float
    stale: int

    @property
    def run_dir(self) -> Path:
        """Return the run folder."""
        return Path(self.recipe.run_dir)

    @property
    def epoch(self) -> int:
        """Return how many whole passes over the training split are done."""
        return self.step // (self.task.num_items // self.task.batch_size)

    def position(self) -> Position:
        """Return where the run stands, with the generators of all processes."""
        generators = gathered(self.fabric, generator_state())
        return Position(self.step, self.best_score, generators, self.stale)
