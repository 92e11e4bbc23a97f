"""Frames on their way through the network, which works while others are read and scored."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from mmseg_ros.core.subsets import Subset
from mmseg_ros.core.types import LIDAR, FrameSet, Modality
from mmseg_ros.pipeline import Pipeline, PipelineOutput, Prepared
from mmseg_ros.projection.odometry import Odometry


@dataclass(frozen=True, slots=True)
class Trial:
    """One frame as the network gets it: as it was recorded, or without some sensors.

    Attributes:
        number: Of the frame, among all of the recording.
        frame_set: The samples.
        subset: The sensors that are left; None takes the frame as it was recorded.
        prepared: What goes into the network, or why nothing can.
        odometry: The motion of the vehicle as far as it was known then.
        is_last: Whether no other trial of this frame follows.
    """

    number: int
    frame_set: FrameSet
    subset: Subset | None
    prepared: Prepared | Exception
    odometry: Odometry | None
    is_last: bool


def trials(
    number: int, frame_set: FrameSet, pipeline: Pipeline, subsets: Sequence[Subset]
) -> Iterator[Trial]:
    """Yield a frame as recorded and, if it has all sensors, with each of the other subsets.

    Args:
        number: Of the frame.
        frame_set: Its samples.
        pipeline: Aligns and encodes them.
        subsets: The full set first; empty for the frame as recorded alone.
    """
    odometry = None if pipeline.odometry is None else pipeline.odometry.snapshot()
    whole = _prepared(pipeline, frame_set)
    parts: Sequence[Subset] = ()
    if isinstance(whole, Prepared) and subsets and tuple(_given(whole, pipeline)) == subsets[0]:
        parts = subsets[1:]
    yield Trial(number, frame_set, None, whole, odometry, not parts)
    for i, subset in enumerate(parts, 1):
        samples = {n: s for n, s in frame_set.samples.items() if n in subset}
        part = replace(frame_set, samples=samples)
        yield Trial(number, part, subset, pipeline.prepare(part), odometry, i == len(parts))


def completed(
    items: Iterable[Trial], pipeline: Pipeline
) -> Iterator[tuple[Trial, PipelineOutput | Exception]]:
    """Yield trials in their order, each with what came out or why nothing did.

    The network runs in a thread: on one trial while the caller scores the one before and the
    next one is read and prepared.
    """
    with ThreadPoolExecutor(1, 'network') as network:
        waiting: deque[tuple[Trial, Future[PipelineOutput]]] = deque()
        for trial in items:
            waiting.append((trial, network.submit(_complete, pipeline, trial.prepared)))
            if len(waiting) > 1:
                yield _result(*waiting.popleft())
        while waiting:
            yield _result(*waiting.popleft())


def _prepared(pipeline: Pipeline, frame_set: FrameSet) -> Prepared | Exception:
    try:
        # The outputs ask for depth at the size of the labels where there are points to label.
        return pipeline.prepare(frame_set, with_surface=LIDAR in frame_set.samples)
    except Exception as error:  # whatever one frame raises, the recording goes on
        return error


def _complete(pipeline: Pipeline, prepared: Prepared | Exception) -> PipelineOutput:
    if isinstance(prepared, Exception):
        raise prepared
    return pipeline.complete(prepared)


def _result(
    trial: Trial, future: Future[PipelineOutput]
) -> tuple[Trial, PipelineOutput | Exception]:
    error = future.exception()
    if isinstance(error, Exception):
        return trial, error
    return trial, future.result()


def _given(prepared: Prepared, pipeline: Pipeline) -> list[Modality]:
    names = pipeline.bundle.manifest.modality_names
    return [name for name, used in zip(names, prepared.available, strict=True) if used]
