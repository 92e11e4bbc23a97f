"""Scores a bundle on a recording: the live node's collector and pipeline, without ROS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import LIDAR, CloudData
from mmseg_ros.evaluation import pictures
from mmseg_ros.evaluation.bag_metrics import bag_metrics
from mmseg_ros.evaluation.exports import Exports, exports
from mmseg_ros.evaluation.network import loaded_network
from mmseg_ros.evaluation.options import EvaluationOptions
from mmseg_ros.evaluation.point_labels import point_labels
from mmseg_ros.evaluation.replayed import Replayed, replayed
from mmseg_ros.evaluation.scoring import BagScorer, ScoredFrame, Subset
from mmseg_ros.evaluation.stopping import Stopped, never
from mmseg_ros.evaluation.trials import Trial, completed, trials
from mmseg_ros.evaluation.worst import COUNT, WorstFrames, frame_miou
from mmseg_ros.inference.bundle import Bundle
from mmseg_ros.inference.deterministic_backend import SettledBackend
from mmseg_ros.labelling.frame import Frame, usable_samples
from mmseg_ros.metrics.report import Figure
from mmseg_ros.metrics.robustness import subsets_to_score

Progress = Callable[[int, int], None]
"""Called with the number of frames done and the expected number."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came out of one recording.

    Attributes:
        metrics: Plain values, the same in every run: the content of metrics.json.
        stage_ms: Percentiles of the pipeline's stages, per subset of `withheld`.
        figures: Frames kept for the report: what went in and what came out.
        worst: Pictures of the worst frames.
        exported: What was written beside the scores, in some lines.
    """

    metrics: dict[str, Any]
    stage_ms: dict[Subset, dict[str, dict[str, float]]]
    figures: Sequence[Figure]
    worst: Sequence[Figure] = ()
    exported: str = ''


def evaluate(
    bag: Path,
    bundle: Bundle,
    options: EvaluationOptions,
    progress: Progress | None = None,
    stopped: Stopped = never,
) -> Evaluation:
    """Run a bundle over a recording and score it against the truth that the recording holds.

    Args:
        bag: The recording.
        bundle: The network.
        options: How it is scored.
        progress: Told about every frame.
        stopped: Asked after every frame whether to end with what there is.

    Raises:
        BagError: The bag cannot be read or holds no sensor that the bundle takes.
        CalibrationError: The calibration is malformed.
        BackendError: The runtime is missing or failed.
    """
    with loaded_network(bundle, options.config.model) as backend:
        return evaluate_with(backend, bag, bundle, options, progress, stopped)


def evaluate_with(
    backend: SettledBackend,
    bag: Path,
    bundle: Bundle,
    options: EvaluationOptions,
    progress: Progress | None = None,
    stopped: Stopped = never,
) -> Evaluation:
    """Do the same with a network that is loaded; see `evaluate`."""
    with replayed(backend, bag, bundle, options) as opened:
        subsets = subsets_to_score(opened.present, options.subsets)
        scorer = BagScorer(opened.pipeline, bundle.manifest.label_space, opened.truth, subsets)
        with exports(
            options.exports,
            bag,
            bundle.manifest.label_space,
            options.config.output,
            opened.has_lidar,
        ) as exported:
            worst = WorstFrames(COUNT if options.figures else 0)
            figures, ended = _score(opened, scorer, exported, worst, options, progress, stopped)
            exported.is_cut = ended
        drawn = worst.figures()
        metrics = bag_metrics(opened.reader, bundle, scorer, opened.run.use())
    limit_deg = options.config.diagnostics.misalignment_limit_deg
    metrics['misalignment'] = {
        name: {**found.plain(), 'limit_deg': limit_deg, 'exceeds': found.exceeds(limit_deg)}
        for name, found in opened.monitor.report(limit_deg).items()
    }
    metrics['options'] = {
        'subsets': options.subsets,
        'every': options.every,
        'backend': backend.name,
        'precision': backend.precision,
        'aspect': opened.pipeline.aspect,
    }
    metrics['worst'] = worst.plain()
    if ended:
        metrics['interrupted'] = {'frames': scorer.sets}
    stages = {name: s.stages.percentiles_ms() for name, s in scorer.withheld.items()}
    return Evaluation(metrics, stages, figures, drawn, exported.text(options.exports))


def _score(
    opened: Replayed,
    scorer: BagScorer,
    exported: Exports,
    worst: WorstFrames,
    options: EvaluationOptions,
    progress: Progress | None,
    stopped: Stopped,
) -> tuple[list[Figure], bool]:
    """Score the frames; return figures of some, spread over the recording, and if it was stopped.

    Args:
        opened: The recording.
        scorer: Takes the frames.
        exported: Takes them too.
        worst: Takes those with the lowest scores.
        options: How many figures, and which moments.
        progress: Told about every frame.
        stopped: Asked after every frame.
    """
    figures: list[Figure] = []
    count, moments = options.figures, options.moments
    expected = opened.run.expected if moments is None else len(moments)
    seen = 0
    wanted = [expected * (2 * i + 1) // (2 * count) for i in range(count)]
    for trial, output in completed(_trials(opened, scorer, options), opened.pipeline):
        frame, i = scorer.take(trial, output), trial.number
        if not trial.is_last:
            continue
        if frame is not None:
            exported.add(_frame(frame, opened, scorer.label_space))
            _offer(worst, frame, scorer, opened)
            if len(figures) < count and i >= wanted[len(figures)]:
                figures.append(_figure(frame, scorer, opened))
        seen = i + 1 if moments is None else seen + 1
        if progress is not None:
            progress(seen, max(expected, seen))
        if stopped():
            return figures, True
    return figures, False


def _trials(opened: Replayed, scorer: BagScorer, options: EvaluationOptions) -> Iterator[Trial]:
    """Yield the frames to score; the monitor of the extrinsics looks at some."""
    pipeline, subsets = opened.pipeline, tuple(scorer.withheld)
    for i, frame_set in opened.run.frames():
        if options.looks and i % max(1, opened.run.expected // options.looks) == 0:
            opened.monitor.add(frame_set, pipeline.rig, pipeline.odometry)
        yield from trials(i, frame_set, pipeline, subsets)


def _offer(worst: WorstFrames, frame: ScoredFrame, scorer: BagScorer, opened: Replayed) -> None:
    """Offer a frame by its mIoU; without ground truth by its mean confidence."""
    value, name = frame_miou(scorer.frames[-1]), 'mIoU'
    if np.isnan(value) and not len(opened.truth.labels.stamps_ns):
        value, name = float(frame.output.result.confidence.mean()) / 255, 'mean confidence'
    worst.offer(
        value,
        str(frame.frame_set.stamp_ns),
        lambda: _figure(frame, scorer, opened, f': {name} {value:.3f}', False),
    )


def _frame(frame: ScoredFrame, opened: Replayed, label_space: LabelSpace) -> Frame:
    used = usable_samples(frame.frame_set, frame.output.rejected)
    rig = opened.pipeline.rig
    return Frame(used, frame.output.result, rig, label_space, geometry=frame.geometry)


def _figure(
    frame: ScoredFrame,
    scorer: BagScorer,
    opened: Replayed,
    remark: str = '',
    with_points: bool = True,
) -> Figure:
    frame_set, label_space, result = frame.frame_set, scorer.label_space, frame.output.result
    outputs = {'labels': pictures.overlay_picture(frame_set, result.labels, label_space)}
    if frame.truth.image is not None:
        outputs['truth'] = pictures.overlay_picture(frame_set, frame.truth.image, label_space)
    sample = frame_set.samples.get(LIDAR) if with_points else None
    if sample is not None and isinstance(sample.payload, CloudData):
        ignore_id = label_space.ignore_id
        labels = point_labels(result, sample, frame_set, frame.geometry, ignore_id)
        outputs['labeled points'] = pictures.labelled_cloud_picture(
            sample.payload, labels, label_space
        )
    elapsed_s = (frame_set.stamp_ns - opened.reader.start_ns) / 1e9
    inputs = pictures.input_pictures(frame.output.aligned, result.modalities)
    title = f'{elapsed_s:.1f} s into the recording{remark}'
    return pictures.set_figure(title, inputs, outputs, pictures.legend(result.labels, label_space))
