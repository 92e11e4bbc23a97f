"""A backend whose answers do not depend on when its graphs get ready."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.inference.backend import Backend, Prediction
from mmseg_ros.inference.bundle import Bundle


class SettledBackend:
    """Waits, the first time a subset comes, until the graph for it is ready.

    The live node must not wait, so there the same frame may run on one graph or another, which
    differ in the last bits; an evaluation must give the same labels in every run.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._settled: set[bytes] = set()

    @property
    def name(self) -> str:
        """Return the name of the runtime."""
        return self._backend.name

    @property
    def precision(self) -> str:
        """Return what it computes in."""
        return self._backend.precision

    def load(self, bundle: Bundle) -> None:
        """Read the network; see `Backend.load`."""
        self._backend.load(bundle)

    def warm_up(self) -> None:
        """Run once on zeros."""
        self._backend.warm_up()

    def prepare(self, modalities: Collection[str]) -> None:
        """Make ready what their subsets need; see `Backend.prepare`."""
        self._backend.prepare(modalities)

    def infer(self, images: NDArray[np.uint8], available: NDArray[np.bool_]) -> Prediction:
        """Run the network on one frame; see `Backend.infer`."""
        subset = available.tobytes()
        if subset not in self._settled:
            self._backend.infer(images, available)
            self._backend.settle()
            self._settled.add(subset)
        return self._backend.infer(images, available)

    def settle(self, timeout_s: float = 120.0) -> bool:
        """Wait for what is being made ready; see `Backend.settle`."""
        return self._backend.settle(timeout_s)

    def status(self) -> dict[str, str]:
        """Return lines for the diagnostics."""
        return self._backend.status()

    def close(self) -> None:
        """Free the network."""
        self._backend.close()
