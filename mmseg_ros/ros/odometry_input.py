"""The vehicle's motion from nav_msgs/Odometry, where somebody publishes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node

from mmseg_ros.core.unexpected import reason_of
from mmseg_ros.messages import stamp_ns
from mmseg_ros.projection.odometry import Odometry, add_odometry_message
from mmseg_ros.ros.subscriptions import AdaptiveSubscription, Candidate
from mmseg_ros.ros.tools.message_types import message_class_of

_TYPE = 'nav_msgs/msg/Odometry'
_DEPTH = 50


class OdometryInput:
    """Subscribes to odometry and keeps its last poses.

    Attributes:
        received: Number of messages, rejected ones included.
    """

    def __init__(
        self, node: Node, topic: str, odometry: Odometry, warn: Callable[[str], None]
    ) -> None:
        """Subscribe.

        Args:
            node: Owner.
            topic: Relative or absolute name; '' subscribes to nothing.
            odometry: Where the poses go.
            warn: Takes one sentence per rejected message; throttles by itself.
        """
        self.received = 0
        self._topic = topic
        self._odometry = odometry
        self._warn = warn
        self._subscription: AdaptiveSubscription | None = None
        message_class = message_class_of(_TYPE) if topic else None
        if message_class is not None:
            candidate = Candidate(topic, _TYPE, message_class, self.on_message)
            self._subscription = AdaptiveSubscription(node, [candidate], 'auto', _DEPTH)
        elif topic:
            warn(
                f'nav_msgs is not installed: {topic} is not read, the vehicle counts as standing.'
            )

    def on_message(self, message: Any) -> None:
        """Add one pose; what is no pose is rejected."""
        self.received += 1
        try:
            add_odometry_message(self._odometry, stamp_ns(message.header), message)
        except Exception as error:  # a message of any content must never end the node
            self._warn(f'{self._topic}: odometry rejected: {reason_of(error, "reading")}')

    def refresh(self) -> None:
        """Follow the publishers' QoS."""
        if self._subscription is not None:
            self._subscription.refresh()

    def close(self) -> None:
        """Unsubscribe."""
        if self._subscription is not None:
            self._subscription.close()
