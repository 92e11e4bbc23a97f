"""What a frame costs from its messages to the published ones, in CPU time, stage by stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import cycle
from typing import Any

from mmseg_ros.bag import builders
from mmseg_ros.benchmark.real_size import real_size
from mmseg_ros.benchmark.timing import MIN_REPETITIONS
from mmseg_ros.core.freed_memory import keep_freed_memory
from mmseg_ros.core.modalities import kind_of
from mmseg_ros.core.subsets import subset_name
from mmseg_ros.core.timing import StageStatistics, StageTimer
from mmseg_ros.core.types import (
    CloseReason,
    CloudData,
    EventData,
    FrameSet,
    Modality,
    SensorSample,
)
from mmseg_ros.inference.backend import create_runtime
from mmseg_ros.inference.bundle import load_bundle
from mmseg_ros.inference.routed_backend import RoutedBackend
from mmseg_ros.messages import SensorDecoder
from mmseg_ros.pipeline import Pipeline, PipelineOutput
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.sim.sequence import Drive, DriveFrame

Row = dict[str, Any]
Message = tuple[SensorSample, str, Any]
Publish = Callable[[FrameSet, PipelineOutput, Rig], None]

INFER = 'infer'


def measure_path(
    bundle_name: str,
    backend_name: str,
    threads: int,
    subsets: Sequence[Sequence[Modality]],
    seconds: float,
    drive: tuple[Drive, Sequence[DriveFrame]],
) -> list[Row]:
    """Return one row per subset and size: CPU milliseconds per frame and each stage's share.

    CPU time is that of the whole process, the threads of the runtime included, so a loaded
    machine changes it little. Messages are decoded as the node decodes them; publishing is
    building labels and labeled points and writing them as DDS takes them. The allocator is set as
    in the node: without that, every cloud is written to fresh pages.

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
    keep_freed_memory()
    bundle = load_bundle(bundle_name)
    backend = RoutedBackend(create_runtime(backend_name, threads))
    backend.load(bundle)
    rows = []
    for size in ('simulated', '1280x720'):
        frames, rig = _frames(drive, size)
        pipeline = Pipeline(bundle, backend, rig, clock_ns=time.process_time_ns)
        publish = _publisher(bundle.manifest.label_space)
        for subset in subsets:
            messages = [_messages(samples, subset) for samples in frames]
            stages = _repeated(pipeline, publish, messages, seconds, backend.settle)
            rows.append(
                {
                    'what': 'path',
                    'backend': backend.name,
                    'precision': backend.precision,
                    'subset': subset_name(subset),
                    'mode': size,
                    **row_of(stages),
                }
            )
    backend.close()
    return rows


def row_of(stages: Mapping[str, float]) -> Row:
    """Return the total, what comes besides the network, and each stage with its share.

    >>> row_of({'decode': 1.0, 'infer': 3.0})['shares']
    {'decode': 0.25, 'infer': 0.75}
    """
    total = sum(stages.values())
    return {
        'p50_ms': round(total, 2),
        'overhead_cpu_ms': round(total - stages.get(INFER, 0.0), 2),
        'stages_p50_ms': {name: round(value, 2) for name, value in stages.items()},
        'shares': {name: round(value / total, 3) for name, value in stages.items()},
    }


def _frames(
    drive: tuple[Drive, Sequence[DriveFrame]], size: str
) -> tuple[list[Mapping[Modality, SensorSample]], Rig]:
    rig = drive[0].rig
    if size == 'simulated':
        return [frame.samples for frame in drive[1]], rig
    scaled = [real_size(frame.samples, rig) for frame in drive[1]]
    return [samples for samples, _ in scaled], scaled[0][1]


def _messages(
    samples: Mapping[Modality, SensorSample], subset: Sequence[Modality]
) -> list[Message]:
    present = [samples[name] for name in subset if name in samples]
    return [(sample, *builders.sample_message(_stamped(sample))) for sample in present]


def _stamped(sample: SensorSample) -> SensorSample:
    """Return events with the stamp of the first one: messages tell times since their stamp."""
    events = sample.payload
    if isinstance(events, EventData) and len(events.stamp_ns):
        return replace(sample, stamp_ns=int(events.stamp_ns[0]))
    return sample


def _repeated(
    pipeline: Pipeline,
    publish: Publish,
    frames: Sequence[Sequence[Message]],
    seconds: float,
    settle: Callable[[], object],
) -> dict[str, float]:
    """Return the median of every stage, in milliseconds of CPU time."""
    rig = pipeline.rig
    decoders = {
        sample.modality: _decoder(sample.modality, rig) for frame in frames for sample, *_ in frame
    }
    statistics = StageStatistics(window=100_000)
    upcoming, count = cycle(frames), 0
    _process(pipeline, publish, decoders, next(upcoming))
    settle()
    _process(pipeline, publish, decoders, next(upcoming))
    end_s = time.perf_counter() + seconds
    while time.perf_counter() < end_s or count < MIN_REPETITIONS:
        statistics.add(_process(pipeline, publish, decoders, next(upcoming)))
        count += 1
    return {name: found['p50'] for name, found in statistics.percentiles_ms().items()}


def _process(
    pipeline: Pipeline,
    publish: Publish,
    decoders: Mapping[Modality, SensorDecoder],
    messages: Sequence[Message],
) -> dict[str, float]:
    timer = StageTimer(clock_ns=time.process_time_ns)
    with timer.stage('decode'):
        samples = {
            sample.modality: SensorSample(
                sample.modality,
                sample.stamp_ns,
                sample.frame_id,
                decoders[sample.modality].payload(type_name, message),
            )
            for sample, type_name, message in messages
        }
    reference = next(iter(samples))
    stamp_ns = samples[reference].stamp_ns
    frame_set = FrameSet(reference, stamp_ns, samples, tuple(samples), CloseReason.COMPLETE)
    has_cloud = any(isinstance(s.payload, CloudData) for s in samples.values())
    output = pipeline.process(frame_set, with_surface=has_cloud)
    with timer.stage('publish'):
        publish(frame_set, output, pipeline.rig)
    return {'decode': timer.stage_ms['decode'], **output.result.stage_ms, **timer.stage_ms}


def _decoder(modality: Modality, rig: Rig) -> SensorDecoder:
    camera = rig.cameras.get(modality)
    size = (0, 0) if camera is None else (camera.height, camera.width)
    return SensorDecoder(kind_of(modality), lambda: size)


def _publisher(label_space: Any) -> Publish:
    """Return what builds the messages of a result and writes them as DDS takes them."""
    from rclpy.serialization import serialize_message

    from mmseg_ros.labelling.frame import Frame
    from mmseg_ros.ros.conversions import cloud_message, header_of, image_message

    def publish(frame_set: FrameSet, output: PipelineOutput, rig: Rig) -> None:
        result = output.result
        frame = Frame(frame_set, result, rig, label_space, geometry=output.geometry)
        header = header_of(result.stamp_ns, result.frame_id)
        serialize_message(image_message(header, result.labels, 'mono8'))
        cloud: Any = None if frame.lidar is None else frame.lidar.payload
        if cloud is not None:
            points = frame.labelled_points()
            serialize_message(cloud_message(header, points, cloud.height, cloud.width))

    return publish
