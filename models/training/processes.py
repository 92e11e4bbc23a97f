"""What the processes of one run know together."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn


def summed(fabric: Fabric, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the sum of all processes' counts; they must have one shape."""
    if fabric.world_size == 1:
        return counts
    mine = torch.from_numpy(counts).to(fabric.device)
    total = cast('Tensor', fabric.all_reduce(mine, reduce_op='sum'))
    return np.asarray(total.cpu().numpy())


def mean_over_processes(fabric: Fabric, value: Tensor) -> float:
    """Return the mean of the processes' scalars."""
    if fabric.world_size == 1:
        return float(value)
    return float(cast('Tensor', fabric.all_reduce(value, reduce_op='mean')))


def average_gradients(fabric: Fabric, model: nn.Module) -> None:
    """Give all processes the mean of their gradients, where any of them has one."""
    if fabric.world_size == 1:
        return
    learning = [p for p in model.parameters() if p.requires_grad]
    mine = torch.tensor([p.grad is not None for p in learning], device=fabric.device)
    has_any = cast('Tensor', fabric.all_reduce(mine.float(), reduce_op='sum')) > 0
    chosen = [p for p, has in zip(learning, has_any.tolist(), strict=True) if has]
    parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in chosen]
    joined = torch.cat([part.flatten() for part in parts])
    total = cast('Tensor', fabric.all_reduce(joined, reduce_op='mean'))
    for parameter, mean in zip(chosen, total.split([p.numel() for p in chosen]), strict=True):
        parameter.grad = mean.view_as(parameter).clone()


def gathered(fabric: Fabric, values: Tensor) -> Tensor:
    """Return P x ..., the values of all P processes, on the CPU."""
    rows = cast('Tensor', fabric.all_gather(values))
    return rows.reshape(fabric.world_size, *values.shape).cpu()
