"""Runs the measurements and puts them into one report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mmseg_ros.benchmark.engine import measure_engine
from mmseg_ros.benchmark.machine import (
    describe_bundle,
    describe_machine,
    describe_software,
    now,
)
from mmseg_ros.benchmark.workload import simulated_frames, subsets_to_measure
from mmseg_ros.core.errors import BackendError, BundleError
from mmseg_ros.inference.backend import available_backends
from mmseg_ros.inference.bundle import load_bundle
from mmseg_ros.sim.sequence import Drive, DriveFrame

PARTS = ('engine', 'pipeline', 'path', 'node')
_FRAMES = 4

Progress = Callable[[str], None]
Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class BenchmarkConfig:
    """What to measure.

    Attributes:
        bundle: Name or folder. parts: Some of PARTS.
        backends: Names; empty takes every one that is installed, `auto` the best.
        subsets: Sensor subsets such as rgb+lidar; empty takes all, each single drop, and less.
        threads: CPU threads of the runtime; 0 for all.
        seconds: How long each case is repeated.
    """

    bundle: str
    parts: Sequence[str] = PARTS
    backends: Sequence[str] = ()
    subsets: Sequence[str] = ()
    threads: int = 0
    seconds: float = 3.0


def run_benchmark(config: BenchmarkConfig, progress: Progress) -> dict[str, Any]:
    """Return the report: machine, software, bundle and one row per case.

    A backend that cannot run the bundle is a row with its error.

    Raises:
        BundleError: The bundle is damaged.
    """
    bundle = load_bundle(config.bundle)
    names = bundle.manifest.modality_names
    subsets = [tuple(text.split('+')) for text in config.subsets] or subsets_to_measure(names)
    _check(subsets, names)
    rows: list[Row] = []
    report: dict[str, Any] = {
        'created': now(),
        'machine': describe_machine(),
        'software': describe_software(),
        'bundle': describe_bundle(bundle),
        'threads': config.threads,
        'rows': rows,
    }
    backends = config.backends or available_backends()
    if 'engine' in config.parts:
        for backend in backends:
            progress(f'engine alone on {backend}')
            rows += _engine_rows(config, backend, subsets)
    if set(config.parts) - {'engine'}:
        rows += _whole_rows(config, backends, subsets, progress)
    return report


def _engine_rows(
    config: BenchmarkConfig, backend: str, subsets: Sequence[Sequence[str]]
) -> list[Row]:
    try:
        return measure_engine(config.bundle, backend, config.threads, subsets, config.seconds)
    except (BackendError, BundleError) as error:
        return [{'what': 'engine', 'backend': backend, 'error': str(error)}]


def _whole_rows(
    config: BenchmarkConfig,
    backends: Sequence[str],
    subsets: Sequence[Sequence[str]],
    progress: Progress,
) -> list[Row]:
    """Return the rows of the pipeline, the path and the node.

    All subsets are measured on the first backend, the longest and the shortest on the others.
    """
    progress('simulating a short sequence')
    drive = simulated_frames(_FRAMES)
    ends = list(dict.fromkeys((subsets[0], subsets[-1])))
    rows: list[Row] = []
    for i, backend in enumerate(backends):
        try:
            rows += _rows_of_one(config, backend, ends if i else subsets, drive, progress)
        except (BackendError, BundleError) as error:
            rows.append({'what': 'pipeline', 'backend': backend, 'error': str(error)})
    return rows


def _rows_of_one(
    config: BenchmarkConfig,
    backend: str,
    subsets: Sequence[Sequence[str]],
    drive: tuple[Drive, Sequence[DriveFrame]],
    progress: Progress,
) -> list[Row]:
    from mmseg_ros.benchmark.frame_path import measure_path
    from mmseg_ros.benchmark.live_node import measure_node
    from mmseg_ros.benchmark.whole_pipeline import measure_pipeline

    case = (config.bundle, backend, config.threads, subsets, config.seconds, drive)
    rows: list[Row] = []
    if 'path' in config.parts:
        progress(f'CPU time of a frame on {backend}')
        rows += measure_path(*case)
    if not set(config.parts) & {'pipeline', 'node'}:
        return rows
    progress(f'pipeline alone on {backend}')
    alone = measure_pipeline(*case)
    if 'pipeline' in config.parts:
        rows += alone
    if 'node' in config.parts:
        progress(f'live node on {backend}')
        rows += measure_node(*case, {row['subset']: 1000.0 / row['p50_ms'] for row in alone})
    return rows


def _check(subsets: Sequence[Sequence[str]], names: Sequence[str]) -> None:
    for subset in subsets:
        if list(subset) != [name for name in names if name in subset]:
            raise BundleError(
                f'The subset {"+".join(subset)} must name modalities of the bundle, in the order '
                f'{"+".join(names)}.'
            )
