"""A recording taken through the live node's collector, ready for a pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from mmseg_ros.bag import replay
from mmseg_ros.bag.calibration import rig_from_bag
from mmseg_ros.bag.proposal import sensors_hint
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.bag.rejected import Rejected
from mmseg_ros.bag.sensor_setup import SensorSetup
from mmseg_ros.core.config import NodeConfig, SensorConfig
from mmseg_ros.core.errors import BagError
from mmseg_ros.core.modalities import kind_of
from mmseg_ros.core.types import EVENT, LIDAR, RGB, FrameSet, Modality
from mmseg_ros.evaluation.bag_metrics import Use
from mmseg_ros.evaluation.faulty_reader import FaultyBagReader
from mmseg_ros.evaluation.options import EvaluationOptions
from mmseg_ros.evaluation.truth import Truth
from mmseg_ros.inference.backend import Backend
from mmseg_ros.inference.bundle import Bundle
from mmseg_ros.pipeline import Pipeline
from mmseg_ros.projection.extrinsics import Rig, load_rig
from mmseg_ros.projection.misalignment_monitor import MisalignmentMonitor
from mmseg_ros.projection.odometry import Odometry
from mmseg_ros.sync.collector import Collector


@dataclass(frozen=True, slots=True)
class Replayed:
    """An open recording and all that runs over it.

    Attributes:
        reader: The recording. truth: Its ground truth.
        pipeline: Aligns, encodes and segments its frames.
        present: The bundle's modalities that the recording holds, in order.
        has_lidar: Whether one of them is a LiDAR.
        run: Yields the frames.
        monitor: Judges the extrinsics.
    """

    reader: BagReader
    truth: Truth
    pipeline: Pipeline
    present: tuple[Modality, ...]
    has_lidar: bool
    run: Run
    monitor: MisalignmentMonitor = field(default_factory=MisalignmentMonitor)


@contextmanager
def replayed(
    backend: Backend, bag: Path, bundle: Bundle, options: EvaluationOptions
) -> Iterator[Replayed]:
    """Open a recording for one run of a network that is loaded.

    Raises:
        BagError: The bag cannot be read or holds no sensor that the bundle takes.
        CalibrationError: The calibration is malformed.
    """
    schedule = options.disturbance.schedule
    with ExitStack() as stack:
        reader = stack.enter_context(
            FaultyBagReader(bag, schedule) if schedule else BagReader(bag)
        )
        options = replace(options, config=options.sensors.config(options.config))
        topics = topics_of(reader, bundle, options.sensors)
        rig = options.disturbance.rig(_rig(reader, topics, options))
        truth = Truth(bag, replace(options.labels, camera_topic=topics.get(RGB, '')))
        stack.callback(truth.close)
        calibration = options.config.calibration
        odometry = Odometry() if calibration.odometry else None
        pipeline = Pipeline(
            bundle,
            backend,
            rig,
            calibration.event_window_s,
            odometry,
            aspect=options.config.model.aspect,
        )
        present = tuple(name for name in bundle.manifest.modality_names if name in topics)
        run = Run(reader, topics, pipeline, truth, options)
        has_lidar = any(is_lidar(name, options.config) for name in present)
        yield Replayed(reader, truth, pipeline, present, has_lidar, run)


def _rig(reader: BagReader, topics: dict[Modality, str], options: EvaluationOptions) -> Rig:
    return rig_from_bag(
        reader,
        topics,
        given=load_rig(options.calibration) if options.calibration else options.sensors.rig,
        intrinsics=options.config.calibration.intrinsics,
        infos=options.sensors.infos,
    )


class Run:
    """Takes a bag through the collector.

    Attributes:
        rejected: Messages that could not be read.
        expected: About how many frames there will be.
    """

    def __init__(
        self,
        reader: BagReader,
        topics: dict[Modality, str],
        pipeline: Pipeline,
        truth: Truth,
        options: EvaluationOptions,
    ) -> None:
        self.rejected = Rejected()
        self._options = options
        self._truth = truth
        camera = pipeline.rig.cameras.get(EVENT)
        size = (camera.height, camera.width) if camera else (0, 0)
        config = options.config
        self._decoders = replay.decoders_of(topics, size, config.sensors)
        stream = replay.samples(
            reader,
            topics,
            on_rejected=self.rejected,
            span_ns=options.span_ns,
            odometry=pipeline.odometry,
            decoders=self._decoders,
            beside=truth.passing(),
        )
        window_s = config.calibration.event_window_s
        self._collector = Collector(list(topics), config.sync, config.sensors, window_s)
        self._sets = replay.frame_sets(options.disturbance.samples(stream), self._collector)
        # The camera names the frames while it is there; a faster sensor makes no more of them.
        counts = {name: reader.topics[topic].count for name, topic in topics.items()}
        steady = {name: n for name, n in counts.items() if name != EVENT} or counts
        self.expected = counts.get(pipeline.rig.reference) or max(steady.values())

    def frames(self) -> Iterator[tuple[int, FrameSet]]:
        """Yield the frames to score, each with its number among all frames."""
        for i, frame_set in enumerate(self._sets):
            if i % self._options.every == 0 and self._is_wanted(frame_set):
                yield i, frame_set

    def _is_wanted(self, frame_set: FrameSet) -> bool:
        moments = self._options.moments
        if moments is None:
            return True
        index = self._truth.labels.nearest(frame_set.stamp_ns)
        return index is not None and int(self._truth.labels.stamps_ns[index]) in moments

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


def is_lidar(name: Modality, config: NodeConfig) -> bool:
    """Return whether a sensor is a LiDAR."""
    return kind_of(name, config.sensors.get(name, SensorConfig()).kind) == LIDAR


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
