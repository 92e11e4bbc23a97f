"""A bundle's network, loaded so that every run gives the same labels."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.model_config import ModelConfig
from mmseg_ros.inference.backend import Prediction, available_backends, create_backend
from mmseg_ros.inference.bundle import Bundle
from mmseg_ros.inference.deterministic_backend import SettledBackend

LANES = 2
_CPU_RUNTIMES = ('openvino', 'onnxruntime')


class Network:
    """A loaded network that segments as many frames at once as it has lanes.

    Attributes:
        lanes: How many threads may call `infer` at once.
        name: Of the runtime. precision: What it computes in.
    """

    def __init__(self, backends: Sequence[SettledBackend]) -> None:
        """Take the same network once per lane.

        Args:
            backends: Loaded; equal, so that it does not matter which one takes a frame.
        """
        self.lanes = len(backends)
        self.name, self.precision = backends[0].name, backends[0].precision
        self._free: SimpleQueue[SettledBackend] = SimpleQueue()
        for backend in backends:
            self._free.put(backend)

    def infer(self, images: NDArray[np.uint8], available: NDArray[np.bool_]) -> Prediction:
        """Run the network on one frame, on a lane that is free; see `Backend.infer`."""
        backend = self._free.get()
        try:
            return backend.infer(images, available)
        finally:
            self._free.put(backend)


@contextmanager
def loaded_network(bundle: Bundle, model: ModelConfig, lanes: int = 1) -> Iterator[Network]:
    """Load a bundle into a runtime and free it at the end of the block.

    Args:
        bundle: The network.
        model: Runtime, threads and precision.
        lanes: How many frames may be segmented at once. Several lanes share the processor's
            cores, where the runtime uses these and `model.threads` leaves the choice: cores that
            work on different frames do not wait for each other. Otherwise there is one.

    Raises:
        BackendError: The runtime is missing or failed.
    """
    cores = len(os.sched_getaffinity(0))
    lanes = min(lanes, cores) if not model.threads and _is_on_cpu(model.backend) else 1
    if lanes > 1:
        model = replace(model, threads=cores // lanes)
    with ExitStack() as stack:
        yield Network([_loaded(bundle, model, stack) for _ in range(lanes)])


def _loaded(bundle: Bundle, model: ModelConfig, stack: ExitStack) -> SettledBackend:
    backend = SettledBackend(create_backend(model.backend, model.threads, model.precision))
    backend.load(bundle)
    stack.callback(backend.close)
    backend.warm_up()
    return backend


def _is_on_cpu(name: str) -> bool:
    best = next(iter(available_backends()), '')
    return (best if name == 'auto' else name) in _CPU_RUNTIMES
