"""The network alone, fed from memory in its own process: what the node is compared with."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from mmseg_ros.core.types import Modality
from mmseg_ros.inference.backend import create_runtime
from mmseg_ros.inference.bundle import load_bundle
from mmseg_ros.inference.routed_backend import RoutedBackend


@dataclass(frozen=True, slots=True)
class Throughput:
    """Results in a time, and the CPU time of the process that made them.

    Attributes:
        results: How many. seconds: In how long. cpu_s: CPU time, all threads.
    """

    results: int
    seconds: float
    cpu_s: float

    @property
    def rate_hz(self) -> float:
        """Return results per second."""
        return self.results / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Return CPU milliseconds per result; NaN without any."""
        return 1000.0 * self.cpu_s / self.results if self.results else float('nan')

    def __add__(self, other: Throughput) -> Throughput:
        return Throughput(
            self.results + other.results, self.seconds + other.seconds, self.cpu_s + other.cpu_s
        )


class BareEngine:
    """A process with a loaded network that runs when asked to.

    Args:
        bundle: Name or folder. backend: Name of the backend. threads: CPU threads; 0 for all.
        subset: Modalities that are there.

    Raises:
        BackendError: The backend cannot run this bundle.
    """

    def __init__(
        self, bundle: str, backend: str, threads: int, subset: Sequence[Modality]
    ) -> None:
        context = multiprocessing.get_context('spawn')
        self._pool = ProcessPoolExecutor(
            1, mp_context=context, initializer=_load, initargs=(bundle, backend, threads, subset)
        )
        self._pool.submit(_run, 0.0).result()

    def __enter__(self) -> BareEngine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown()

    def run(self, seconds: float) -> Future[Throughput]:
        """Begin to run the network on random images, one after the other, for `seconds`."""
        return self._pool.submit(_run, seconds)


_loaded: dict[str, tuple[RoutedBackend, np.ndarray, np.ndarray]] = {}


def _load(bundle_name: str, backend_name: str, threads: int, subset: Sequence[Modality]) -> None:
    bundle = load_bundle(bundle_name)
    manifest = bundle.manifest
    backend = RoutedBackend(create_runtime(backend_name, threads))
    backend.load(bundle)
    shape = (len(manifest.modalities), manifest.height, manifest.width, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    available = np.isin(manifest.modality_names, subset)
    backend.infer(images, available)
    backend.settle()
    _loaded['engine'] = backend, images, available


def _run(seconds: float) -> Throughput:
    backend, images, available = _loaded['engine']
    began_s, began_cpu_s, count = time.perf_counter(), time.process_time(), 0
    while count == 0 or time.perf_counter() - began_s < seconds:
        backend.infer(images, available)
        count += 1
    return Throughput(count, time.perf_counter() - began_s, time.process_time() - began_cpu_s)
