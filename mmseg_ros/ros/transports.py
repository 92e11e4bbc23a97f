"""Topics beside an image topic, such as `rgb/image_raw/compressed`, as in image_transport."""

from __future__ import annotations

from rclpy.node import Node


def transport_topic(node: Node, base: str, suffix: str) -> str:
    """Return the topic of one transport of a base topic; remapping the base moves them all.

    A rule for the transport's own name wins.

    Args:
        node: Whose remapping rules count.
        base: Topic of the plain messages; it is returned as it is where there is no suffix.
        suffix: Such as `/compressed`, or ''.
    """
    if not suffix:
        return base
    own = base + suffix
    if node.resolve_topic_name(own) != node.resolve_topic_name(own, only_expand=True):
        return own
    return str(node.resolve_topic_name(base)) + suffix
