"""What a configured node holds: the network, the calibration and the publishers."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import LifecycleNode

from mmseg_ros.core.config import NodeConfig
from mmseg_ros.core.errors import BackendError, MmsegError
from mmseg_ros.core.subsets import subset_name
from mmseg_ros.core.timing import StageStatistics, StageTimer, StageWatch
from mmseg_ros.core.types import FrameSet, Modality, SegmentationResult
from mmseg_ros.core.unexpected import reason_of
from mmseg_ros.inference.backend import Backend
from mmseg_ros.inference.bundle import Bundle
from mmseg_ros.labelling.frame import Frame, usable_samples
from mmseg_ros.pipeline import Pipeline, Prepared
from mmseg_ros.projection.odometry import Odometry
from mmseg_ros.ros.calibration import Calibration
from mmseg_ros.ros.inputs import info_topic
from mmseg_ros.ros.loading import Plan
from mmseg_ros.ros.network import Network
from mmseg_ros.ros.outputs import Outputs
from mmseg_ros.ros.referring_node import Referring
from mmseg_ros.ros.throttle import Throttle

Reject = Callable[[Modality, str], None]


@dataclass(slots=True)
class Statistics:
    """What became of the frames that reached the worker.

    Attributes:
        published: Frames whose results were published. idle: Frames that nobody wanted.
        subsets: Published frames per combination of modalities, such as `rgb+lidar`.
        failures: Frames without a result, per cause.
        last_failure: The last cause in full; empty after a success.
        stages: Milliseconds per stage; `latency` is from the newest sample's receipt to the end.
    """

    published: int = 0
    idle: int = 0
    subsets: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    last_failure: str = ''
    stages: StageStatistics = field(default_factory=StageStatistics)


@dataclass(frozen=True, slots=True)
class Ready:
    """One frame, prepared for a network, which it holds until it is finished."""

    network: Network
    pipeline: Pipeline
    prepared: Prepared


class Session:
    """The configured parts of the node. `prepare` and `finish` run in the worker's two threads.

    Attributes:
        statistics: Counters for diagnostics. watch: Stages under way.
        calibration: The rig. outputs: The publishers.
        referring: Takes expressions, beside the labels.
        odometry: Poses of the vehicle, as far as they come.
        is_loading: Whether another network is being loaded.
    """

    def __init__(
        self,
        node: LifecycleNode,
        settings: Plan,
        network: Network,
        modalities_message: Callable[[Frame], DiagnosticArray],
    ) -> None:
        """Create the publishers."""
        config = settings.config
        self.statistics = Statistics()
        self.watch = StageWatch()
        self.is_loading = False
        self._is_settling = False
        self.kinds = settings.kinds
        self._network = network
        self._swapping = threading.Lock()
        self._replaced: list[Network] = []
        self._announced: Network | None = None
        self.calibration = Calibration(
            settings.rig,
            config.calibration,
            self.kinds,
            lambda name: str(node.resolve_topic_name(info_topic(name, config.sensors[name]))),
        )
        self.odometry = Odometry()
        self._now_ns: Callable[[], int] = lambda: int(node.get_clock().now().nanoseconds)
        self._is_running: Callable[[], bool] = node.context.ok
        self._error = Throttle(lambda text: node.get_logger().error(text))
        self._config = config.output
        self._event_window_s = config.calibration.event_window_s
        self._aspect = config.model.aspect
        self._pipeline = self._new_pipeline(network)
        self.outputs = Outputs(node, config.output, config.ground, modalities_message)
        self.referring = Referring(node, config, lambda: self.calibration.rig)

    def tune(self, before: NodeConfig, config: NodeConfig) -> None:
        """Take over changed live parameters, from the next frame on."""
        if (config.output, config.ground) != (before.output, before.ground):
            self._config = config.output
            self.outputs.tune(config.output, config.ground)
            self.referring.outputs.config = config.output
        if config.calibration.event_window_s != before.calibration.event_window_s:
            self._event_window_s = config.calibration.event_window_s
            with self._swapping:
                self._pipeline = self._new_pipeline(self._network)

    @property
    def bundle(self) -> Bundle:
        """Return the bundle that the next frame is prepared for."""
        return self._network.bundle

    @property
    def backend(self) -> Backend:
        """Return what runs it."""
        return self._network.backend

    @property
    def unconnected(self) -> tuple[Modality, ...]:
        """Return its inputs that no enabled sensor feeds."""
        return self._network.unconnected

    def use(self, network: Network) -> Network:
        """Prepare the next frame for another network; frames at hand are finished by their own.

        Returns:
            The network so far. The caller frees it; `close` does so too.

        Raises:
            BundleError: It asks for an encoding that this version does not have.
        """
        pipeline = self._new_pipeline(network)
        with self._swapping:
            replaced, self._network, self._pipeline = self._network, network, pipeline
            self._replaced = [n for n in self._replaced if not n.closed] + [replaced]
        self._is_settling = True
        return replaced

    def is_switching(self) -> bool:
        """Return whether another network is being loaded, or graphs of the one that came last.

        Both slow the network down.
        """
        if self._is_settling and not self.is_loading:
            self._is_settling = not self._network.backend.settle(0.0)
        return self.is_loading or self._is_settling

    def announce(self) -> None:
        """Send the class names of the present network; the node must be active."""
        self._announced = self._network
        self.outputs.publish_label_info(self._network.bundle.manifest.label_space)

    def prepare(self, frame_set: FrameSet, reject: Reject) -> Ready | None:
        """Align and encode one frame if a result is subscribed to; never raises.

        Args:
            frame_set: The samples.
            reject: Told about each sample that the pipeline could not use.
        """
        with self._guarded():
            if not self.outputs.wanted():
                self.statistics.idle += 1
                return None
            with self._swapping:
                network, pipeline = self._network, self._pipeline
                network.hold()
            try:
                prepared = pipeline.prepare(
                    frame_set, self.calibration.rig, self.outputs.need_surface(frame_set)
                )
            except BaseException:
                network.let_go()
                raise
            for modality, reason in prepared.rejected.items():
                reject(modality, reason)
            return Ready(network, pipeline, prepared)
        return None

    def finish(self, ready: Ready) -> None:
        """Segment a prepared frame and publish what is subscribed to; never raises."""
        try:
            with self._guarded():
                self._finish(ready)
        finally:
            ready.network.let_go()

    def _new_pipeline(self, network: Network) -> Pipeline:
        return Pipeline(
            network.bundle,
            network.backend,
            self.calibration.rig,
            self._event_window_s,
            self.odometry,
            self.watch,
            aspect=self._aspect,
        )

    def close(self) -> None:
        """Free the network and the publishers."""
        self.outputs.close()
        self.referring.close()
        for network in (*self._replaced, self._network):
            network.close()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Count and tell what goes wrong with one frame."""
        try:
            yield
        except BackendError as error:
            self._fail('inference', str(error))
        except MmsegError as error:
            self._fail('no usable sample', str(error))
        except Exception as error:  # one frame must never end the node
            if not self._is_running():  # a signal has closed the publishers under this frame
                return
            self._fail(type(error).__name__, reason_of(error, 'processing'))

    def _finish(self, ready: Ready) -> None:
        prepared = ready.prepared
        output = ready.pipeline.complete(prepared)
        frame_set = usable_samples(prepared.frame_set, output.rejected)
        label_space = ready.network.bundle.manifest.label_space
        result = self._masked(output.result, label_space.ignore_id)
        frame = Frame(frame_set, result, prepared.rig, label_space, geometry=prepared.geometry)
        timer = StageTimer(self.watch)
        with timer.stage('publish'):
            if ready.network is not self._announced:  # the first frame of another network
                self._announced = ready.network
                self.outputs.publish_label_info(label_space)
            self.outputs.publish(frame)
        self._count(frame, timer)

    def _masked(self, result: SegmentationResult, ignore_id: int) -> SegmentationResult:
        """Give pixels of too little confidence the ignored id."""
        least = self._config.min_confidence
        if least == 0:
            return result
        labels = np.where(result.confidence < least, ignore_id, result.labels)
        return replace(result, labels=labels.astype(result.labels.dtype))

    def _count(self, frame: Frame, timer: StageTimer) -> None:
        result, statistics = frame.result, self.statistics
        names = [n for n, there in zip(result.modalities, result.available, strict=True) if there]
        statistics.subsets[subset_name(names)] += 1
        statistics.published += 1
        statistics.last_failure = ''
        received_ns = [s.received_ns for s in frame.frame_set.samples.values() if s.received_ns]
        latency_ms = (self._now_ns() - max(received_ns)) / 1e6 if received_ns else 0.0
        statistics.stages.add({**result.stage_ms, **timer.stage_ms, 'latency': latency_ms})

    def _fail(self, cause: str, text: str) -> None:
        self.statistics.failures[cause] += 1
        self.statistics.last_failure = text
        self._error(text)
