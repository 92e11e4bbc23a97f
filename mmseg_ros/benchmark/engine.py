"""The network alone: one backend per process, so that memory and start are its own."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.benchmark.timing import summary, time_call
from mmseg_ros.core.subsets import subset_name
from mmseg_ros.core.types import Modality
from mmseg_ros.inference.backend import create_runtime
from mmseg_ros.inference.bundle import Bundle, load_bundle
from mmseg_ros.inference.routed_backend import RoutedBackend

Row = dict[str, Any]


def measure_engine(
    bundle: str, backend: str, threads: int, subsets: Sequence[Sequence[Modality]], seconds: float
) -> list[Row]:
    """Return one row per subset, and one of the graph that serves all subsets.

    Args:
        bundle: Name or folder.
        backend: Name of the backend.
        threads: CPU threads; 0 for all.
        subsets: Modalities that are there.
        seconds: How long each is repeated.

    Raises:
        BackendError: The backend cannot run this bundle.
    """
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_measure, bundle, backend, threads, subsets, seconds).result()


def _measure(
    bundle_name: str,
    backend_name: str,
    threads: int,
    subsets: Sequence[Sequence[Modality]],
    seconds: float,
) -> list[Row]:
    bundle = load_bundle(bundle_name)
    names = bundle.manifest.modality_names
    backend = RoutedBackend(create_runtime(backend_name, threads))
    start_s = _start(backend, bundle)
    rows = [
        {**_row(backend, bundle, np.isin(names, subset), seconds), 'start_s': start_s}
        for subset in subsets
    ]
    backend.close()
    masked = RoutedBackend(create_runtime(backend_name, threads), specialise=False)
    masked.load(bundle)
    row = _row(masked, bundle, np.ones(len(names), bool), seconds)
    masked.close()
    return [*rows, {**row, 'graph': 'for all subsets'}]


def _start(backend: RoutedBackend, bundle: Bundle) -> float:
    """Load and run once; return the seconds until the first answer."""
    began_s = time.perf_counter()
    backend.load(bundle)
    backend.warm_up()
    return round(time.perf_counter() - began_s, 2)


def _row(
    backend: RoutedBackend, bundle: Bundle, available: NDArray[np.bool_], seconds: float
) -> Row:
    manifest = bundle.manifest
    shape = (len(manifest.modalities), manifest.height, manifest.width, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    backend.infer(images, available)
    backend.settle()
    present = [n for n, there in zip(manifest.modality_names, available, strict=True) if there]
    return {
        'what': 'engine',
        'backend': backend.name,
        'precision': backend.precision,
        'subset': subset_name(present),
        'graph': 'specialised',
        **summary(time_call(partial(backend.infer, images, available), seconds)),
        'peak_mb': round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
