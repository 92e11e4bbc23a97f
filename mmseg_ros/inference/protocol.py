"""The protocol of inference backends."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.inference.bundle import Bundle


@dataclass(frozen=True, slots=True)
class Prediction:
    """The network's answer.

    Attributes:
        labels: H x W uint8 class ids; the ignored id where the scores are NaN or infinite.
        confidence: H x W uint8, probability of that class scaled to 0..255; 0 only there.
        router_weights: M float32 summing to 1 where the network has a router, else None.
    """

    labels: NDArray[np.uint8]
    confidence: NDArray[np.uint8]
    router_weights: NDArray[np.float32] | None = None


class Backend(Protocol):
    """Something that runs a bundle. Used by one thread at a time.

    Attributes:
        name: Which runtime. precision: What it computes in.
    """

    @property
    def name(self) -> str:
        """Return the name of the runtime."""

    @property
    def precision(self) -> str:
        """Return what it computes in."""

    def load(self, bundle: Bundle) -> None:
        """Read the network. Libraries are imported here, not before.

        Raises:
            BackendError: The library is missing or rejects the network.
            BundleError: The network's inputs or outputs do not match the manifest.
        """

    def warm_up(self) -> None:
        """Run once on zeros, so that the first real frame is not the slow one."""

    def prepare(self, modalities: Collection[str]) -> None:
        """Make ready in the background what any subset of these modalities will need.

        Otherwise it is made ready when the subset comes for the first time, which is just when a
        sensor drops.
        """

    def infer(self, images: NDArray[np.uint8], available: NDArray[np.bool_]) -> Prediction:
        """Run the network on one frame.

        Args:
            images: M x H x W x 3 uint8, encoded; what an absent modality holds has no influence.
            available: M bool, at least one True.

        Raises:
            BackendError: The runtime failed, or the network answered with NaN everywhere.
        """

    def settle(self, timeout_s: float = 120.0) -> bool:
        """Wait for what is being made ready in the background; return whether it is done."""

    def status(self) -> dict[str, str]:
        """Return lines for the diagnostics."""

    def close(self) -> None:
        """Free the network."""
