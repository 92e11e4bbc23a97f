"""Sensor subsets: their names, and which ones the network is given at each training step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.types import Modality


def all_subsets(modalities: Sequence[Modality]) -> list[tuple[Modality, ...]]:
    """Return every non-empty subset, the full set first, then by falling size.

    >>> all_subsets(['rgb', 'lidar'])
    [('rgb', 'lidar'), ('rgb',), ('lidar',)]
    """
    sizes = range(len(modalities), 0, -1)
    return [subset for size in sizes for subset in combinations(modalities, size)]


def parse_subset(text: str, modalities: Sequence[Modality]) -> tuple[Modality, ...]:
    """Return the subset written as `rgb+lidar`, in the order of `modalities`.

    Raises:
        ConfigError: A part is no modality of the network, or there is none.
    """
    parts = text.split('+')
    unknown = [part for part in parts if part not in modalities]
    if unknown:
        raise ConfigError(
            f'Expected a sensor subset such as {"+".join(modalities[:2])} of the modalities '
            f'{", ".join(modalities)}, but got {text!r}.'
        )
    return tuple(name for name in modalities if name in parts)


def availability(subset: Sequence[Modality], modalities: Sequence[Modality]) -> NDArray[np.bool_]:
    """Return M bool: which of `modalities` are in `subset`."""
    return np.array([name in subset for name in modalities], dtype=bool)


@dataclass(frozen=True, slots=True)
class ModalityDropout:
    """Draws the modalities of each training sample: all, or any proper non-empty subset.

    The draw depends on (seed, step) alone, so that every process of a distributed run decides
    alike and a resumed run goes on as if never interrupted.

    Args:
        num_modalities: M.
        probability: Chance of a proper subset; all of them are equally likely.
        ramp_steps: Steps over which that chance rises linearly from 0; 0 starts with it.
        per_sample: Whether each sample has its own subset, or the whole batch one.
        seed: Seed of the run.
    """

    num_modalities: int
    probability: float
    ramp_steps: int
    per_sample: bool
    seed: int

    def __call__(self, step: int, batch_size: int) -> NDArray[np.bool_]:
        """Return B x M bool for the global batch of `step`; no row is all false."""
        rng = np.random.default_rng((self.seed, step, 0xD0))
        rows = batch_size if self.per_sample else 1
        ramp = min(1.0, step / self.ramp_steps) if self.ramp_steps else 1.0
        dropped = rng.random(rows) < self.probability * ramp
        full = 2**self.num_modalities - 1
        # Codes 1 .. full - 1 are the proper non-empty subsets as bit patterns.
        proper = rng.integers(1, full, rows) if full > 1 else np.full(rows, full)
        codes = np.where(dropped, proper, full)
        mask = (codes[:, None] >> np.arange(self.num_modalities)) & 1
        return np.broadcast_to(mask.astype(bool), (batch_size, self.num_modalities)).copy()
