"""While the vehicle turns, odometry brings LiDAR points onto the pixels of what they hit."""

import numpy as np
import pytest
from nav_msgs.msg import Odometry
from sensor_msgs.msg import PointCloud2

from mmseg_ros.messages import decode_cloud
from mmseg_ros.projection.transforms import transform_points
from mmseg_ros.ros.conversions import cloud_message, header_of, image_message

pytestmark = pytest.mark.ros
TURN_RADPS = 0.8
LATER_NS = 45_000_000
POSE_NS = 20_000_000


def halves(sensors, stamp_ns):
    """The left half is red (class 0), the right half blue (class 2)."""
    pixels = np.zeros((sensors.HEIGHT, sensors.WIDTH, 3), np.uint8)
    pixels[:, : sensors.WIDTH // 2, 0] = pixels[:, sensors.WIDTH // 2 :, 2] = 200
    return image_message(header_of(stamp_ns, 'camera_optical'), pixels, 'rgb8')


def slightly_left(sensors, stamp_ns):
    """One point that is left of the middle when it is measured, 45 ms before the image."""
    ahead = np.array([[20.0, 20 * 0.018, 1.5]])
    xyz = transform_points(np.linalg.inv(sensors.rig.T_base('lidar')), ahead)
    points = np.zeros(1, [(n, '<f4') for n in ('x', 'y', 'z', 'intensity')])
    points['x'], points['y'], points['z'] = xyz[:, 0], xyz[:, 1], xyz[:, 2]
    return cloud_message(header_of(stamp_ns - LATER_NS, 'lidar'), points, 1, 1)


def pose_message(stamp_ns):
    half = TURN_RADPS * (stamp_ns % 1_000_000_000_000) / 1e9 / 2
    message = Odometry(header=header_of(stamp_ns, 'odom'))
    message.pose.pose.orientation.z = float(np.sin(half))
    message.pose.pose.orientation.w = float(np.cos(half))
    return message


@pytest.mark.parametrize(('turning', 'expected'), [(True, 2), (False, 0)])
def test_labels_of_points_while_turning(
    turning, expected, listener, sensors, make_node, make_bundle
):
    node = make_node(str(make_bundle(('rgb',)).path))
    listener.listen(PointCloud2, '/mmseg/points')
    odometry = sensors.node.create_publisher(Odometry, 'odom', 50)

    def change(topic, message):
        stamp_ns = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        if topic == 'rgb/image_raw':
            return halves(sensors, stamp_ns)
        if topic == 'lidar/points':
            return slightly_left(sensors, stamp_ns)
        if topic == 'rgb/camera_info' and turning:
            first_ns = stamp_ns // POSE_NS * POSE_NS - 5 * POSE_NS
            for k in range(7):
                odometry.publish(pose_message(first_ns + k * POSE_NS))
        return message

    found = []

    def labelled():
        while listener.messages['/mmseg/points']:
            cloud = decode_cloud(listener.messages['/mmseg/points'].pop(0))
            found.append(int(cloud.points['label'][0]))
        return found[-3:] == [expected] * 3

    assert sensors.play_until(('rgb', 'lidar'), labelled, change=change), found
    assert (node.stream.odometry.received > 0) == turning
    if not turning:
        assert set(found) == {0}


def test_a_pose_that_is_none_is_rejected(graph, listener, sensors, make_node):
    node = make_node()
    odometry = sensors.node.create_publisher(Odometry, 'odom', 50)
    bad = pose_message(sensors.now_ns())
    bad.pose.pose.orientation.w = 7.0
    assert graph.spin_until(odometry.get_subscription_count)
    odometry.publish(bad)
    assert graph.spin_until(lambda: node.stream.odometry.received)
    assert not node.session.odometry.is_known
