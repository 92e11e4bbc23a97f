"""A step's batch in parts, computed one after the other, that add up to the whole gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import torch
from lightning_fabric import Fabric
from torch import Tensor

from mmseg_ros.core.errors import ConfigError

BatchT_co = TypeVar('BatchT_co', covariant=True)


@dataclass(frozen=True)
class Part(Generic[BatchT_co]):
    """What one forward pass of a step computes.

    Attributes:
        batch: These items alone.
        rows: Which items of this process they are.
        share: What a mean over these items counts in the mean over this process's items.
        shares_T: What each mean over pixels counts in that over the pixels of all processes,
            times their number, since gradients are averaged over them; None if it is the same.
    """

    batch: BatchT_co
    rows: slice
    share: float = 1.0
    shares_T: Tensor | None = None


class HasAmounts(Protocol):
    """A loss that is a sum of means."""

    def amounts(self, labels_BHW: Tensor) -> Tensor:
        """Return over how much each mean is taken."""


def part_rows(items: int, count: int) -> list[slice]:
    """Return the rows of `count` equal parts of `items` items."""
    size = items // count
    return [slice(start, start + size) for start in range(0, size * count, size)]


def shares_of_parts(
    fabric: Fabric, loss: HasAmounts, labels_BHW: Tensor, rows: list[slice]
) -> list[Tensor | None]:
    """Return `Part.shares_T` of each part; all processes together.

    Args:
        fabric: Tells the processes.
        loss: Whose means are weighed.
        labels_BHW: Of this process's items.
        rows: Of the parts.
    """
    if len(rows) == 1 and fabric.world_size == 1:
        return [None]
    amounts_PT = torch.stack([loss.amounts(labels_BHW[part]) for part in rows])
    total_T: Any = fabric.all_reduce(amounts_PT.sum(dim=0), reduce_op='sum')
    return list(amounts_PT * fabric.world_size / total_T.clamp(min=1e-6))


def require_divisible(batch_size: int, accumulate: int, processes: int) -> None:
    """Check that a batch falls into equal parts.

    Raises:
        ConfigError: It does not.
    """
    if batch_size % (accumulate * processes):
        raise ConfigError(
            f'Expected batch_size (data.images) to be a multiple of accumulate times the number '
            f'of processes, but got {batch_size}, {accumulate} and {processes}.'
        )
