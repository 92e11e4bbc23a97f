"""A ROS graph of its own per session: free domain, loopback only, checked message fields."""

from __future__ import annotations

import importlib.util
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
DOMAIN_ID = os.getpid() % 101 + 1

# Read at the first import of rclpy and of the message modules.
os.environ['ROS_DOMAIN_ID'] = str(DOMAIN_ID)
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
os.environ['ROS_PYTHON_CHECK_FIELDS'] = '1'
LOGS = tempfile.TemporaryDirectory(prefix='mmseg_ros_log_')
os.environ['ROS_LOG_DIR'] = LOGS.name
os.environ['FASTRTPS_DEFAULT_PROFILES_FILE'] = str(ROOT / 'config' / 'fastdds_loopback.xml')
os.environ['OMP_NUM_THREADS'] = '1'

if importlib.util.find_spec('rclpy') is None:
    collect_ignore_glob = ['test_*.py']
else:
    from mmseg_ros.messages import camera_info_fields
    from mmseg_ros.ros.conversions import cloud_message, header_of, image_message

TIMEOUT_S = 15.0
CONFIGURE_S = 90.0  # on a machine that compiles the projection for the first time


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
        assert self.spin_until(future.done, CONFIGURE_S)
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


class Sensors:
    """Publishes the four sensors of the demonstration rig, small, with any fault a test wants."""

    HEIGHT, WIDTH = 48, 80
    PERIOD_NS = 100_000_000

    def __init__(self, graph: Graph) -> None:
        from rclpy.node import Node
        from sensor_msgs.msg import CameraInfo, Image, PointCloud2

        from mmseg_ros.projection.extrinsics import load_rig

        self.graph = graph
        self.node = graph.add(Node('sensors', context=graph.context))
        self.rig = load_rig()
        self.classes = {
            'rgb/image_raw': Image,
            'rgb/camera_info': CameraInfo,
            'depth/image': Image,
            'depth/camera_info': CameraInfo,
            'event/events': PointCloud2,
            'event/camera_info': CameraInfo,
            'lidar/points': PointCloud2,
        }
        self.publishers: dict[str, Any] = {}
        self.random = np.random.default_rng(3)

    def now_ns(self) -> int:
        return int(self.node.get_clock().now().nanoseconds)

    def publisher(self, topic: str) -> Any:
        if topic not in self.publishers:
            self.publishers[topic] = self.node.create_publisher(self.classes[topic], topic, 10)
        return self.publishers[topic]

    def image(self, stamp_ns: int) -> Any:
        pixels = self.random.integers(0, 255, (self.HEIGHT, self.WIDTH, 3), np.uint8)
        return image_message(header_of(stamp_ns, 'camera_optical'), pixels, 'rgb8')

    def depth(self, stamp_ns: int) -> Any:
        depth_m = self.random.uniform(2, 30, (self.HEIGHT, self.WIDTH)).astype(np.float32)
        return image_message(header_of(stamp_ns, 'depth_optical'), depth_m, '32FC1')

    def cloud(self, stamp_ns: int, count: int = 500) -> Any:
        points = np.zeros(count, [(n, '<f4') for n in ('x', 'y', 'z', 'intensity')])
        points['x'] = self.random.uniform(4, 40, count)
        points['y'] = points['x'] * self.random.uniform(-0.4, 0.4, count)
        points['z'] = self.random.uniform(-2, 2, count)
        points['intensity'] = self.random.uniform(0, 1, count)
        return cloud_message(header_of(stamp_ns, 'lidar'), points, 1, count)

    def events(self, stamp_ns: int, count: int = 300) -> Any:
        points = np.zeros(count, [('x', '<u2'), ('y', '<u2'), ('t', '<u4'), ('p', 'u1')])
        points['x'] = self.random.integers(0, 320, count)
        points['y'] = self.random.integers(0, 192, count)
        points['t'] = np.sort(self.random.integers(0, 50_000, count))
        points['p'] = self.random.integers(0, 2, count)
        return cloud_message(header_of(stamp_ns - 50_000_000, 'event_optical'), points, 1, count)

    def camera_info(self, modality: str, stamp_ns: int, scaled: bool = True) -> Any:
        from sensor_msgs.msg import CameraInfo

        camera = self.rig.camera(modality)
        if scaled and modality != 'event':
            camera = camera.resized(self.HEIGHT, self.WIDTH)
        message = CameraInfo(header=header_of(stamp_ns, camera.frame_id))
        for name, value in camera_info_fields(camera).items():
            setattr(message, name, value.tolist() if isinstance(value, np.ndarray) else value)
        return message

    def messages(self, modality: str, stamp_ns: int) -> dict[str, Any]:
        """Return what one sensor publishes for one stamp, by topic."""
        if modality == 'lidar':
            return {'lidar/points': self.cloud(stamp_ns)}
        data = {
            'rgb': ('rgb/image_raw', self.image),
            'depth': ('depth/image', self.depth),
            'event': ('event/events', self.events),
        }
        topic, make = data[modality]
        info = {f'{modality}/camera_info': self.camera_info(modality, stamp_ns)}
        return {**info, topic: make(stamp_ns)}

    def publish(self, modalities: Iterable[str], stamp_ns: int) -> None:
        for modality in modalities:
            for topic, message in self.messages(modality, stamp_ns).items():
                self.publisher(topic).publish(message)

    def play_until(
        self,
        modalities: Iterable[str],
        done: Callable[[], Any],
        timeout_s: float = TIMEOUT_S,
        change: Callable[[str, Any], Any] = lambda topic, message: message,
    ) -> Any:
        """Publish at 10 Hz until `done()`; `change` may replace or (with None) hold back."""
        modalities = tuple(modalities)
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s and not done():
            for modality in modalities:
                for topic, message in self.messages(modality, self.now_ns()).items():
                    changed = change(topic, message)
                    if changed is not None:
                        self.publisher(topic).publish(changed)
            self.graph.spin_until(done, self.PERIOD_NS / 1e9)
        return done()


@pytest.fixture
def graph() -> Iterator[Graph]:
    """An empty graph."""
    created = Graph()
    yield created
    created.close()


@pytest.fixture
def other_graph() -> Iterator[Graph]:
    """A second DDS participant: one participant cannot have two types on a topic."""
    created = Graph()
    yield created
    created.close()


@pytest.fixture
def listener(graph: Graph) -> Collected:
    """A node that listens."""
    return Collected(graph)


@pytest.fixture
def sensors(graph: Graph) -> Sensors:
    """The four sensors."""
    return Sensors(graph)


@pytest.fixture
def make_node(graph: Graph, make_bundle: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that starts a segmentation node with a tiny bundle."""
    from rclpy.parameter import Parameter

    from mmseg_ros.ros.node import SegmentationNode

    def make(
        bundle: str | None = None,
        expect: str = 'active',
        autostart: bool = True,
        arguments: tuple[str, ...] = (),
        **parameters: Any,
    ) -> Any:
        expect = expect if autostart else ''
        values = {
            'model.bundle': bundle or str(make_bundle().path),
            'calibration.file': 'demo_rig',
            # The sensors below are smaller than those of the file.
            'calibration.intrinsics': 'camera_info',
            'autostart': autostart,
            'diagnostics.rate_hz': 10.0,
            **{name.replace('__', '.'): value for name, value in parameters.items()},
        }
        overrides = [Parameter(name, value=value) for name, value in values.items()]
        node = SegmentationNode(
            context=graph.context, parameter_overrides=overrides, cli_args=[*arguments]
        )
        graph.add(node)
        if expect:
            assert graph.spin_until(
                lambda: node.state_label == expect or node.failure, CONFIGURE_S
            )
            assert not node.failure
        return node

    return make
