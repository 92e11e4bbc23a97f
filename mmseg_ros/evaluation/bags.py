"""Scores a bundle on a recording: the live node's collector and pipeline, without ROS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mmseg_ros.bag import replay
from mmseg_ros.bag.calibration import rig_from_bag
from mmseg_ros.bag.proposal import sensors_hint
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.bag.rejected import Rejected
from mmseg_ros.bag.sensor_setup import SensorSetup
from mmseg_ros.core.config import NodeConfig
from mmseg_ros.core.errors import BagError
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import EVENT, LIDAR, RGB, CloudData, FrameSet, Modality
from mmseg_ros.evaluation import pictures
from mmseg_ros.evaluation.scoring import BagScorer, Score, Subset, first_reasons, point_labels
from mmseg_ros.evaluation.truth import LabelSource, Truth
from mmseg_ros.inference.backend import create_backend
from mmseg_ros.inference.bundle import Bundle
from mmseg_ros.inference.deterministic_backend import SettledBackend
from mmseg_ros.metrics.metrics import plain_scores, rounded
from mmseg_ros.metrics.report import Figure
from mmseg_ros.metrics.robustness import robustness_table, subsets_to_score
from mmseg_ros.pipeline import Pipeline, PipelineOutput
from mmseg_ros.projection.extrinsics import load_rig
from mmseg_ros.projection.odometry import Odometry
from mmseg_ros.sync.collector import Collector

METRICS_SCHEMA = 1

Progress = Callable[[int, int], None]
"""Called with the number of frames done and the expected number."""


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """How a recording is scored.

    Attributes:
        subsets: Which sensors are withheld in turn: `none`, `drops` or `all`.
        every: Score every n-th frame.
        calibration: Calibration file; what it lacks comes from the bag. None uses the bag's.
        sensors: Which topic is which sensor, where the recording does not use the node's names.
        config: Parameters of collector, model and event window, as for the node.
        labels: Where the true label images come from.
        figures: Number of frames to draw for the report.
    """

    subsets: str = 'drops'
    every: int = 1
    calibration: Path | None = None
    sensors: SensorSetup = field(default_factory=SensorSetup)
    config: NodeConfig = field(default_factory=NodeConfig)
    labels: LabelSource = field(default_factory=LabelSource)
    figures: int = 3


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came out of one recording.

    Attributes:
        metrics: Plain values, the same in every run: the content of metrics.json.
        stage_ms: Percentiles of the pipeline's stages, per subset of `withheld`.
        figures: Frames kept for the report: what went in and what came out.
    """

    metrics: dict[str, Any]
    stage_ms: dict[Subset, dict[str, dict[str, float]]]
    figures: Sequence[Figure]


def evaluate(
    bag: Path, bundle: Bundle, options: EvaluationOptions, progress: Progress | None = None
) -> Evaluation:
    """Run a bundle over a recording and score it against the truth that the recording holds.

    Raises:
        BagError: The bag cannot be read or holds no sensor that the bundle takes.
        CalibrationError: The calibration is malformed.
        BackendError: The runtime is missing or failed.
    """
    with BagReader(bag) as reader:
        options = replace(options, config=options.sensors.config(options.config))
        topics = _topics(reader, bundle, options.sensors)
        rig = rig_from_bag(
            reader,
            topics,
            given=load_rig(options.calibration) if options.calibration else options.sensors.rig,
            intrinsics=options.config.calibration.intrinsics,
            infos=options.sensors.infos,
        )
        model = options.config.model
        backend = SettledBackend(create_backend(model.backend, model.threads, model.precision))
        backend.load(bundle)
        window_s = options.config.calibration.event_window_s
        truth = Truth(bag, replace(options.labels, camera_topic=topics.get(RGB, '')))
        try:
            backend.warm_up()
            label_space = bundle.manifest.label_space
            present = [name for name in bundle.manifest.modality_names if name in topics]
            subsets = subsets_to_score(present, options.subsets)
            odometry = Odometry() if options.config.calibration.odometry else None
            pipeline = Pipeline(bundle, backend, rig, window_s, odometry)
            scorer = BagScorer(pipeline, label_space, truth, subsets)
            run = _Run(reader, topics, pipeline, options)
            figures = run.feed(scorer, progress)
            metrics = _metrics(reader, bundle, options, scorer, run)
            metrics['options'] |= {'backend': backend.name, 'precision': backend.precision}
        finally:
            truth.close()
            backend.close()
    stages = {name: s.stages.percentiles_ms() for name, s in scorer.withheld.items()}
    return Evaluation(metrics, stages, figures)


class _Run:
    """Takes a bag through the collector into a scorer."""

    def __init__(
        self,
        reader: BagReader,
        topics: dict[Modality, str],
        pipeline: Pipeline,
        options: EvaluationOptions,
    ) -> None:
        self.rejected = Rejected()
        self._options = options
        self._pipeline = pipeline
        self._start_ns = reader.start_ns
        camera = pipeline.rig.cameras.get(EVENT)
        size = (camera.height, camera.width) if camera else (0, 0)
        config = options.config
        self._decoders = replay.decoders_of(topics, size, config.sensors)
        stream = replay.samples(
            reader,
            topics,
            on_rejected=self.rejected,
            odometry=pipeline.odometry,
            decoders=self._decoders,
        )
        window_s = config.calibration.event_window_s
        self._collector = Collector(list(topics), config.sync, config.sensors, window_s)
        self._sets = replay.frame_sets(stream, self._collector)
        self._expected = max(
            (reader.topics[topic].count for name, topic in topics.items() if name != EVENT),
            default=reader.topics[next(iter(topics.values()))].count,
        )

    def feed(self, scorer: BagScorer, progress: Progress | None) -> list[Figure]:
        """Score the frames and return figures of some, spread over the recording."""
        figures: list[Figure] = []
        count = self._options.figures
        wanted = [self._expected * (2 * i + 1) // (2 * count) for i in range(count)]
        for i, frame_set in enumerate(self._sets):
            if i % self._options.every:
                continue
            output = scorer.add(frame_set)
            if output is not None and len(figures) < count and i >= wanted[len(figures)]:
                figures.append(self._figure(frame_set, output, scorer))
            if progress is not None:
                progress(i + 1, max(self._expected, i + 1))
        return figures

    def _figure(self, frame_set: FrameSet, output: PipelineOutput, scorer: BagScorer) -> Figure:
        label_space, result = scorer.label_space, output.result
        outputs = {'labels': pictures.overlay_picture(frame_set, result.labels, label_space)}
        truth = scorer.truth.label_image(frame_set.stamp_ns)
        if truth is not None:
            outputs['truth'] = pictures.overlay_picture(frame_set, truth, label_space)
        sample = frame_set.samples.get(LIDAR)
        if sample is not None and isinstance(sample.payload, CloudData):
            labels = point_labels(result, sample, frame_set, self._pipeline, label_space.ignore_id)
            outputs['labeled points'] = pictures.labelled_cloud_picture(
                sample.payload, labels, label_space
            )
        elapsed_s = (frame_set.stamp_ns - self._start_ns) / 1e9
        inputs = pictures.input_pictures(output.aligned, result.modalities)
        title = f'{elapsed_s:.1f} s into the recording'
        return pictures.set_figure(
            title, inputs, outputs, pictures.legend(result.labels, label_space)
        )

    @property
    def counters(self) -> dict[Modality, dict[str, int]]:
        """Return what the collector did with the samples of each sensor, without zeros."""
        return {
            name: {key: n for key, n in asdict(counts).items() if n and isinstance(n, int)}
            for name, counts in self._collector.counters.sensors.items()
        }

    @property
    def dropped(self) -> dict[Modality, dict[str, int]]:
        """Return the samples that the collector dropped, by sensor and cause."""
        sensors = self._collector.counters.sensors
        return {name: counts.drops for name, counts in sensors.items() if counts.drops}

    @property
    def lost(self) -> dict[Modality, dict[str, int]]:
        """Return what of the samples that were taken could not be used."""
        decoders = self._decoders.items()
        return {name: decoder.losses for name, decoder in decoders if decoder.losses}

    @property
    def intensity(self) -> dict[Modality, str]:
        """Return the scale of each LiDAR's intensity."""
        scales = {name: decoder.intensity for name, decoder in self._decoders.items()}
        return {name: str(scale) for name, scale in scales.items() if scale.name}


def _topics(reader: BagReader, bundle: Bundle, sensors: SensorSetup) -> dict[Modality, str]:
    found = replay.sensor_topics(reader, bundle.manifest.modality_names, sensors.topics)
    if not found:
        raise BagError(
            f'{reader.path} holds no topic of the modalities that {bundle.manifest.name} takes '
            f'({", ".join(bundle.manifest.modality_names)}); its topics: '
            f'{", ".join(sorted(reader.topics)) or "none"}.'
            f'{sensors_hint(reader, bundle.manifest.modality_names)}'
        )
    return found


def _metrics(
    reader: BagReader,
    bundle: Bundle,
    options: EvaluationOptions,
    scorer: BagScorer,
    run: _Run,
) -> dict[str, Any]:
    manifest = bundle.manifest
    return {
        'schema_version': METRICS_SCHEMA,
        'bag': {
            'name': reader.path.name,
            'duration_s': rounded(reader.duration_s),
            'messages': {name: topic.count for name, topic in sorted(reader.topics.items())},
        },
        'bundle': {
            'name': manifest.name,
            'model': manifest.model,
            'modalities': list(manifest.modality_names),
            'precision': manifest.precision,
            'onnx_sha256': manifest.files[bundle.onnx_path.name].sha256,
        },
        'label_space': {
            'id': manifest.label_space.id,
            'fingerprint': manifest.label_space.fingerprint(),
        },
        'options': {
            'subsets': options.subsets,
            'every': options.every,
        },
        'sets': {
            'count': scorer.sets,
            'closed': dict(sorted(scorer.reasons.items())),
            'unusable': dict(sorted(scorer.failed.items())),
            'truth_offset_ns': scorer.truth_offset_ns,
            'labels_sha256': scorer.labels_sha256,
        },
        'collector': run.counters,
        'rejected': first_reasons(scorer.rejected),
        'malformed': first_reasons(run.rejected.causes),
        'dropped': run.dropped,
        'lost': run.lost,
        'intensity': run.intensity,
        'recorded': _scores(_with_total(scorer.recorded, manifest.label_space), manifest),
        'withheld': _scores(scorer.withheld, manifest),
        'robustness': _robustness(scorer.withheld),
    }


def _with_total(recorded: dict[Subset, Score], label_space: LabelSpace) -> dict[Subset, Score]:
    """Return the scores per subset, larger first, after the sum over all frames under ()."""
    total = Score.empty(label_space)
    for score in recorded.values():
        total.pixels.merge(score.pixels)
        total.points.merge(score.points)
        total.sets += score.sets
    return {(): total, **dict(sorted(recorded.items(), key=lambda item: (-len(item[0]), item[0])))}


def _scores(scores: dict[Subset, Score], manifest: Any) -> list[dict[str, Any]]:
    names = manifest.label_space.names
    return [
        {
            'available': list(subset) or 'all frames',
            'sets': score.sets,
            **plain_scores(score.pixels, names),
            'point_miou': rounded(score.points.miou()),
            'point_accuracy': rounded(score.points.accuracy()),
            'pixels': score.pixels.pixels,
            'points': score.points.pixels,
        }
        for subset, score in scores.items()
    ]


def _robustness(withheld: dict[Subset, Score]) -> list[dict[str, Any]]:
    if not withheld:
        return []
    miou = {subset: score.pixels.miou() for subset, score in withheld.items()}
    return [
        {
            'available': list(row.available),
            'missing': list(row.missing),
            'miou': rounded(row.miou),
            'retained': rounded(row.retained),
        }
        for row in robustness_table(next(iter(withheld)), miou)
    ]
