"""The player: original stamps, bag time, drops, loops and /clock."""

import threading
import time

import numpy as np
import pytest
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import String

from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.errors import BagError, ConfigError
from mmseg_ros.core.types import CloudData, ImageData, SensorSample
from mmseg_ros.messages import stamp_ns
from mmseg_ros.ros.qos import latched_qos
from mmseg_ros.ros.tools.player import SILENCE_TOPIC, Drop, PlayOptions, play

START_NS = 1_700_000_000_000_000_000
PERIOD_NS = 100_000_000
COUNT = 10


@pytest.fixture
def bag(tmp_path):
    path = tmp_path / 'drive'
    random = np.random.default_rng(2)
    points = np.zeros(4, [(name, '<f4') for name in 'xyz'])
    with BagWriter(path) as writer:
        for i in range(COUNT):
            stamp = START_NS + i * PERIOD_NS
            image = ImageData(random.integers(0, 255, (4, 6, 3), np.uint8))
            for name, payload in (('rgb', image), ('lidar', CloudData(points, 1, 4))):
                writer.write_sample(SensorSample(name, stamp, name, payload, stamp + 1000))
    return path


@pytest.fixture
def played(graph, listener, bag):
    """Play the bag in a thread and return (report, messages per topic)."""
    listener.listen(Image, '/rgb/image_raw', QoSProfile(depth=100))
    listener.listen(PointCloud2, '/lidar/points', QoSProfile(depth=100))
    listener.listen(Clock, '/clock', QoSProfile(depth=1000))

    def run(enough=lambda: False, **options):
        stop, reports = threading.Event(), []
        thread = threading.Thread(
            target=lambda: reports.append(play(bag, PlayOptions(wait_s=15, **options), stop))
        )
        thread.start()
        graph.spin_until(lambda: enough() or not thread.is_alive())
        stop.set()
        thread.join()
        sent = sum(reports[0].published.values())
        topics = ('/rgb/image_raw', '/lidar/points')
        graph.spin_until(
            lambda: sum(len(listener.messages[t]) for t in topics) >= sent, timeout_s=5
        )
        return reports[0], listener.messages

    return run


def stamps(messages):
    return [stamp_ns(message.header) for message in messages]


@pytest.mark.ros
def test_everything_arrives_in_order_with_its_original_stamp(played):
    report, messages = played()
    expected = [START_NS + i * PERIOD_NS for i in range(COUNT)]
    assert stamps(messages['/rgb/image_raw']) == expected
    assert stamps(messages['/lidar/points']) == expected
    assert report.published == {'/rgb/image_raw': COUNT, '/lidar/points': COUNT}
    assert report.loops == 1


@pytest.mark.ros
def test_drop_silences_one_sensor_for_its_time(played):
    report, messages = played(drops=[Drop('lidar', 0.25, 0.55)])
    seconds = [(s - START_NS) / 1e9 for s in stamps(messages['/lidar/points'])]
    assert seconds == pytest.approx([0.0, 0.1, 0.2, 0.6, 0.7, 0.8, 0.9])
    assert len(messages['/rgb/image_raw']) == COUNT
    assert report.dropped == {'/lidar/points': 3}


@pytest.mark.ros
def test_sensors_that_the_page_names_are_silent_until_it_names_others(played, listener, graph):
    publisher = listener.node.create_publisher(String, SILENCE_TOPIC, latched_qos())
    publisher.publish(String(data='lidar,depth'))
    clouds = listener.messages['/lidar/points']
    images = listener.messages['/rgb/image_raw']
    brought_back = []

    def enough():
        if len(images) >= COUNT and not brought_back:
            brought_back.append(len(clouds))
            publisher.publish(String(data=''))
        return len(clouds) > 3

    report, _ = played(enough, loop=True, silence=True)
    assert brought_back[0] <= 2, 'a cloud or two may pass before the first word arrives'
    assert len(clouds) > 3
    assert report.dropped['/lidar/points'] >= COUNT - 3


@pytest.mark.ros
def test_excluded_topics_are_not_there(played):
    report, messages = played(rate=10.0, exclude=('/lidar',))
    assert report.published == {'/rgb/image_raw': COUNT}
    assert messages['/lidar/points'] == []


def test_rate_scales_time(played):
    began = time.monotonic()
    report, _ = played(rate=0.5)
    assert time.monotonic() - began >= 2 * (COUNT - 1) * PERIOD_NS / 1e9
    assert report.loops == 1


@pytest.mark.ros
def test_loop_goes_back_to_the_first_stamp_until_stopped(played, listener):
    images = listener.messages['/rgb/image_raw']
    report, messages = played(enough=lambda: len(images) >= 2 * COUNT + 3, loop=True, rate=4.0)
    got = stamps(messages['/rgb/image_raw'])
    assert got[COUNT] == got[2 * COUNT] == START_NS
    assert report.loops >= 2


@pytest.mark.ros
def test_clock_follows_bag_time(played):
    _, messages = played(clock=True)
    times = [m.clock.sec * 10**9 + m.clock.nanosec for m in messages['/clock']]
    assert times == sorted(times)
    assert times[0] >= START_NS
    assert times[-1] >= START_NS + (COUNT - 1) * PERIOD_NS
    assert len(times) >= 30


@pytest.mark.ros
def test_missing_bag_is_named(tmp_path):
    with pytest.raises(BagError, match='nothing_here'):
        play(tmp_path / 'nothing_here', PlayOptions(), threading.Event())


@pytest.mark.parametrize(
    ('text', 'drop'),
    [
        ('lidar@4-8', Drop('lidar', 4.0, 8.0)),
        ('rgb@2.5-', Drop('rgb', 2.5, float('inf'))),
        ('event@0-0.5', Drop('event', 0.0, 0.5)),
    ],
)
def test_drop_is_read(text, drop):
    assert Drop.parse(text) == drop


@pytest.mark.parametrize('text', ['lidar', 'lidar@', 'lidar@4', '@1-2', 'lidar@a-b', 'lidar@-3'])
def test_malformed_drop_is_rejected_with_an_example(text):
    with pytest.raises(ConfigError, match='lidar@4-8'):
        Drop.parse(text)


def test_drop_covers_its_sensor_alone():
    drop = Drop('rgb', 1.0, 2.0)
    assert drop.covers('/rgb/camera_info', 1.0)
    assert not drop.covers('/rgb/image_raw', 2.0)
    assert not drop.covers('/rgbd/image_raw', 1.5)
    assert not drop.covers('/lidar/points', 1.5)


def test_playing_to_nobody_is_told(tmp_path, sensors, capfd):
    with BagWriter(tmp_path / 'bag') as writer:
        pixels = ImageData(np.zeros((4, 6, 3), np.uint8))
        writer.write_sample(SensorSample('rgb', 10**18, 'camera', pixels))
    report = play(tmp_path / 'bag', PlayOptions(wait_s=0.2), threading.Event())
    assert report.published['/rgb/image_raw'] == 1
    said = capfd.readouterr().err
    assert 'nobody subscribes to /rgb/image_raw' in said
    assert '--wait' in said
