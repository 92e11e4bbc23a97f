"""What an active node runs: subscriptions, intake, collector and the worker thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rclpy.clock import Clock, ClockType, JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.node import Node

from mmseg_ros.core.config import NodeConfig
from mmseg_ros.core.types import FrameSet, Modality, SensorSample
from mmseg_ros.ros.calibration_watch import CalibrationWatch
from mmseg_ros.ros.deadline_timer import DeadlineTimer
from mmseg_ros.ros.frame_slot import FrameSlot
from mmseg_ros.ros.inputs import data_candidates, info_candidates
from mmseg_ros.ros.intake import Intake
from mmseg_ros.ros.odometry_input import OdometryInput
from mmseg_ros.ros.overlapped_worker import OverlappedWorker
from mmseg_ros.ros.session import Ready, Session
from mmseg_ros.ros.silence import Silence
from mmseg_ros.ros.subscriptions import AdaptiveSubscription
from mmseg_ros.ros.throttle import Throttle
from mmseg_ros.ros.transform_frames import TransformFrames
from mmseg_ros.sync.collector import Collector

_GRAPH_POLL_S = 0.5
_INFO_DEPTH = 5
_STOP_TIMEOUT_S = 10.0
_JUMP_BACK = JumpThreshold(
    min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True
)


class Stream:
    """From messages to the worker; everything but the worker runs in the executor's thread.

    Attributes:
        modalities: Enabled sensors; those of the network first, in its order.
        intake: Decoding and rejections. collector: Frames. worker: Threads that run the network.
        inputs: Data subscription per sensor. infos: CameraInfo subscription per camera.
        odometry: Subscription to the vehicle's motion.
        calibration_watch: How far the extrinsics are off.
        frames: Reader of /tf_static and /tf where the calibration lacks poses, else None.
        jumps: How often the clock jumped back. silence: Whether results come.
    """

    def __init__(self, node: Node, config: NodeConfig, session: Session) -> None:
        self._node = node
        self._config = config
        self.jumps = 0
        self.silence = Silence()
        self.modalities = _modalities(config, session)
        # A lambda of its own: rclpy rejects two severities from one line of code.
        warn = Throttle(lambda text: node.get_logger().warning(text))
        use_tf = session.calibration.lacks_pose(self.modalities)
        self.frames = TransformFrames(node, session.calibration, warn) if use_tf else None
        join = self.frames.T if self.frames is not None else lambda target, source: None
        self.intake = Intake(
            session.calibration, self._deliver, self.now_ns, warn, self._on_frame, join
        )
        self.collector = self._new_collector()
        self._referring = session.referring
        self.calibration_watch = CalibrationWatch(
            lambda: session.calibration.rig, session.odometry, config.diagnostics
        )
        self._subscribe(session)
        self.odometry = OdometryInput(node, config.calibration.odometry, session.odometry, warn)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._deadline = DeadlineTimer(node, self._advance)
        self._graph = node.create_timer(_GRAPH_POLL_S, self._refresh, clock=steady)
        self._referring.start()
        self._slot = FrameSlot(config.sync.max_age_s, session.is_switching)
        # What is no entity of the node comes last, when nothing can fail any more.
        self.worker: OverlappedWorker[FrameSet, Ready] = OverlappedWorker(
            'mmseg_worker',
            lambda frame_set: session.prepare(frame_set, self.intake.reject),
            session.finish,
            self._slot,
        )
        self._jump = node.get_clock().create_jump_callback(_JUMP_BACK, post_callback=self._on_jump)
        self._advance()

    def now_ns(self) -> int:
        """Return the node's clock, which follows /clock under use_sim_time."""
        return int(self._node.get_clock().now().nanoseconds)

    def tune(self, before: NodeConfig, config: NodeConfig) -> None:
        """Take over changed live parameters; health and counters of the sensors stay."""
        self._config = config
        self._slot.tune(config.sync.max_age_s)
        self.calibration_watch.tune(config.diagnostics)
        window_s = config.calibration.event_window_s
        if (before.sync, before.sensors, before.calibration.event_window_s) != (
            config.sync,
            config.sensors,
            window_s,
        ):
            sensors = {name: config.sensors[name] for name in self.modalities}
            self._emit(self.collector.retune(config.sync, sensors, window_s))

    def why_no_frame(self) -> str:
        """Return the stage that keeps samples from the worker, and what it says."""
        newest = max(
            self.intake.rejections.items(), key=lambda item: item[1].last_ns, default=None
        )
        if newest is not None and not self.collector.counters.subsets:
            return f"stage 'decode' rejects the samples: {newest[0]}: {newest[1].last_text}"
        return "stage 'collect' closes no frame: see the states of the sensors."

    def close(self, timeout_s: float = _STOP_TIMEOUT_S) -> bool:
        """Unsubscribe and end the threads; return whether each ended in time."""
        self._jump.unregister()
        self._deadline.close()
        self._node.destroy_timer(self._graph)
        for subscription in self._subscriptions():
            subscription.close()
        self.odometry.close()
        if self.frames is not None:
            self.frames.close()
        ended = self._referring.stop(timeout_s)
        ended = self.calibration_watch.stop(timeout_s) and ended
        return self.worker.stop(timeout_s) and ended

    def _new_collector(self) -> Collector:
        sensors = {name: self._config.sensors[name] for name in self.modalities}
        return Collector(
            self.modalities, self._config.sync, sensors, self._config.calibration.event_window_s
        )

    def _subscribe(self, session: Session) -> None:
        self.inputs: dict[Modality, AdaptiveSubscription] = {}
        self.infos: dict[Modality, AdaptiveSubscription] = {}
        for name in self.modalities:
            sensor = self._config.sensors[name]
            info = info_candidates(name, sensor, self.intake)
            if info:
                self.infos[name] = AdaptiveSubscription(
                    self._node, info, sensor.reliability, _INFO_DEPTH, self._subscriptions
                )
            data = data_candidates(self._node, name, sensor, self.intake, session.calibration)
            self.inputs[name] = AdaptiveSubscription(
                self._node, data, sensor.reliability, sensor.queue_depth, self._subscriptions
            )

    def _subscriptions(self) -> Iterator[AdaptiveSubscription]:
        """Yield those of the intrinsics, then those of the data that needs them."""
        yield from self.infos.values()
        yield from self.inputs.values()

    def _on_frame(self, modality: Modality, frame_id: str) -> None:
        if self.frames is not None:
            self.frames.on_frame(modality, frame_id)

    def _deliver(self, sample: SensorSample) -> None:
        # On a busy machine the executor is behind: the deadline of a frame passes while its last
        # sample waits or is decoded. The timer closes what is really overdue.
        self._emit(self.collector.add(sample, self.now_ns(), waited=True))

    def _advance(self) -> None:
        """Let deadlines pass, after all that came before them and still waits to be decoded."""
        for subscription in self.inputs.values():
            subscription.take_waiting()
        self._emit(self.collector.advance(self.now_ns()))

    def _emit(self, frame_sets: Iterable[FrameSet]) -> None:
        for frame_set in frame_sets:
            self.worker.slot.put(frame_set)
            self._referring.offer(frame_set)
            self.calibration_watch.offer(frame_set)
        self._deadline.arm(self.collector.next_deadline_ns())

    def _refresh(self) -> None:
        for subscription in self._subscriptions():
            subscription.refresh()
        self.odometry.refresh()

    def _on_jump(self, jump: TimeJump) -> None:
        self.jumps += 1
        self._node.get_logger().info(
            'The clock jumped back (a bag that loops, or simulated time that begins); '
            'unfinished frames are dropped.'
        )
        self.worker.slot.clear()
        self._referring.slot.clear()
        self.collector.advance(self.now_ns())


def _modalities(config: NodeConfig, session: Session) -> tuple[Modality, ...]:
    enabled = [name for name, sensor in config.sensors.items() if sensor.enabled]
    known = session.bundle.manifest.modality_names
    return (
        *(name for name in known if name in enabled),
        *(name for name in enabled if name not in known),
    )
