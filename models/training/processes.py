"""What the processes of one run know together."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor


def summed(fabric: Fabric, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the sum of all processes' counts; they must have one shape."""
    if fabric.world_size == 1:
        return counts
    mine = torch.from_numpy(counts).to(fabric.device)
    total = cast('Tensor', fabric.all_reduce(mine, reduce_op='sum'))
    return np.asarray(total.cpu().numpy())


def gathered(fabric: Fabric, values: Tensor) -> Tensor:
    """Return P x ..., the values of all P processes, on the CPU."""
    rows = cast('Tensor', fabric.all_gather(values))
    return rows.reshape(fabric.world_size, *values.shape).cpu()
