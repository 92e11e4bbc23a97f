"""The live source of the page: subscribes as any best-effort listener, sends prompts."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.serialization import deserialize_message
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import String

from mmseg_ros.core.modalities import kind_of
from mmseg_ros.core.types import EVENT
from mmseg_ros.ros.qos import BEST_EFFORT, NO_INPUT_EVENTS, input_qos, latched_qos
from mmseg_ros.ros.referring_node import EXPRESSION_TOPIC
from mmseg_ros.ros.tools.message_types import message_class_of
from mmseg_ros.ros.tools.player import SILENCE_TOPIC
from mmseg_ros.view.controls import Controls
from mmseg_ros.view.feed import DIAGNOSTICS, INFO, LABELS, MASK, POINTS, Feed

_GRAPH_POLL_S = 1.0
# A serialized message with a header begins with 4 bytes of encapsulation and the stamp.
_STAMP, _STAMP_AT = struct.Struct('<iI'), 4


class ViewLink:
    """Keeps the newest message of each topic as bytes; `pump` decodes only what the page shows.

    Args:
        feed: Takes the messages. node_name: Full name of the node, such as /mmseg.
        silence: Whether to offer silencing sensors of a player that was started with --silence.
    """

    def __init__(self, feed: Feed, node_name: str, silence: bool = False) -> None:
        self._feed = feed
        self._name = node_name.rstrip('/')
        self._context = Context()
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._node = Node('mmseg_view', context=self._context)
        self._lock = threading.Lock()
        self._newest: dict[str, tuple[bytes, str, Any]] = {}
        self._sensors: dict[str, Any] = {}
        self._prompt = self._node.create_publisher(String, self._topic(EXPRESSION_TOPIC), 10)
        self._silence = self._node.create_publisher(String, SILENCE_TOPIC, latched_qos())
        self._can_silence = silence
        for part, topic, message_class in (
            (LABELS, 'labels', Image),
            (POINTS, 'points', PointCloud2),
            (MASK, 'referring/mask', Image),
        ):
            self._listen(part, f'{self._name}/{topic}', message_class, input_qos(BEST_EFFORT, 1))
        self._listen(DIAGNOSTICS, '/diagnostics', DiagnosticArray, 10, raw=False)
        self._listen(INFO, f'{self._name}/label_info_json', String, latched_qos(), raw=False)
        label_info = message_class_of('vision_msgs/msg/LabelInfo')
        if label_info is not None:
            self._listen(INFO, f'{self._name}/label_info', label_info, latched_qos(), raw=False)
        self._node.create_timer(_GRAPH_POLL_S, self._find_sensors)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, name='mmseg_view_ros', daemon=True)
        self._thread.start()

    def controls(self) -> Controls:
        """Return what the page can do with the node."""
        silence: Callable[[Collection[str]], None] | None = (
            self._hold_back if self._can_silence else None
        )
        return Controls(
            ask=lambda text: self._prompt.publish(String(data=text)),
            silence=silence,
        )

    def pump(self) -> None:
        """Decode what has come since the last call, the newest of each topic.

        Results are counted as they come, also those that are not decoded.
        """
        with self._lock:
            newest, self._newest = self._newest, {}
        for part, (data, type_name, message_class) in newest.items():
            message = deserialize_message(data, message_class)
            if part.startswith('info '):
                self._feed.camera_info(part.removeprefix('info '), message)
            else:
                self._feed.take(part, type_name, message)

    def close(self) -> None:
        """End the node; sensors that were held back are let go."""
        if self._can_silence:
            self._hold_back(())
        self._executor.shutdown()
        self._thread.join(5.0)
        self._node.destroy_node()
        self._context.try_shutdown()

    def _topic(self, name: str) -> str:
        return name.replace('~', self._name)

    def _hold_back(self, sensors: Collection[str]) -> None:
        self._silence.publish(String(data=','.join(sensors)))

    def _listen(
        self, part: str, topic: str, message_class: Any, qos: Any, raw: bool = True
    ) -> Any:
        type_name = f'{message_class.__module__.split(".")[0]}/msg/{message_class.__name__}'
        return self._node.create_subscription(
            message_class,
            topic,
            partial(self._keep if raw else self._take, part, type_name, message_class),
            qos,
            raw=raw,
            event_callbacks=NO_INPUT_EVENTS,
        )

    def _keep(self, part: str, type_name: str, message_class: Any, data: bytes) -> None:
        if part == LABELS and len(data) >= _STAMP.size + _STAMP_AT:
            seconds, nanoseconds = _STAMP.unpack_from(data, _STAMP_AT)
            self._feed.scene.count_result(seconds + nanoseconds / 1e9)
        with self._lock:
            self._newest[part] = data, type_name, message_class

    def _take(self, part: str, type_name: str, message_class: Any, message: Any) -> None:
        self._feed.take(part, type_name, message)

    def _find_sensors(self) -> None:
        """Subscribe to the topics that the node says its sensors come on."""
        with self._feed.scene.lock:
            topics = {n: h.values.get('topic', '') for n, h in self._feed.scene.health.items()}
        types = dict(self._node.get_topic_names_and_types())
        for name, topic in topics.items():
            if not topic or name in self._sensors or topic not in types:
                continue
            message_class = message_class_of(types[topic][0])
            if message_class is None:
                continue
            qos = input_qos(BEST_EFFORT, 1)
            self._sensors[name] = self._listen(name, topic, message_class, qos)
            if kind_of(name) == EVENT:
                info = f'{topic.rsplit("/", 1)[0]}/camera_info'
                self._listen(f'info {name}', info, CameraInfo, qos)

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return
