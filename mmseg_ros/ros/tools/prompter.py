"""Sends text prompts to a node, as `ros2 topic pub --once` does."""

from __future__ import annotations

import time

import rclpy
from rclpy.context import Context
from rclpy.exceptions import InvalidTopicNameException
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from std_msgs.msg import String

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.ros.referring_node import EXPRESSION_TOPIC

_SPIN_S = 0.05
_LINGER_S = 0.5


def send_prompt(text: str, node_name: str = '/mmseg', wait_s: float = 10.0) -> None:
    """Publish text prompts to a node and return when it is on its way.

    Args:
        text: The prompts, separated by semicolons.
        node_name: Full name of the segmentation node.
        wait_s: How long to wait for the node.

    Raises:
        ConfigError: The name is not one of a node, or no such node listens.
    """
    context = Context()
    rclpy.init(context=context)
    node = Node('mmseg_prompt', context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    try:
        topic = EXPRESSION_TOPIC.replace('~', node_name.rstrip('/'))
        try:
            publisher = node.create_publisher(String, topic, 10)
        except InvalidTopicNameException as error:
            raise ConfigError(
                f'--node {node_name[:80]!r} is no name of a node: {error}.'
            ) from error
        end_s = time.monotonic() + wait_s
        while not publisher.get_subscription_count():
            if time.monotonic() > end_s:
                raise ConfigError(
                    f'Nobody listens to {topic}; is the node active, and is {node_name} its name?'
                )
            executor.spin_once(timeout_sec=_SPIN_S)
        publisher.publish(String(data=text))
        end_s = time.monotonic() + _LINGER_S
        while time.monotonic() < end_s:
            executor.spin_once(timeout_sec=_SPIN_S)
    finally:
        executor.shutdown()
        node.destroy_node()
        context.try_shutdown()
