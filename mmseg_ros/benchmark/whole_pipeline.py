"""The pipeline without ROS: samples in, labels at the camera's size out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

from mmseg_ros.benchmark.timing import summary, time_call
from mmseg_ros.benchmark.workload import frame_set
from mmseg_ros.core.subsets import subset_name
from mmseg_ros.core.timing import StageStatistics
from mmseg_ros.core.types import Modality
from mmseg_ros.inference.backend import create_runtime
from mmseg_ros.inference.bundle import load_bundle
from mmseg_ros.inference.routed_backend import RoutedBackend
from mmseg_ros.pipeline import Pipeline
from mmseg_ros.sim.sequence import Drive, DriveFrame

Row = dict[str, Any]


def measure_pipeline(
    bundle_name: str,
    backend_name: str,
    threads: int,
    subsets: Sequence[Sequence[Modality]],
    seconds: float,
    drive: tuple[Drive, Sequence[DriveFrame]],
) -> list[Row]:
    """Return one row per subset, with the median of every stage.

    Args:
        bundle_name: Name or folder.
        backend_name: Name of the backend.
        threads: CPU threads; 0 for all.
        subsets: Modalities that are there.
        seconds: How long each is repeated.
        drive: What `simulated_frames` returned.

    Raises:
        BackendError: The backend cannot run this bundle.
    """
    bundle = load_bundle(bundle_name)
    backend = RoutedBackend(create_runtime(backend_name, threads))
    backend.load(bundle)
    pipeline = Pipeline(bundle, backend, drive[0].rig)
    rows = []
    for subset in subsets:
        sets = [frame_set(frame, subset) for frame in drive[1]]
        pipeline.process(sets[0])
        backend.settle()
        pipeline.process(sets[0])
        stages = StageStatistics()
        upcoming = cycle(sets)

        def process(stages: StageStatistics = stages, upcoming: cycle[Any] = upcoming) -> None:
            stages.add(pipeline.process(next(upcoming)).result.stage_ms)

        times_ms = time_call(process, seconds)
        rows.append(
            {
                'what': 'pipeline',
                'backend': backend.name,
                'precision': backend.precision,
                'subset': subset_name(subset),
                **summary(times_ms),
                'stages_p50_ms': {
                    name: round(values['p50'], 2)
                    for name, values in stages.percentiles_ms().items()
                },
            }
        )
    backend.close()
    return rows
