"""The node takes what is there: QoS, message type and compressed variants."""

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from mmseg_ros.ros.conversions import header_of, image_message
from mmseg_ros.ros.subscriptions import AdaptiveSubscription, Candidate

pytestmark = pytest.mark.ros
RELIABLE, BEST_EFFORT = ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT


def profile(reliability):
    return QoSProfile(depth=5, reliability=reliability)


@pytest.fixture
def subscription(graph):
    made = []

    def make(reliability='auto', candidates=None):
        node = graph.add(Node('subscriber', context=graph.context))
        got = []
        if candidates is None:
            candidates = [('image', 'sensor_msgs/msg/Image', Image)]
        candidates = [Candidate(*c, got.append) for c in candidates]
        made.append(AdaptiveSubscription(node, candidates, reliability, 5))
        return made[-1], got

    yield make
    for item in made:
        item.close()


def refreshed(graph, item, done):
    def look():
        item.refresh()
        return done()

    return graph.spin_until(look)


def test_auto_follows_the_publishers(graph, subscription):
    item, _ = subscription()
    assert item.reliability == 'best_effort'
    node = graph.add(Node('publisher', context=graph.context))
    first = node.create_publisher(Image, 'image', profile(RELIABLE))
    assert refreshed(graph, item, lambda: item.reliability == 'reliable')
    second = node.create_publisher(Image, 'image', profile(BEST_EFFORT))
    assert refreshed(graph, item, lambda: item.reliability == 'best_effort')
    node.destroy_publisher(second)
    assert refreshed(graph, item, lambda: item.reliability == 'reliable')
    node.destroy_publisher(first)
    assert refreshed(graph, item, lambda: item.publisher_count() == 0)
    assert item.reliability == 'reliable'


def test_fixed_reliability_names_the_publisher_that_cannot_serve_it(graph, subscription):
    item, _ = subscription('reliable')
    node = graph.add(Node('webcam', context=graph.context))
    publisher = node.create_publisher(Image, 'image', profile(BEST_EFFORT))
    assert refreshed(graph, item, lambda: item.problem)
    assert '/webcam' in item.problem
    node.destroy_publisher(publisher)
    node.create_publisher(Image, 'image', profile(RELIABLE))
    assert refreshed(graph, item, lambda: not item.problem)


def test_type_follows_the_publisher_of_another_process(graph, other_graph, subscription):
    from sensor_msgs.msg import PointCloud2

    item, got = subscription(
        candidates=[
            ('events', 'sensor_msgs/msg/PointCloud2', PointCloud2),
            ('events', 'sensor_msgs/msg/Image', Image),
        ]
    )
    node = other_graph.add(Node('publisher', context=other_graph.context))
    publisher = node.create_publisher(Image, 'events', 5)

    def received():
        publisher.publish(Image())
        return got

    assert refreshed(graph, item, received)
    assert isinstance(got[0], Image)


def test_compressed_images_are_taken_when_nothing_else_comes(graph, listener, sensors, make_node):
    make_node()
    listener.listen(Image, '/mmseg/labels')
    publisher = sensors.node.create_publisher(CompressedImage, 'rgb/image_raw/compressed', 5)
    pixels = np.random.default_rng(0).integers(0, 255, (48, 80, 3), np.uint8)
    data = cv2.imencode('.png', pixels)[1].tobytes()

    def labelled():
        header = header_of(sensors.now_ns(), 'camera_optical')
        publisher.publish(CompressedImage(header=header, format='png', data=data))
        graph.spin_until(lambda: False, 0.05)
        return listener.messages['/mmseg/labels']

    assert graph.spin_until(labelled)
    assert listener.messages['/mmseg/labels'][0].width == 80


def test_event_frames_are_taken_as_events(graph, other_graph, listener, sensors, make_node):
    node = make_node()
    listener.listen(Image, '/mmseg/labels')
    stranger = other_graph.add(Node('renderer', context=other_graph.context))
    publisher = stranger.create_publisher(Image, 'event/events', 5)
    camera = sensors.rig.camera('event')
    pixels = np.zeros((camera.height, camera.width, 3), np.uint8)
    pixels[50:100, 50:100, 0] = 255

    def used():
        stamp_ns = sensors.now_ns()
        info = sensors.camera_info('event', stamp_ns)
        sensors.publisher('event/camera_info').publish(info)
        header = header_of(stamp_ns, 'event_optical')
        publisher.publish(image_message(header, pixels, 'rgb8'))
        return 'rgb+event' in node.session.statistics.subsets

    assert sensors.play_until(('rgb',), used)


def test_a_transport_that_is_not_read_is_named(graph, subscription):
    item, _ = subscription()
    assert item.problem == ''
    node = graph.add(Node('publisher', context=graph.context))
    other = node.create_publisher(CompressedImage, 'image/theora', 5)
    assert refreshed(graph, item, lambda: item.problem)
    assert '/image is published only as /image/theora' in item.problem
    assert 'republish it as one of /image' in item.problem
    node.create_publisher(Image, 'image', 5)
    assert refreshed(graph, item, lambda: not item.problem)
    node.destroy_publisher(other)


def test_qos_mismatch_is_shown_in_diagnostics(graph, listener, sensors, make_node):
    make_node(**{'sensors.lidar.reliability': 'reliable'})
    listener.listen(DiagnosticArray, '/diagnostics')
    node = graph.add(Node('lidar_driver', context=graph.context))
    node.create_publisher(sensors.classes['lidar/points'], 'lidar/points', profile(BEST_EFFORT))

    def named():
        statuses = [s for array in listener.messages['/diagnostics'] for s in array.status]
        return any('/lidar_driver' in s.message and 'best_effort' in s.message for s in statuses)

    assert graph.spin_until(named)


def test_a_backlog_is_taken_in_one_round(graph, subscription):
    _, got = subscription('reliable')
    publisher = graph.add(Node('publisher', context=graph.context)).create_publisher(
        Image, 'image', profile(RELIABLE)
    )
    assert graph.spin_until(publisher.get_subscription_count)
    for i in range(5):
        publisher.publish(Image(width=i))
    rounds = 0
    while len(got) < 5 and rounds < 500:
        before = len(got)
        graph.executor.spin_once(timeout_sec=0.01)
        rounds += len(got) > before
    assert [message.width for message in got] == list(range(5))
    assert rounds <= 2
