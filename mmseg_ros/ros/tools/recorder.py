"""Records topics into a bag: serialised messages, types and QoS by discovery."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy
from rclpy.signals import SignalHandlerOptions

from mmseg_ros.bag.typestore import typestore
from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.errors import BagError
from mmseg_ros.ros.qos import AUTO, choose_reliability, input_qos, latched_qos
from mmseg_ros.ros.tools.message_types import message_class_of

_LOOK_PERIOD_S = 0.2
_SPIN_S = 0.1
_QUEUE_DEPTH = 100
_DRAIN_S = 2.0
_HOUSEKEEPING = ('/rosout', '/parameter_events')


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """What is recorded.

    Attributes:
        topics: Absolute names; empty records everything that can be written.
        use_sim_time: Whether bag stamps are taken from /clock.
        duration_s: Longest recording; infinite by default.
    """

    topics: Collection[str] = ()
    use_sim_time: bool = False
    duration_s: float = float('inf')


@dataclass(slots=True)
class RecordReport:
    """What was recorded.

    Attributes:
        recorded: Messages per topic.
        skipped: Why a topic was left out.
        heard: Topics that had a publisher at some time and were subscribed to.
    """

    recorded: Counter[str] = field(default_factory=Counter)
    skipped: dict[str, str] = field(default_factory=dict)
    heard: set[str] = field(default_factory=set)

    def why_nothing(self, topic: str) -> str:
        """Return why nothing of a topic was recorded, in a few words."""
        if topic in self.skipped:
            return self.skipped[topic]
        if topic in self.heard:
            return 'it had a publisher, which sent nothing'
        return 'it never had a publisher: wrong name, another ROS domain, or a node still loading'


def record(path: Path | str, options: RecordOptions, stop: threading.Event) -> RecordReport:
    """Record until `stop` is set or the duration is over; the bag is valid in any case.

    Raises:
        BagError: The bag exists or cannot be written.
    """
    typestore()  # takes half a second, in which messages would be lost
    context = rclpy.Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    sim_time = Parameter('use_sim_time', value=options.use_sim_time)
    try:
        with BagWriter(path) as writer:
            node = Node('mmseg_recorder', context=context, parameter_overrides=[sim_time])
            recorder = _Recorder(node, writer, options)
            executor = SingleThreadedExecutor(context=context)
            executor.add_node(node)
            end_s = time.monotonic() + options.duration_s
            while not stop.is_set() and time.monotonic() < end_s:
                executor.spin_once(timeout_sec=_SPIN_S)
                recorder.look()
            _drain(executor, recorder)
            executor.shutdown()
            node.destroy_node()
            return recorder.report
    finally:
        rclpy.try_shutdown(context=context)


def _drain(executor: SingleThreadedExecutor, recorder: _Recorder) -> None:
    """Write what had arrived when the recording was stopped."""
    idle = 0
    end_s = time.monotonic() + _DRAIN_S
    while idle < 3 and time.monotonic() < end_s:
        before = recorder.report.recorded.total()
        executor.spin_once(timeout_sec=0.01)
        idle = idle + 1 if recorder.report.recorded.total() == before else 0


class _Recorder:
    """Subscribes to topics as they appear and writes what comes."""

    def __init__(self, node: Node, writer: BagWriter, options: RecordOptions) -> None:
        self.report = RecordReport()
        self._node = node
        self._writer = writer
        self._wanted = frozenset(options.topics)
        self._next_look_s = 0.0

    def look(self) -> None:
        """Subscribe to wanted topics that have a publisher by now."""
        if time.monotonic() < self._next_look_s:
            return
        self._next_look_s = time.monotonic() + _LOOK_PERIOD_S
        for topic, types in self._node.get_topic_names_and_types():
            if topic in self.report.heard or topic in self.report.skipped:
                continue
            if topic in self._wanted or not (self._wanted or topic in _HOUSEKEEPING):
                self._subscribe(topic, types[0])

    def _subscribe(self, topic: str, type_name: str) -> None:
        publishers = self._node.get_publishers_info_by_topic(topic)
        if not publishers:
            return
        message_class = message_class_of(type_name)
        if message_class is None:
            self._skip(topic, f'message type {type_name} is not installed')
            return
        latched = all(
            info.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for info in publishers
        )
        reliability = choose_reliability(AUTO, publishers)
        qos = latched_qos(_QUEUE_DEPTH) if latched else input_qos(reliability, _QUEUE_DEPTH)
        callback = partial(self._write, topic, type_name, latched)
        self._node.create_subscription(message_class, topic, callback, qos, raw=True)
        self.report.heard.add(topic)

    def _write(self, topic: str, type_name: str, latched: bool, data: Any) -> None:
        if topic in self.report.skipped:
            return
        stamp_ns = self._node.get_clock().now().nanoseconds
        try:
            self._writer.write_raw(topic, type_name, stamp_ns, bytes(data), latched)
        except BagError as error:
            self._skip(topic, str(error))
            return
        self.report.recorded[topic] += 1

    def _skip(self, topic: str, reason: str) -> None:
        self.report.skipped[topic] = reason
        self._node.get_logger().warning(f'{topic} is not recorded: {reason}')
