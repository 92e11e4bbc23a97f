"""Which sensor subset the network is given at each training step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.subsets import all_subsets, availability, parse_subset
from mmseg_ros.core.types import Modality


@dataclass(frozen=True, slots=True)
class ModalityDropout:
    """Draws the modalities of each training sample: all, or one of the other non-empty subsets.

    The draw depends on (seed, step) alone, so that every process of a distributed run decides
    alike and a resumed run goes on as if never interrupted.

    Args:
        modalities: Names of the M modalities.
        probability: Chance of a proper subset.
        ramp_steps: Steps over which that chance rises linearly from 0; 0 starts with it.
        per_sample: Whether each sample has its own subset, or the whole batch one.
        seed: Seed of the run.
        weights: Relative chance of a proper subset, keyed `rgb+lidar`; 1 for those not named.

    Raises:
        ConfigError: A weight is negative or its key is no proper subset.
    """

    modalities: tuple[Modality, ...]
    probability: float
    ramp_steps: int
    per_sample: bool
    seed: int
    weights: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for text, weight in self.weights.items():
            if parse_subset(text, self.modalities) == self.modalities or weight < 0:
                raise ConfigError(
                    f'Expected modality_dropout.weights to give proper subsets of '
                    f'{", ".join(self.modalities)} a weight of at least 0, but got '
                    f'{text}: {weight}.'
                )

    def __call__(self, step: int, batch_size: int) -> NDArray[np.bool_]:
        """Return B x M bool for the global batch of `step`; no row is all false."""
        rng = np.random.default_rng((self.seed, step, 0xD0))
        rows = batch_size if self.per_sample else 1
        ramp = min(1.0, step / self.ramp_steps) if self.ramp_steps else 1.0
        dropped = rng.random(rows) < self.probability * ramp
        subsets = all_subsets(self.modalities)
        drawn = np.where(dropped, rng.choice(len(subsets), rows, p=self._chances(subsets)), 0)
        mask = np.stack([availability(subsets[i], self.modalities) for i in drawn])
        return np.broadcast_to(mask, (batch_size, len(self.modalities))).copy()

    def _chances(self, subsets: Sequence[Sequence[Modality]]) -> NDArray[np.float64]:
        """Return the chance of each subset, the full one first, once something is dropped."""
        named = {parse_subset(text, self.modalities): w for text, w in self.weights.items()}
        chances = np.array([named.get(tuple(subset), 1.0) for subset in subsets])
        chances[0] = 0.0 if chances[1:].sum() > 0 else 1.0
        return np.asarray(chances / chances.sum())
