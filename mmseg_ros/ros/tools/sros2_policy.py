"""The SROS2 policy of a running segmentation node: what it publishes, subscribes to and answers.

`python -m mmseg_ros.ros.tools.sros2_policy --ros-args --params-file FILE` starts the node with
these parameters, prints its policy and ends.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

import rclpy

from mmseg_ros.core.modalities import TF_STATIC_TOPIC, TF_TOPIC
from mmseg_ros.ros.node import SegmentationNode
from mmseg_ros.ros.run_node import start_node

_LONGEST_START_S = 120.0
_SETTLE_S = 1.0
_POLICY_VERSION = '0.2.0'


@dataclass(frozen=True, slots=True)
class Interface:
    """Full names of what a node uses, sorted.

    Attributes:
        publish: Topics it publishes. subscribe: Topics it may subscribe to.
        reply: Services it answers, those of its parameters and its lifecycle included.
        request: Services it calls.
    """

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    reply: tuple[str, ...]
    request: tuple[str, ...]


def interface_of(node: SegmentationNode) -> Interface:
    """Return what an active node uses, as the ROS graph knows it.

    A sensor may come in several forms (raw, compressed), of which only the published one is
    subscribed to, and /tf only while a pose hangs on it: all of these topics are in the result.
    """
    me = (node.get_name(), node.get_namespace())
    subscribed = _names(node.get_subscriber_names_and_types_by_node(*me))
    possible: set[str] = set()
    if node.stream is not None:
        for subscription in node.stream.inputs.values():
            possible |= subscription.topics
        if node.stream.frames is not None:
            possible |= {TF_TOPIC, TF_STATIC_TOPIC}
    return Interface(
        publish=_sorted(_names(node.get_publisher_names_and_types_by_node(*me))),
        subscribe=_sorted({*subscribed, *possible}),
        reply=_sorted(_names(node.get_service_names_and_types_by_node(*me))),
        request=_sorted(_names(node.get_client_names_and_types_by_node(*me))),
    )


def policy_xml(name: str, namespace: str, interface: Interface) -> str:
    """Return the policy file of one node in an enclave of its own name."""
    policy = ElementTree.Element('policy', version=_POLICY_VERSION)
    path = f'{namespace.rstrip("/")}/{name}'
    enclave = ElementTree.SubElement(
        ElementTree.SubElement(policy, 'enclaves'), 'enclave', path=path
    )
    profile = ElementTree.SubElement(
        ElementTree.SubElement(enclave, 'profiles'), 'profile', ns=namespace, node=name
    )
    for right, kind, names in (
        ('publish', 'topic', interface.publish),
        ('subscribe', 'topic', interface.subscribe),
        ('reply', 'service', interface.reply),
        ('request', 'service', interface.request),
    ):
        if names:
            group = ElementTree.SubElement(profile, f'{kind}s', {right: 'ALLOW'})
            for full_name in names:
                ElementTree.SubElement(group, kind).text = full_name
    ElementTree.indent(policy)
    return f'<?xml version="1.0"?>\n{ElementTree.tostring(policy, encoding="unicode")}\n'


def main(arguments: Sequence[str]) -> int:
    """Start the node, print its policy; return the exit status."""
    started = start_node(arguments, SegmentationNode)
    if started is None:
        return 1
    node, executor = started
    end_s = time.monotonic() + _LONGEST_START_S
    while node.stream is None and not node.failure and time.monotonic() < end_s:
        executor.spin_once(timeout_sec=0.1)
    settled_s = time.monotonic() + _SETTLE_S
    while time.monotonic() < settled_s:
        executor.spin_once(timeout_sec=0.1)
    is_active = node.stream is not None
    if is_active:
        sys.stdout.write(policy_xml(node.get_name(), node.get_namespace(), interface_of(node)))
    else:
        reason = node.failure or 'it did not become active; set autostart: true.'
        print(f'mmseg_ros: the node has no interface to describe: {reason}', file=sys.stderr)
    node.release()
    node.destroy_node()
    rclpy.try_shutdown()
    return int(not is_active)


def _names(names_and_types: Iterable[tuple[str, list[str]]]) -> set[str]:
    return {name for name, _ in names_and_types}


def _sorted(names: set[str]) -> tuple[str, ...]:
    return tuple(sorted(names))


if __name__ == '__main__':
    sys.exit(main(sys.argv))
