"""Poses from /tf_static and /tf, over DDS, with or without tf2_msgs."""

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image, PointCloud2

from mmseg_ros.projection.transforms import quaternion_from_rotation
from mmseg_ros.ros import raw_transforms
from mmseg_ros.ros.qos import latched_qos
from mmseg_ros.ros.tools.message_types import message_class_of

pytestmark = pytest.mark.ros
ALL = ('rgb', 'depth', 'event', 'lidar')


class Broadcaster:
    """Publishes transforms as bytes, on a participant of its own."""

    def __init__(self, graph):
        from rosbags.typesys import Stores, get_typestore

        self.store = get_typestore(Stores.ROS2_JAZZY)
        self.graph = graph
        self.node = graph.add(Node('broadcaster', context=graph.context))
        self.publishers = {}

    def send(self, topic, *edges):
        """Publish (parent, child, T_parent_child) on a topic."""
        if topic not in self.publishers:
            qos = latched_qos(100) if topic == '/tf_static' else QoSProfile(depth=100)
            message_class = message_class_of(raw_transforms.TYPE_NAME)
            message_class = message_class or raw_transforms.raw_transform_class()
            self.publishers[topic] = self.node.create_publisher(message_class, topic, qos)
        message = self.store.types[raw_transforms.TYPE_NAME]([self._item(*e) for e in edges])
        data = self.store.serialize_cdr(message, raw_transforms.TYPE_NAME)
        self.publishers[topic].publish(bytes(data))
        self.graph.executor.spin_once(timeout_sec=0)

    def _item(self, parent, child, T):
        types = self.store.types
        stamp = types['builtin_interfaces/msg/Time'](0, 0)
        move = types['geometry_msgs/msg/Vector3'](*map(float, T[:3, 3]))
        turn = types['geometry_msgs/msg/Quaternion'](
            *map(float, quaternion_from_rotation(T[:3, :3]))
        )
        return types['geometry_msgs/msg/TransformStamped'](
            types['std_msgs/msg/Header'](stamp, parent),
            child,
            types['geometry_msgs/msg/Transform'](move, turn),
        )


@pytest.fixture
def broadcaster(other_graph):
    return Broadcaster(other_graph)


def edges(rig, *names):
    frames = {'rgb': 'camera_optical', 'depth': 'depth_optical', 'event': 'event_optical'}
    return [('base_link', frames.get(name, name), rig.T_base(name)) for name in names]


def placed(node, name):
    mount = node.session.calibration.rig.mounts.get(name)
    return mount is not None and mount.T_base_sensor is not None


def test_tf_static_places_the_sensors_and_points_are_labelled(
    make_node, sensors, listener, broadcaster
):
    broadcaster.send('/tf_static', *edges(sensors.rig, *ALL))
    node = make_node(calibration__file='')
    listener.listen(PointCloud2, '/mmseg/points')
    assert sensors.play_until(ALL, lambda: listener.messages['/mmseg/points'])
    for name in ALL:
        found = node.session.calibration.rig.T_base(name)
        assert np.allclose(found, sensors.rig.T_base(name), atol=1e-9)
    assert '/tf' not in node.stream.frames._subscriptions


def test_a_chain_over_tf_is_followed(make_node, sensors, broadcaster):
    broadcaster.send('/tf_static', *edges(sensors.rig, 'rgb', 'depth', 'event'))
    node = make_node(calibration__file='')
    assert sensors.play_until(ALL, lambda: placed(node, 'rgb'))
    assert not placed(node, 'lidar')
    for x in (1.0, 2.0):
        T = np.eye(4)
        T[0, 3] = x

        def follows(x=x, T=T):
            broadcaster.send('/tf', ('base_link', 'lidar', T))
            return (
                placed(node, 'lidar') and node.session.calibration.rig.T_base('lidar')[0, 3] == x
            )

        assert sensors.play_until(ALL, follows)


def test_without_poses_labels_go_on_and_what_is_missing_is_named(make_node, sensors, listener):
    node = make_node(calibration__file='')
    listener.listen(Image, '/mmseg/labels')
    listener.listen(DiagnosticArray, '/diagnostics')
    assert sensors.play_until(ALL, lambda: listener.messages['/mmseg/labels'])

    def named():
        return {
            status.name: status.message
            for array in listener.messages['/diagnostics'][-2:]
            for status in array.status
            if 'No pose of' in status.message
        }

    assert sensors.play_until(ALL, lambda: len(named()) == 3)
    text = named()['mmseg: sensor lidar']
    assert "No pose of lidar: /tf_static and /tf do not join its frame 'lidar'" in text
    assert "No pose of rgb: /tf_static and /tf do not join its frame 'camera_optical'" in text
    assert 'set calibration.file' in text
    assert 'rgb' in node.session.statistics.subsets


def test_another_middleware_is_named_with_the_remedy(make_node, monkeypatch):
    monkeypatch.setattr('mmseg_ros.ros.transform_frames.message_class_of', lambda _: None)
    monkeypatch.setattr(raw_transforms, 'get_rmw_implementation_identifier', lambda: 'rmw_other')
    raw_transforms.raw_transform_class.cache_clear()
    node = make_node(calibration__file='')
    raw_transforms.raw_transform_class.cache_clear()
    assert 'rmw_other' in node.stream.frames.problem
    assert 'set calibration.file' in node.stream.frames.problem
    assert 'rmw_other' in node.session.calibration.explain_pose('lidar')


def test_the_type_is_described_to_others_as_it_is():
    from rosbags.typesys import Stores, get_typestore

    raw_transforms.raw_transform_class()
    store = get_typestore(Stores.ROS2_JAZZY)
    digest = bytes(raw_transforms._type_hash().value).hex()
    assert store.hash_rihs01(raw_transforms.TYPE_NAME) == f'RIHS01_{digest}'
