"""Publishes the same sensor messages at a chosen rate and times the labels that come back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from types import TracebackType

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.modalities import SENSOR_TOPICS
from mmseg_ros.ros.qos import output_qos
from mmseg_ros.ros.tools.message_types import message_class_of

_LABELS_TOPIC = '/mmseg/labels'
_PROCESSING, _MODEL = 'mmseg: processing', 'mmseg: model'
_NS_PER_S = 1_000_000_000
# Every sensor message begins with a header, and a serialised header with its stamp.
_STAMP = slice(4, 12)
_DEPTH = 10
_PATIENCE_S = 3.0


@dataclass(frozen=True, slots=True)
class SensorMessage:
    """One serialised message of a frame.

    Attributes:
        topic: Where it is published. type_name: Its message type.
        data: CDR bytes. offset_ns: Its stamp less the stamp of the frame.
    """

    topic: str
    type_name: str
    data: bytes
    offset_ns: int


@dataclass(slots=True)
class RateRun:
    """What came of publishing at one rate.

    Attributes:
        sent: Frames published. sent_hz: At which rate, as achieved.
        latencies_ms: From the end of publishing a frame to its labels, of those that came.
        received_hz: Rate at which labels came. longest_gap_s: Longest time between two of them.
    """

    sent: int = 0
    sent_hz: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    received_hz: float = 0.0
    longest_gap_s: float = 0.0

    @property
    def dropped(self) -> float:
        """Return the share of frames without labels."""
        return 1.0 - len(self.latencies_ms) / self.sent if self.sent else 1.0


class RateProbe:
    """A node with publishers for the sensors and subscriptions to the answers.

    Args:
        frames: Messages of each frame, in the order in which they are published.
        domain: ROS domain to publish in; that of the environment if left out.

    Attributes:
        model: What the node last said of its network.

    Raises:
        ConfigError: A message type is not installed.
    """

    def __init__(
        self, frames: Sequence[Sequence[SensorMessage]], domain: int | None = None
    ) -> None:
        self._frames = [[(m, bytearray(m.data)) for m in frame] for frame in frames]
        self._context = rclpy.Context()
        rclpy.init(
            context=self._context,
            signal_handler_options=SignalHandlerOptions.NO,
            domain_id=domain,
        )
        self._node = Node('mmseg_rate_probe', context=self._context)
        types = {m.topic: m.type_name for frame in frames for m in frame}
        self._publishers = {topic: self._publisher(topic, name) for topic, name in types.items()}
        self._published_ns: dict[int, int] = {}
        self._latencies_ns: dict[int, int] = {}
        self._processing: dict[str, str] = {}
        self.model = ''
        self._node.create_subscription(
            Image, _LABELS_TOPIC, self._on_labels, output_qos(_DEPTH), raw=True
        )
        self._node.create_subscription(
            DiagnosticArray, '/diagnostics', self._on_diagnostics, _DEPTH
        )
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(
            target=_spin, args=(self._executor,), name='rate_probe', daemon=True
        )
        self._thread.start()

    def __enter__(self) -> RateProbe:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._executor.shutdown()
        self._thread.join(5.0)
        self._node.destroy_node()
        rclpy.try_shutdown(context=self._context)

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Receive what is published inside the block, as a node would, and do nothing with it."""
        node = Node('mmseg_rate_receiver', context=self._context)
        for topic, publisher in self._publishers.items():
            kind, qos = publisher.msg_type, output_qos(_DEPTH)
            node.create_subscription(kind, topic, lambda data: None, qos, raw=True)
        executor = SingleThreadedExecutor(context=self._context)
        executor.add_node(node)
        thread = threading.Thread(target=_spin, args=(executor,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            executor.shutdown()
            thread.join(5.0)
            node.destroy_node()

    @property
    def processing(self) -> Mapping[str, str]:
        """Return the values of the node's last report about its processing."""
        return dict(self._processing)

    def wait_for_node(self, limit_s: float) -> float:
        """Wait until the node subscribes to every sensor; return the seconds that took.

        Raises:
            ConfigError: It does not within `limit_s`.
        """
        began_s = time.monotonic()
        sensors = [p for t, p in self._publishers.items() if t in SENSOR_TOPICS.values()]
        while not all(publisher.get_subscription_count() for publisher in sensors):
            if time.monotonic() - began_s > limit_s:
                raise ConfigError(f'The node does not subscribe to its sensors in {limit_s} s.')
            time.sleep(0.01)
        return time.monotonic() - began_s

    def run(
        self,
        rate_hz: float,
        seconds: float,
        topics_off: Sequence[str] = (),
        is_answered: bool = True,
    ) -> RateRun:
        """Publish at `rate_hz` for `seconds` without some topics, and wait for the last labels.

        Args:
            rate_hz: Frames per second.
            seconds: How long.
            topics_off: Topics that stay silent.
            is_answered: Whether labels may come at all; nothing is waited for otherwise.
        """
        self._latencies_ns.clear()
        self._published_ns.clear()
        count = max(round(rate_hz * seconds), 2)
        began_s = time.monotonic()
        for i in range(count):
            _sleep_until(began_s + i / rate_hz)
            self._publish(i, topics_off)
        sent_s = time.monotonic() - began_s
        if is_answered:
            self._wait_for_last()
        latencies_ns = dict(self._latencies_ns)
        received_hz, longest_gap_s = _arrivals(self._published_ns, latencies_ns)
        found = [v / 1e6 for v in sorted(latencies_ns.values())]
        return RateRun(count, (count - 1) / sent_s, found, received_hz, longest_gap_s)

    def _wait_for_last(self) -> None:
        """Wait for the labels of the newest frame, which no other can replace."""
        last_ns = max(self._published_ns)
        end_s = time.monotonic() + _PATIENCE_S
        while last_ns not in self._latencies_ns and time.monotonic() < end_s:
            time.sleep(0.01)

    def _publish(self, index: int, topics_off: Sequence[str]) -> None:
        stamp_ns = time.time_ns()
        for message, data in self._frames[index % len(self._frames)]:
            if message.topic in topics_off:
                continue
            seconds, nanoseconds = divmod(stamp_ns + message.offset_ns, _NS_PER_S)
            data[_STAMP] = seconds.to_bytes(4, 'little') + nanoseconds.to_bytes(4, 'little')
            self._publishers[message.topic].publish(bytes(data))
        self._published_ns[stamp_ns] = time.monotonic_ns()

    def _publisher(self, topic: str, type_name: str) -> rclpy.publisher.Publisher:
        message_class = message_class_of(type_name)
        if message_class is None:
            raise ConfigError(f'{topic}: the message type {type_name} is not installed.')
        return self._node.create_publisher(message_class, topic, output_qos(_DEPTH))

    def _on_labels(self, data: bytes) -> None:
        now_ns = time.monotonic_ns()
        seconds, nanoseconds = data[4:8], data[8:12]
        stamp_ns = int.from_bytes(seconds, 'little') * _NS_PER_S
        stamp_ns += int.from_bytes(nanoseconds, 'little')
        published_ns = self._published_ns.get(stamp_ns)
        if published_ns is not None:
            self._latencies_ns.setdefault(stamp_ns, now_ns - published_ns)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == _PROCESSING:
                self._processing = {item.key: item.value for item in status.values}
            elif status.name == _MODEL:
                self.model = str(status.message)


def _spin(executor: SingleThreadedExecutor) -> None:
    try:
        executor.spin()
    except ExternalShutdownException:
        return


def _sleep_until(moment_s: float) -> None:
    remaining_s = moment_s - time.monotonic()
    if remaining_s > 0:
        time.sleep(remaining_s)


def _arrivals(
    published_ns: Mapping[int, int], latencies_ns: Mapping[int, int]
) -> tuple[float, float]:
    """Return labels per second, from the first arrival to the last, and the longest gap."""
    arrivals_ns = sorted(published_ns[stamp] + delay for stamp, delay in latencies_ns.items())
    if len(arrivals_ns) < 2:
        return 0.0, float('inf')
    gaps_ns = [later - earlier for earlier, later in pairwise(arrivals_ns)]
    return len(gaps_ns) * 1e9 / max(sum(gaps_ns), 1), max(gaps_ns) / 1e9
