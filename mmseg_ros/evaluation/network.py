"""A bundle's network, loaded so that every run gives the same labels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mmseg_ros.core.model_config import ModelConfig
from mmseg_ros.inference.backend import create_backend
from mmseg_ros.inference.bundle import Bundle
from mmseg_ros.inference.deterministic_backend import SettledBackend


@contextmanager
def loaded_network(bundle: Bundle, model: ModelConfig) -> Iterator[SettledBackend]:
    """Load a bundle into a runtime and free it at the end of the block.

    Args:
        bundle: The network.
        model: Runtime, threads and precision.

    Raises:
        BackendError: The runtime is missing or failed.
    """
    backend = SettledBackend(create_backend(model.backend, model.threads, model.precision))
    backend.load(bundle)
    try:
        backend.warm_up()
        yield backend
    finally:
        backend.close()
