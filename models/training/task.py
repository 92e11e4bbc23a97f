"""What the training loop asks of a task: data, a network, a loss and scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmseg_models.training.loading import StepSampler
from mmseg_models.training.parts import Part

BatchT = TypeVar('BatchT')


@dataclass(frozen=True)
class Scores:
    """Scores of a network on the validation split.

    Attributes:
        rows: What was scored (a sensor subset, a kind of text prompt) -> its scores, JSON-ready;
            each has `miou`.
        decisive: The higher, the better the weights.
    """

    rows: dict[str, dict[str, Any]]
    decisive: float


class Task(Protocol[BatchT]):
    """One kind of training; `fit` runs any of them."""

    @property
    def network(self) -> nn.Module:
        """Return what is trained, on the CPU until the run begins.

        `loss` calls its `training_terms`, through the wrapper that distributes it.
        """

    @property
    def num_items(self) -> int:
        """Return the number of items of the training split."""

    @property
    def batch_size(self) -> int:
        """Return the items per step, all processes together."""

    @property
    def validate_every(self) -> int:
        """Return the steps between validations."""

    def begin(self, average: nn.Module) -> None:
        """Hear of the running average of the weights, before the first step."""

    def loader(self, sampler: StepSampler) -> DataLoader[Any]:
        """Return a loader of the batches that `sampler` names."""

    def parts(self, batch: BatchT, count: int) -> list[Part[BatchT]]:
        """Return this process's batch in equal parts; all processes together.

        Args:
            batch: What the loader gave, on the device.
            count: How many parts.
        """

    def loss(self, model: Any, part: Part[BatchT], step: int) -> Tensor:
        """Return what a part adds to the scalar loss of this process.

        Args:
            model: The network as Fabric wraps it, in training mode.
            part: One of `parts`.
            step: Optimizer steps done.
        """

    def describe(self, batch: BatchT, step: int) -> str:
        """Return what a batch holds, for an error message."""

    def score(self, average: nn.Module, final: bool) -> Scores:
        """Score weights on the validation split; all processes together, each gets the result.

        Args:
            average: Weights to score; it is left in evaluation mode.
            final: Whether everything is scored, or what the recipe scores during training.
        """

    def draw(self, average: nn.Module, folder: Path) -> None:
        """Write images to look at into a folder; called by the first process alone."""

    def save(self, path: Path, average: nn.Module, step: int, rows: Mapping[str, Any]) -> None:
        """Write weights, with everything that their user has to know, into one file."""

    def load(self, run_dir: Path, average: nn.Module) -> int:
        """Read the best weights of a run into `average` and return the step they are of."""
