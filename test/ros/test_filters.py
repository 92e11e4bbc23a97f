"""The collector behind the interface of message_filters, with a stand-in where that is missing."""

import importlib
import sys
import types

import pytest
from rclpy.node import Node
from sensor_msgs.msg import Image

from mmseg_ros.core.config import SyncConfig
from mmseg_ros.ros.conversions import header_of

pytestmark = pytest.mark.ros
MS = 1_000_000


class SimpleFilter:
    """What message_filters promises of a filter: callbacks with extra arguments, and signals."""

    def __init__(self):
        self.callbacks = []

    def registerCallback(self, callback, *args):  # noqa: N802
        self.callbacks.append((callback, args))
        return len(self.callbacks) - 1

    def signalMessage(self, *messages):  # noqa: N802
        for callback, args in self.callbacks:
            callback(*messages, *args)


class Subscriber(SimpleFilter):
    def __init__(self, node, message_class, topic):
        super().__init__()
        self.sub = node.create_subscription(message_class, topic, self.signalMessage, 10)


@pytest.fixture
def filters(monkeypatch):
    """mmseg_ros.ros.filters, on the real message_filters if there is one."""
    try:
        importlib.import_module('message_filters')
    except ImportError:
        stand_in = types.ModuleType('message_filters')
        stand_in.SimpleFilter, stand_in.Subscriber = SimpleFilter, Subscriber
        monkeypatch.setitem(sys.modules, 'message_filters', stand_in)
    monkeypatch.delitem(sys.modules, 'mmseg_ros.ros.filters', raising=False)
    return importlib.import_module('mmseg_ros.ros.filters')


@pytest.fixture
def bench(graph, filters):
    import message_filters

    node = graph.add(Node('fusion', context=graph.context))
    inputs = {
        name: message_filters.Subscriber(node, Image, f'{name}/image')
        for name in ('rgb', 'thermal')
    }
    unit = filters.CollectorFilter(node, inputs, SyncConfig(deadline_s=0.2))
    publishers = {name: node.create_publisher(Image, f'{name}/image', 10) for name in inputs}
    assert graph.spin_until(lambda: all(p.get_subscription_count() for p in publishers.values()))
    got = []
    unit.registerCallback(lambda *messages: got.append(messages))

    def publish(name, stamp_ns):
        publishers[name].publish(Image(header=header_of(stamp_ns, name)))

    yield types.SimpleNamespace(node=node, unit=unit, publish=publish, got=got, graph=graph)
    unit.close()


def now_ns(bench):
    return bench.node.get_clock().now().nanoseconds


def test_callbacks_get_one_message_per_input(bench):
    stamp_ns = now_ns(bench)
    bench.publish('thermal', stamp_ns + 2 * MS)
    bench.publish('rgb', stamp_ns)
    assert bench.graph.spin_until(lambda: bench.got)
    rgb, thermal = bench.got[0]
    assert (rgb.header.frame_id, thermal.header.frame_id) == ('rgb', 'thermal')


def test_a_missing_message_is_none_after_the_deadline(bench):
    sent_ns = now_ns(bench)
    bench.publish('rgb', sent_ns)
    assert bench.graph.spin_until(lambda: bench.got)
    rgb, thermal = bench.got[0]
    assert rgb.header.frame_id == 'rgb'
    assert thermal is None
    assert now_ns(bench) - sent_ns >= 200 * MS


def test_filters_can_follow_it(bench, filters):
    following = filters.message_filters.SimpleFilter()
    bench.unit.registerCallback(lambda *messages: following.signalMessage(*messages))
    seen = []
    following.registerCallback(lambda *messages: seen.append(messages))
    stamp_ns = now_ns(bench)
    for name in ('rgb', 'thermal'):
        bench.publish(name, stamp_ns)
    assert bench.graph.spin_until(lambda: seen)
    assert len(seen[0]) == 2


def test_a_lost_input_is_told(bench):
    def play():
        bench.publish('rgb', now_ns(bench))
        return 'silent' in report().cause or 'has come yet' in report().cause

    def report():
        return bench.unit.collector.health.reports(now_ns(bench))['thermal']

    assert bench.graph.spin_until(lambda: play() and report().state.value == 'LOST')
