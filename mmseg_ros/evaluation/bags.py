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
from mmseg_ros.core.types import EVENT, LIDAR, RGB, CloudData, FrameSet, Modality
from mmseg_ros.evaluation import pictures
from mmseg_ros.evaluation.bag_metrics import Use, bag_metrics
from mmseg_ros.evaluation.disturbance import Disturbance
from mmseg_ros.evaluation.faulty_reader import FaultyBagReader
from mmseg_ros.evaluation.scoring import BagScorer, Subset, point_labels
from mmseg_ros.evaluation.truth import LabelSource, Truth
from mmseg_ros.inference.backend import create_backend
from mmseg_ros.inference.bundle import Bundle
from mmseg_ros.inference.deterministic_backend import SettledBackend
from mmseg_ros.metrics.report import Figure
from mmseg_ros.metrics.robustness import subsets_to_score
from mmseg_ros.pipeline import Pipeline, PipelineOutput
from mmseg_ros.projection.extrinsics import load_rig
from mmseg_ros.projection.odometry import Odometry
from mmseg_ros.sync.collector import Collector

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
        disturbance: What is made worse before it is scored.
    """

    subsets: str = 'drops'
    every: int = 1
    calibration: Path | None = None
    sensors: SensorSetup = field(default_factory=SensorSetup)
    config: NodeConfig = field(default_factory=NodeConfig)
    labels: LabelSource = field(default_factory=LabelSource)
    figures: int = 3
    disturbance: Disturbance = field(default_factory=Disturbance)


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
    schedule = options.disturbance.schedule
    with FaultyBagReader(bag, schedule) if schedule else BagReader(bag) as reader:
        options = replace(options, config=options.sensors.config(options.config))
        topics = topics_of(reader, bundle, options.sensors)
        rig = rig_from_bag(
            reader,
            topics,
            given=load_rig(options.calibration) if options.calibration else options.sensors.rig,
            intrinsics=options.config.calibration.intrinsics,
            infos=options.sensors.infos,
        )
        rig = options.disturbance.rig(rig)
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
            metrics = bag_metrics(reader, bundle, scorer, run.use())
            metrics['options'] = {
                'subsets': options.subsets,
                'every': options.every,
                'backend': backend.name,
                'precision': backend.precision,
            }
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
        self._sets = replay.frame_sets(options.disturbance.samples(stream), self._collector)
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

    def use(self) -> Use:
        """Return what became of the samples of the bag."""
        sensors = self._collector.counters.sensors
        decoders = self._decoders.items()
        intensity = {name: decoder.intensity for name, decoder in decoders}
        return Use(
            collector={
                name: {key: n for key, n in asdict(counts).items() if n and isinstance(n, int)}
                for name, counts in sensors.items()
            },
            rejected=self.rejected.causes,
            dropped={name: counts.drops for name, counts in sensors.items() if counts.drops},
            lost={name: decoder.losses for name, decoder in decoders if decoder.losses},
            intensity={name: str(scale) for name, scale in intensity.items() if scale.name},
        )


def topics_of(reader: BagReader, bundle: Bundle, sensors: SensorSetup) -> dict[Modality, str]:
    """Return the topics of a bag that a bundle takes, by modality.

    Raises:
        BagError: There is none of them.
    """
    found = replay.sensor_topics(reader, bundle.manifest.modality_names, sensors.topics)
    if not found:
        raise BagError(
            f'{reader.path} holds no topic of the modalities that {bundle.manifest.name} takes '
            f'({", ".join(bundle.manifest.modality_names)}); its topics: '
            f'{", ".join(sorted(reader.topics)) or "none"}.'
            f'{sensors_hint(reader, bundle.manifest.modality_names)}'
        )
    return found
