"""A ROS graph of its own per session: free domain, loopback only, checked message fields."""

from __future__ import annotations

import importlib.util
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOMAIN_ID = os.getpid() % 101 + 1

# Read at the first import of rclpy and of the message modules.
os.environ['ROS_DOMAIN_ID'] = str(DOMAIN_ID)
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
os.environ['ROS_PYTHON_CHECK_FIELDS'] = '1'
os.environ['ROS_LOG_DIR'] = tempfile.mkdtemp(prefix='mmseg_ros_log_')
os.environ['FASTRTPS_DEFAULT_PROFILES_FILE'] = str(ROOT / 'config' / 'fastdds.xml')
os.environ['OMP_NUM_THREADS'] = '1'

if importlib.util.find_spec('rclpy') is None:
    collect_ignore_glob = ['test_*.py']

TIMEOUT_S = 30.0


class Graph:
    """Nodes of one test, spun in the test's own thread."""

    def __init__(self) -> None:
        import rclpy
        from rclpy.executors import SingleThreadedExecutor

        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=DOMAIN_ID)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.nodes: list[Any] = []

    def add(self, node: Any) -> Any:
        self.nodes.append(node)
        self.executor.add_node(node)
        return node

    def spin_until(self, done: Callable[[], Any], timeout_s: float = TIMEOUT_S) -> Any:
        """Spin until `done()` is true; return its value, false after the timeout."""
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s:
            value = done()
            if value:
                return value
            self.executor.spin_once(timeout_sec=0.01)
        return done()

    def call(self, client: Any, request: Any) -> Any:
        """Call a service and return its response."""
        assert self.spin_until(client.service_is_ready)
        future = client.call_async(request)
        assert self.spin_until(future.done)
        return future.result()

    def close(self) -> None:
        self.executor.shutdown()
        for node in self.nodes:
            if hasattr(node, 'release'):
                node.release()
            node.destroy_node()
        self.context.try_shutdown()


class Collected:
    """A node that keeps the messages of the topics it is asked to listen to."""

    def __init__(self, graph: Graph, name: str = 'listener') -> None:
        from rclpy.node import Node

        self.graph = graph
        self.node = graph.add(Node(name, context=graph.context))
        self.messages: dict[str, list[Any]] = defaultdict(list)

    def listen(self, message_class: Any, topic: str, qos: Any = 10) -> None:
        self.node.create_subscription(message_class, topic, self.messages[topic].append, qos)

    def wait(self, topic: str, count: int = 1, timeout_s: float = TIMEOUT_S) -> list[Any]:
        """Spin until `count` more messages than now are there; return these."""
        before = len(self.messages[topic])
        self.graph.spin_until(lambda: len(self.messages[topic]) >= before + count, timeout_s)
        return self.messages[topic][before:]


@pytest.fixture
def graph() -> Iterator[Graph]:
    """An empty graph."""
    created = Graph()
    yield created
    created.close()


@pytest.fixture
def listener(graph: Graph) -> Collected:
    """A node that listens."""
    return Collected(graph)


@pytest.fixture
def make_node(graph: Graph, make_bundle: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that starts a segmentation node with a tiny bundle."""
    from rclpy.parameter import Parameter

    from mmseg_ros.ros.segmentation_node import SegmentationNode

    def make(bundle: str | None = None, **parameters: Any) -> Any:
        values = {
            'model.bundle': bundle or str(make_bundle().path),
            'calibration.file': 'demo_rig',
            'autostart': True,
            'diagnostics.rate_hz': 10.0,
            **{name.replace('__', '.'): value for name, value in parameters.items()},
        }
        overrides = [Parameter(name, value=value) for name, value in values.items()]
        node = SegmentationNode(context=graph.context, parameter_overrides=overrides)
        return graph.add(node)

    return make
