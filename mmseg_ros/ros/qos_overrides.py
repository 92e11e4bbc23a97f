"""`qos_overrides.<topic>.<publisher|subscription>.<policy>`: the QoS that a user asks for.

Publishers declare these parameters as rclpy does everywhere. Subscriptions adapt to whoever
publishes, so they declare the given ones alone, and these win.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSPolicyKind
from rclpy.qos_overriding_options import QoSOverridingOptions

from mmseg_ros.ros.rclpy_compat import given_parameters

QOS_OVERRIDES = 'qos_overrides.'
_NAME = re.compile(r'qos_overrides\.(?P<topic>/.+)\.(publisher|subscription)\.(?P<policy>\w+)')
_CHOICES: Mapping[str, tuple[str, ...]] = {
    'history': ('keep_last', 'keep_all', 'system_default'),
    'reliability': ('reliable', 'best_effort', 'system_default'),
    'durability': ('volatile', 'transient_local', 'system_default'),
    'liveliness': ('automatic', 'manual_by_topic', 'system_default'),
}
_TYPES: Mapping[str, type] = {
    'depth': int,
    'deadline': int,
    'lifespan': int,
    'liveliness_lease_duration': int,
    'avoid_ros_namespace_conventions': bool,
}
_OUTPUT_POLICIES = (
    QoSPolicyKind.HISTORY,
    QoSPolicyKind.DEPTH,
    QoSPolicyKind.RELIABILITY,
    QoSPolicyKind.DURABILITY,
)


def output_options() -> QoSOverridingOptions:
    """Return what `create_publisher` takes for a result."""
    return QoSOverridingOptions(_OUTPUT_POLICIES)


def input_options(node: Node, topic: str) -> QoSOverridingOptions:
    """Return what `create_subscription` takes: the policies that were given for this topic."""
    given = given_parameters(node)
    prefix = _prefix(node, topic)
    kinds = QoSPolicyKind.__members__.values()
    return QoSOverridingOptions([k for k in kinds if prefix + k.name.lower() in given])


def given_reliability(node: Node, topic: str) -> str:
    """Return the reliability that was given for a subscription, or ''."""
    given = given_parameters(node).get(_prefix(node, topic) + 'reliability')
    return '' if given is None else str(given.value)


def odd_override(name: str, value: Any) -> str:
    """Return why a parameter below `qos_overrides.` is impossible and what to do, or ''."""
    match = _NAME.fullmatch(name)
    policy = match['policy'] if match else ''
    if policy not in (*_CHOICES, *_TYPES):
        return (
            f'Parameter {name} is no QoS override; write '
            f'{QOS_OVERRIDES}/topic.publisher.policy or {QOS_OVERRIDES}/topic.subscription.policy '
            f'with one of {", ".join((*_CHOICES, *_TYPES))}.'
        )
    if policy in _CHOICES and value not in _CHOICES[policy]:
        return f'Parameter {name} must be one of {", ".join(_CHOICES[policy])}, but is {value!r}.'
    if policy in _TYPES and type(value) is not _TYPES[policy]:
        kind = _TYPES[policy].__name__
        return f'Parameter {name} must be of type {kind}, but is {value!r}.'
    if policy in _TYPES and value < 0:
        return f'Parameter {name} must not be negative, but is {value!r}.'
    return ''


def _prefix(node: Node, topic: str) -> str:
    return f'{QOS_OVERRIDES}{node.resolve_topic_name(topic)}.subscription.'
