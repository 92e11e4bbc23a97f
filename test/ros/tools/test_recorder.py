"""The recorder: a bag of what was on the topics, valid however it is stopped."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import String

from mmseg_ros.bag.reader import BagReader
from mmseg_ros.core.errors import BagError
from mmseg_ros.messages import stamp_ns
from mmseg_ros.ros.conversions import header_of, image_message
from mmseg_ros.ros.tools.recorder import RecordOptions, record

pytestmark = pytest.mark.ros
ROOT = Path(__file__).parents[3]
BEST_EFFORT = QoSProfile(depth=20, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Publishing:
    """A best-effort image topic and a latched text, as the node has them."""

    def __init__(self, sensors):
        from sensor_msgs.msg import Image

        self.node = sensors.node
        self.images = self.node.create_publisher(Image, 'image', BEST_EFFORT)
        self.text = self.node.create_publisher(String, 'names', LATCHED)
        self.text.publish(String(data='latched'))
        self.count = 0

    def publish(self):
        pixels = np.full((4, 6), self.count % 256, np.uint8)
        self.images.publish(image_message(header_of(1000 + self.count, 'c'), pixels, 'mono8'))
        self.count += 1


def check(path):
    with BagReader(path) as reader:
        images = [m for topic, _, m in reader.messages(['/image'])]
        stamps = [stamp_ns(m.header) for m in images]
        assert len(stamps) >= 5
        assert stamps == list(range(stamps[0], stamps[0] + len(stamps)))
        assert all(np.all(m.data == (stamp_ns(m.header) - 1000) % 256) for m in images)
        assert [m.data for _, _, m in reader.messages(['/names'])] == ['latched']
        assert reader.start_ns > 10**18


def test_topics_are_recorded_as_they_are(graph, sensors, tmp_path):
    publishing = Publishing(sensors)
    stop, reports = threading.Event(), []
    path = tmp_path / 'bag'
    options = RecordOptions(topics=['/image', '/names', '/never'])
    thread = threading.Thread(target=lambda: reports.append(record(path, options, stop)))
    thread.start()
    assert graph.spin_until(lambda: publishing.images.get_subscription_count())
    for _ in range(20):
        publishing.publish()
        graph.spin_until(lambda: False, 0.02)
    stop.set()
    thread.join()
    check(path)
    assert set(reports[0].recorded) == {'/image', '/names'}


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_valid_bag(graph, sensors, tmp_path, number):
    publishing = Publishing(sensors)
    path = tmp_path / 'bag'
    command = [sys.executable, '-m', 'mmseg_ros', 'record', str(path)]
    child = subprocess.Popen(
        [*command, '--topics', '/image', '/names', '/never'],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert graph.spin_until(lambda: publishing.images.get_subscription_count())
    for _ in range(20):
        publishing.publish()
        graph.spin_until(lambda: False, 0.02)
    child.send_signal(number)
    text, _ = child.communicate(timeout=20)
    assert child.returncode == 0
    assert '/never: nothing came' in text
    check(path)


def test_existing_bag_is_not_overwritten(tmp_path):
    (tmp_path / 'bag').mkdir()
    with pytest.raises(BagError, match='exists'):
        record(tmp_path / 'bag', RecordOptions(), threading.Event())


def test_duration_ends_the_recording(tmp_path):
    report = record(tmp_path / 'bag', RecordOptions(['/x'], duration_s=0.3), threading.Event())
    assert not report.recorded


def test_why_nothing_came_is_told(graph, sensors, tmp_path):
    silent = sensors.node.create_publisher(String, 'silent', LATCHED)
    report = record(
        tmp_path / 'bag', RecordOptions(['/silent', '/never'], duration_s=3.0), threading.Event()
    )
    assert not report.recorded
    assert 'sent nothing' in report.why_nothing('/silent')
    assert 'never had a publisher' in report.why_nothing('/never')
    sensors.node.destroy_publisher(silent)
