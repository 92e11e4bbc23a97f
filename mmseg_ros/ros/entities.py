"""What a node has made of ROS entities, taken back where its transition or its start fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rclpy.lifecycle import LifecycleNode


@contextmanager
def taken_back_on_error(node: LifecycleNode) -> Iterator[None]:
    """Destroy every publisher, subscription and timer made inside the block if it raises."""
    publishers, subscriptions, timers = (
        set(node.publishers),
        set(node.subscriptions),
        set(node.timers),
    )
    try:
        yield
    except BaseException:
        for publisher in set(node.publishers) - publishers:
            node.destroy_lifecycle_publisher(publisher)
        for subscription in set(node.subscriptions) - subscriptions:
            node.destroy_subscription(subscription)
        for timer in set(node.timers) - timers:
            node.destroy_timer(timer)
        raise


@contextmanager
def destroyed_on_error(node: LifecycleNode) -> Iterator[None]:
    """Take the node out of the ROS graph if the block raises; for the end of its constructor."""
    try:
        yield
    except BaseException:
        node.destroy_node()
        raise
