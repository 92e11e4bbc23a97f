"""The latched class names: vision_msgs/LabelInfo, or JSON where vision_msgs is not installed."""

from __future__ import annotations

import importlib
import json
from typing import Any

from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import String

from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.messages.results import LABEL_INFO
from mmseg_ros.ros.qos import NO_EVENTS, latched_qos
from mmseg_ros.ros.qos_overrides import output_options


class LabelInfoPublisher:
    """Publishes what the labels of the next results mean."""

    def __init__(self, node: LifecycleNode) -> None:
        """Create the publisher; nothing is sent while the node is inactive."""
        self._node = node
        try:
            self._vision: Any = importlib.import_module('vision_msgs.msg')
        except ImportError:
            self._vision = None
        message_class, topic = (
            (String, f'{LABEL_INFO}_json')
            if self._vision is None
            else (self._vision.LabelInfo, LABEL_INFO)
        )
        self._publisher = node.create_lifecycle_publisher(
            message_class,
            topic,
            latched_qos(),
            event_callbacks=NO_EVENTS,
            qos_overriding_options=output_options(),
        )

    def publish(self, label_space: LabelSpace) -> None:
        """Send the class names."""
        self._publisher.publish(self._message(label_space))

    def close(self) -> None:
        """Destroy the publisher."""
        self._node.destroy_lifecycle_publisher(self._publisher)

    def _message(self, label_space: LabelSpace) -> Any:
        if self._vision is None:
            return String(data=json.dumps(label_space.to_dict()))
        message = self._vision.LabelInfo(threshold=0.0)
        message.class_map = [
            self._vision.VisionClass(class_id=int(c.id), class_name=c.name)
            for c in label_space.classes
        ]
        return message
