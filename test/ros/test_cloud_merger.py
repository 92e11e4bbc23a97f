"""Labeled clouds of several cameras over DDS into one."""

import subprocess
import sys

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.parameter import Parameter
from sensor_msgs.msg import PointCloud2

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.types import CloudData
from mmseg_ros.labelling import labelled_cloud
from mmseg_ros.messages import stamp_ns
from mmseg_ros.messages.cloud import point_array
from mmseg_ros.ros.conversions import cloud_message, header_of
from mmseg_ros.ros.merger_node import CloudMerger

pytestmark = pytest.mark.ros
CAMERAS = ('front', 'left', 'rear')
POINTS = '/cloud_merger/points'
PALETTE = np.zeros((256, 3), np.uint8)
COUNT = 40


@pytest.fixture
def make_merger(graph):
    def make(cameras=CAMERAS, **parameters):
        patience = {'deadline_s': 10.0, 'silent_after_s': 60.0}
        values = {'cameras': list(cameras), 'rate_hz': 20.0, **patience, **parameters}
        return graph.add(
            CloudMerger(
                context=graph.context,
                parameter_overrides=[Parameter(k, value=v) for k, v in values.items()],
            )
        )

    return make


class Rig:
    """Publishes what the cameras' nodes would: camera k sees 15 points, from k * 10 on."""

    def __init__(self, graph, node):
        self.graph = graph
        self.publishers = {
            name: node.create_publisher(PointCloud2, f'/{name}/mmseg/points', 10)
            for name in CAMERAS
        }
        assert graph.spin_until(
            lambda: all(p.get_subscription_count() for p in self.publishers.values())
        )

    def message(self, camera, stamp, count=COUNT, preset='default'):
        points = np.zeros(count, [(n, '<f4') for n in 'xyz'])
        points['x'] = np.arange(count)
        number = CAMERAS.index(camera)
        labels, confidence = np.full(count, 255, np.uint8), np.zeros(count, np.float32)
        seen = slice(10 * number, 10 * number + 15)
        labels[seen], confidence[seen] = number, 0.5 + 0.1 * number
        cloud = CloudData(points, 1, count)
        points = labelled_cloud(cloud, labels, confidence, PALETTE, preset)
        return cloud_message(header_of(stamp, 'lidar'), points, 1, count)

    def publish(self, cameras, stamp, **options):
        for camera in cameras:
            self.publishers[camera].publish(self.message(camera, stamp, **options))


@pytest.fixture
def rig(graph, listener):
    listener.listen(PointCloud2, POINTS)
    listener.listen(DiagnosticArray, '/diagnostics')
    return lambda: Rig(graph, listener.node)


def status(listener):
    newest = listener.messages['/diagnostics'][-1].status[0]
    return newest.level, newest.message, {v.key: v.value for v in newest.values}


def test_one_cloud_of_three(make_merger, rig, graph, listener):
    merger = make_merger()
    rig().publish(CAMERAS, 5_000_000_000)
    clouds = listener.messages[POINTS]
    assert graph.spin_until(lambda: clouds)
    message = clouds[0]
    assert (stamp_ns(message.header), message.header.frame_id) == (5_000_000_000, 'lidar')
    points = point_array(message)
    assert points['label'].tolist() == [0] * 10 + [1] * 10 + [2] * 15 + [255] * 5
    assert points['x'].tolist() == list(range(COUNT))
    assert (merger.join.emitted, merger.join.incomplete) == (1, 0)
    assert graph.spin_until(
        lambda: listener.messages['/diagnostics'] and status(listener)[2]['emitted'] == '1'
    )
    assert status(listener)[1] == 'all cameras deliver'


def test_a_silent_camera_is_not_waited_for_and_named(make_merger, rig, graph, listener):
    make_merger(deadline_s=0.2, silent_after_s=0.4)
    sender = rig()
    sender.publish(CAMERAS[:2], 1_000_000_000)
    clouds = listener.messages[POINTS]
    assert graph.spin_until(lambda: clouds)
    assert point_array(clouds[0])['label'].tolist() == [0] * 10 + [1] * 15 + [255] * 15
    assert graph.spin_until(lambda: 'Silent: ' in status(listener)[1])
    assert 'rear' in status(listener)[1]


@pytest.mark.parametrize(
    ('options', 'words'), [({'count': 30}, '30 points'), ({'preset': 'autoware'}, 'field_preset')]
)
def test_a_cloud_that_does_not_fit_is_left_out_and_named(
    make_merger, rig, graph, listener, options, words
):
    make_merger()
    sender = rig()
    sender.publish(['front'], 1_000_000_000)
    assert graph.spin_until(lambda: listener.messages['/diagnostics'])
    graph.spin_until(lambda: status(listener)[2]['received front'] == '1')
    sender.publish(['left'], 1_000_000_000, **options)
    sender.publish(['rear'], 1_000_000_000)
    clouds = listener.messages[POINTS]
    assert graph.spin_until(lambda: clouds)
    assert set(point_array(clouds[0])['label']) == {0, 2, 255}
    assert graph.spin_until(lambda: status(listener)[0] == b'\x02')
    assert 'left is left out' in status(listener)[1]
    assert words in status(listener)[2]['rejected left']
    sender.publish(CAMERAS, 2_000_000_000)
    assert graph.spin_until(lambda: len(clouds) > 1)
    assert graph.spin_until(lambda: status(listener)[0] == b'\x00')


def test_a_cloud_without_labels_is_named(make_merger, rig, graph, listener):
    make_merger()
    sender = rig()
    plain = np.zeros(3, [(n, '<f4') for n in 'xyz'])
    sender.publishers['left'].publish(cloud_message(header_of(1, 'lidar'), plain, 1, 3))
    assert graph.spin_until(
        lambda: listener.messages['/diagnostics'] and 'no label' in status(listener)[1]
    )


@pytest.mark.parametrize('cameras', [[''], ['front', 'front']])
def test_it_needs_different_cameras(make_merger, cameras):
    with pytest.raises(ConfigError, match='cameras'):
        make_merger(cameras)


def test_its_process_ends_on_wrong_parameters_with_a_sentence():
    command = [sys.executable, '-m', 'mmseg_ros.ros.cloud_merger']
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert 'cameras' in done.stderr
    assert 'Traceback' not in done.stderr
