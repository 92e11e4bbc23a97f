"""Plays a bag over DDS: serialised messages on bag time, with the original stamps."""

from __future__ import annotations

import queue
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rclpy
from builtin_interfaces.msg import Time
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.signals import SignalHandlerOptions
from rosgraph_msgs.msg import Clock
from std_msgs.msg import String

from mmseg_ros.bag.reader import BagReader, RawMessage
from mmseg_ros.core.errors import ConfigError, MmsegError
from mmseg_ros.core.modalities import SENSOR_TOPICS, TF_STATIC_TOPIC
from mmseg_ros.core.types import Modality
from mmseg_ros.ros.qos import latched_qos, output_qos
from mmseg_ros.ros.tools.interface_build import built_message_class
from mmseg_ros.ros.tools.message_types import message_class_of

_DROP_PATTERN = re.compile(r'(\w+)@(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)?')
_PREFETCH = 64
_CLOCK_PERIOD_S = 0.01
_BURST_DEPTH = 20
# Who subscribes to the results finds their topics only after the node has subscribed to these.
_SETTLE_S = 1.0
SILENCE_TOPIC = '/mmseg_player/silence'
"""Names of sensors to hold back, separated by commas; the page of `mmseg_ros view` sends them."""
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Drop:
    """A sensor's silence: nothing on `/<modality>/...` from `start_s` to `stop_s` of bag time."""

    modality: Modality
    start_s: float
    stop_s: float = float('inf')

    @classmethod
    def parse(cls, text: str) -> Drop:
        """Read `modality@start-end` (seconds of bag time; no end lasts to the end).

        Raises:
            ConfigError: The text has another form.
        """
        match = _DROP_PATTERN.fullmatch(text)
        if not match:
            raise ConfigError(
                f'--drop {text!r} is not of the form modality@start-end in seconds, such as '
                'lidar@4-8 or rgb@2.5-.'
            )
        modality, start, stop = match.groups()
        return cls(modality, float(start), float(stop) if stop else float('inf'))

    def covers(self, topic: str, elapsed_s: float, own_topic: str = '') -> bool:
        """Return whether a message on `topic` at this bag time is dropped.

        Args:
            topic: Where it was recorded.
            elapsed_s: Bag time.
            own_topic: The sensor's data topic, if it is not below its name.
        """
        is_its = topic.startswith(f'/{self.modality}/') or (
            own_topic != '' and (topic == own_topic or topic.startswith(own_topic + '/'))
        )
        return is_its and self.start_s <= elapsed_s < self.stop_s


@dataclass(frozen=True, slots=True)
class PlayOptions:
    """How a bag is played.

    Attributes:
        rate: Bag seconds per second.
        loop: Whether to start again at the end.
        clock: Whether to publish /clock, at 100 Hz.
        drops: Silences of sensors.
        exclude: Beginnings of the names of topics that are not published at all.
        wait_s: Longest wait for a subscriber on every sensor topic, before the first message;
            when they are there, a second more for those who subscribe to the results.
        topics: Data topics of sensors that are not on the node's own.
        duration_s: How much of the bag is played, in bag time from its beginning.
        silence: Whether to hold back the sensors that SILENCE_TOPIC names.
    """

    rate: float = 1.0
    loop: bool = False
    clock: bool = False
    drops: Sequence[Drop] = ()
    exclude: tuple[str, ...] = ()
    wait_s: float = 0.0
    topics: Mapping[Modality, str] = field(default_factory=dict)
    duration_s: float = float('inf')
    silence: bool = False


@dataclass(slots=True)
class PlayReport:
    """What was played.

    Attributes:
        published: Messages per topic. dropped: Messages held back per topic.
        skipped: Topics whose message type is not installed.
        worst_lag_s: Largest delay of a message behind its time.
        loops: Completed passes.
    """

    published: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    skipped: list[str] = field(default_factory=list)
    worst_lag_s: float = 0.0
    loops: int = 0


def play(bag: Path | str, options: PlayOptions, stop: threading.Event) -> PlayReport:
    """Play a bag until its end (or for ever, with `loop`) or until `stop` is set.

    Raises:
        BagError: The bag cannot be read.
    """
    context = rclpy.Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    try:
        with BagReader(bag) as reader:
            node = Node('mmseg_player', context=context)
            player = _Player(node, reader, options, stop)
            player.run()
            node.destroy_node()
            return player.report
    finally:
        rclpy.try_shutdown(context=context)


class _Player:
    """One playing of one bag."""

    def __init__(
        self, node: Node, reader: BagReader, options: PlayOptions, stop: threading.Event
    ) -> None:
        self.report = PlayReport()
        self._node = node
        self._reader = reader
        self._options = options
        self._stop = stop
        self._publishers = self._create_publishers()
        self._clock = node.create_publisher(Clock, '/clock', 10) if options.clock else None
        self._silenced: tuple[Drop, ...] = ()
        self._executor: SingleThreadedExecutor | None = None
        if options.silence:
            self._executor = SingleThreadedExecutor(context=node.context)
            self._executor.add_node(node)
            node.create_subscription(String, SILENCE_TOPIC, self._hold_back, latched_qos())

    def run(self) -> None:
        self._wait_for_subscribers()
        while not self._stop.is_set():
            self._run_once()
            self.report.loops += not self._stop.is_set()
            if not self._options.loop:
                break

    def _create_publishers(self) -> dict[str, Publisher]:
        publishers = {}
        for topic, summary in self._reader.topics.items():
            if topic.startswith(self._options.exclude):
                continue
            message_class = self._message_class(topic, summary.type_name)
            if message_class is None:
                continue
            qos = latched_qos(100) if topic == TF_STATIC_TOPIC else output_qos(_BURST_DEPTH)
            publishers[topic] = self._node.create_publisher(message_class, topic, qos)
        return publishers

    def _message_class(self, topic: str, type_name: str) -> Any | None:
        """Return the class of a topic's type, built from the bag if it is not installed."""
        message_class = message_class_of(type_name)
        if message_class is not None:
            return message_class
        logger = self._node.get_logger()
        try:
            definition = self._reader.definition(topic)
            logger.info(f'{topic}: {type_name} is not installed; building it once from the bag.')
            return built_message_class(type_name, definition)
        except MmsegError as error:
            self.report.skipped.append(topic)
            logger.warning(
                f'{topic} is left out: message type {type_name} is not installed, and {error}'
            )
            return None

    def _wait_for_subscribers(self) -> None:
        sensors = {*SENSOR_TOPICS.values(), *self._options.topics.values()}
        waiting = [p for topic, p in self._publishers.items() if topic in sensors]
        deadline = time.monotonic() + self._options.wait_s
        while time.monotonic() < deadline and not self._stop.is_set():
            if all(publisher.get_subscription_count() for publisher in waiting):
                self._stop.wait(_SETTLE_S)
                return
            self._stop.wait(0.02)
        unheard = sorted(p.topic_name for p in waiting if not p.get_subscription_count())
        if self._options.wait_s and unheard and not self._stop.is_set():
            self._node.get_logger().warning(
                f'After {self._options.wait_s:g} s nobody subscribes to {", ".join(unheard)}; '
                'playing all the same. A node that still loads its network misses what is '
                'played now: wait longer (--wait), or look into its log.'
            )

    def _run_once(self) -> None:
        start_ns = self._reader.start_ns
        begin_s = time.monotonic()
        with _Prefetch(lambda: self._reader.raw(list(self._publishers))) as messages:
            for message in messages:
                elapsed_s = (message.stamp_ns - start_ns) / _NS_PER_S
                if elapsed_s > self._options.duration_s:
                    return
                self._wait_until(begin_s, elapsed_s)
                if self._stop.is_set():
                    return
                self._listen()
                self._publish(message, elapsed_s)
                lag_s = time.monotonic() - begin_s - elapsed_s / self._options.rate
                self.report.worst_lag_s = max(self.report.worst_lag_s, lag_s)

    def _wait_until(self, begin_s: float, elapsed_s: float) -> None:
        """Sleep until bag time `elapsed_s`, publishing /clock meanwhile."""
        rate = self._options.rate
        while not self._stop.is_set():
            now_s = (time.monotonic() - begin_s) * rate
            if self._clock is not None:
                self._publish_clock(min(now_s, elapsed_s))
            remaining_s = (elapsed_s - now_s) / rate
            if remaining_s <= 0:
                return
            self._stop.wait(
                remaining_s if self._clock is None else min(remaining_s, _CLOCK_PERIOD_S)
            )

    def _hold_back(self, message: String) -> None:
        """Silence the sensors that somebody names, until the next message."""
        names = [name.strip() for name in message.data.split(',')]
        self._silenced = tuple(Drop(name, 0.0) for name in names if name)

    def _listen(self) -> None:
        if self._executor is not None:
            self._executor.spin_once(timeout_sec=0.0)

    def _publish(self, message: RawMessage, elapsed_s: float) -> None:
        if any(
            drop.covers(message.topic, elapsed_s, self._options.topics.get(drop.modality, ''))
            for drop in (*self._options.drops, *self._silenced)
        ):
            self.report.dropped[message.topic] += 1
            return
        self._publishers[message.topic].publish(bytes(message.data))
        self.report.published[message.topic] += 1

    def _publish_clock(self, elapsed_s: float) -> None:
        assert self._clock is not None  # noqa: S101
        now_ns = self._reader.start_ns + round(elapsed_s * _NS_PER_S)
        seconds, nanoseconds = divmod(now_ns, _NS_PER_S)
        self._clock.publish(Clock(clock=Time(sec=seconds, nanosec=nanoseconds)))


class _Prefetch:
    """Reads messages in a thread, a little ahead: a stalling disk then makes no burst."""

    def __init__(self, source: Callable[[], Iterator[RawMessage]]) -> None:
        self._queue: queue.Queue[RawMessage | Exception | None] = queue.Queue(_PREFETCH)
        self._closed = threading.Event()
        self._source = source
        self._thread = threading.Thread(target=self._read, name='bag_prefetch', daemon=True)

    def __enter__(self) -> Iterator[RawMessage]:
        self._thread.start()
        return self._messages()

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()

    def _messages(self) -> Iterator[RawMessage]:
        while (item := self._queue.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item

    def _read(self) -> None:
        try:
            for message in self._source():
                if not self._put(message):
                    return
            self._put(None)
        except Exception as error:  # raised again in the player's thread
            self._put(error)

    def _put(self, item: RawMessage | Exception | None) -> bool:
        while not self._closed.is_set():
            try:
                self._queue.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False
