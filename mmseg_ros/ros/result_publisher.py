"""One result topic, and for images its compressed twin beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import CompressedImage

from mmseg_ros.ros.conversions import compressed_image_message
from mmseg_ros.ros.qos import NO_EVENTS, output_qos
from mmseg_ros.ros.qos_overrides import output_options
from mmseg_ros.ros.transports import transport_topic


class ResultPublisher:
    """Publishes a result to those who want it, plain or compressed, and to nobody else."""

    def __init__(
        self, node: LifecycleNode, topic: str, message_class: Any, compression: str = ''
    ) -> None:
        """Create the publishers; nothing is sent while the node is inactive.

        Args:
            node: Owner.
            topic: Name of the topic.
            message_class: Type of its messages.
            compression: `jpeg` or `png` for images, whose twin is on `<topic>/compressed`; '' for
                none. Ids stay exact in `png` alone.
        """
        self._node = node
        self._compression = compression
        self._plain = self._create(message_class, topic)
        self._compressed = (
            self._create(CompressedImage, transport_topic(node, topic, '/compressed'))
            if compression
            else None
        )

    def wanted(self) -> bool:
        """Return whether anybody subscribes."""
        return any(p.get_subscription_count() for p in self._publishers())

    def publish(self, build: Callable[[], Any], jpeg_quality: int) -> None:
        """Build the message once and publish it in each form that is subscribed to.

        Args:
            build: Makes the message; None where there is nothing new to say.
            jpeg_quality: 1 to 100.

        Raises:
            MmsegError: It cannot be built from what there is.
        """
        message = build()
        if message is None:
            return
        if self._plain.get_subscription_count():
            self._plain.publish(message)
        if self._compressed is not None and self._compressed.get_subscription_count():
            self._compressed.publish(
                compressed_image_message(message, self._compression, jpeg_quality)
            )

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in self._publishers():
            self._node.destroy_lifecycle_publisher(publisher)

    def _publishers(self) -> list[Any]:
        return [p for p in (self._plain, self._compressed) if p is not None]

    def _create(self, message_class: Any, topic: str) -> Any:
        return self._node.create_lifecycle_publisher(
            message_class,
            topic,
            output_qos(),
            event_callbacks=NO_EVENTS,
            qos_overriding_options=output_options(),
        )
