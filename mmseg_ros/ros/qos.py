"""QoS that fits whoever publishes: `auto` is reliable only where every publisher is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

AUTO = 'auto'
RELIABLE = 'reliable'
BEST_EFFORT = 'best_effort'
# Each of rclpy's own handlers (they warn of external QoS, as the other side does too) is one more
# thing to wait for whenever a message comes.
NO_EVENTS = PublisherEventCallbacks(use_default_callbacks=False)
NO_INPUT_EVENTS = SubscriptionEventCallbacks(use_default_callbacks=False)


def choose_reliability(wanted: str, publishers: Iterable[Any]) -> str:
    """Return `reliable` or `best_effort` for a subscription.

    Args:
        wanted: `auto`, or the fixed choice of the configuration.
        publishers: Endpoint infos of the topic. Without any, best effort is chosen, which every
            publisher can serve.
    """
    if wanted != AUTO:
        return wanted
    offered = [info.qos_profile.reliability for info in publishers]
    if offered and all(kind == ReliabilityPolicy.RELIABLE for kind in offered):
        return RELIABLE
    return BEST_EFFORT


def incompatibility(reliability: str, publishers: Iterable[Any]) -> str:
    """Return a sentence naming the publishers that cannot serve `reliability`, or ''."""
    if reliability != RELIABLE:
        return ''
    weaker = sorted(
        _full_name(info)
        for info in publishers
        if info.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    )
    if not weaker:
        return ''
    return (
        f'Reliability: {", ".join(weaker)} offers best_effort, but reliable is asked for; set '
        'reliability to auto or best_effort.'
    )


def input_qos(reliability: str, depth: int) -> QoSProfile:
    """Return the profile of a sensor subscription."""
    kind = ReliabilityPolicy.RELIABLE if reliability == RELIABLE else ReliabilityPolicy.BEST_EFFORT
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=kind)


def output_qos(depth: int = 5) -> QoSProfile:
    """Return the profile of results: reliable, so that any subscriber can have them."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=ReliabilityPolicy.RELIABLE
    )


def latched_qos(depth: int = 1) -> QoSProfile:
    """Return the profile of what late subscribers must get too."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )


def _full_name(info: Any) -> str:
    return f'{info.node_namespace.rstrip("/")}/{info.node_name}'
