"""What the active node publishes: headers, sizes and contents."""

import json

import numpy as np
import pytest
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import String

from mmseg_ros.messages import decode_cloud, decode_image, stamp_ns

pytestmark = pytest.mark.ros
ALL = ('rgb', 'depth', 'event', 'lidar')
IMAGES = {
    '/mmseg/labels': 'mono8',
    '/mmseg/confidence': 'mono8',
    '/mmseg/color': 'rgb8',
    '/mmseg/overlay': 'rgb8',
    '/mmseg/debug/projection': 'rgb8',
}


def listen_to_all(listener):
    for topic in IMAGES:
        listener.listen(Image, topic)
    listener.listen(PointCloud2, '/mmseg/points')
    listener.listen(PointCloud2, '/mmseg/points/organized')
    listener.listen(DiagnosticArray, '/mmseg/modalities')


def complete(listener):
    """Whether a frame of all four sensors has been published."""
    return [m for m in listener.messages['/mmseg/modalities'] if available(m) == list(ALL)]


def available(array):
    return [
        status.name
        for status in array.status
        if {v.key: v.value for v in status.values}['available'] == 'true'
    ]


def test_all_outputs_of_all_sensors(graph, listener, sensors, make_node):
    make_node()
    listen_to_all(listener)
    sent = {}

    def remember(topic, message):
        sent.setdefault(topic, []).append(message)
        return message

    assert sensors.play_until(ALL, lambda: complete(listener), change=remember)
    last = complete(listener)[-1]
    stamp = stamp_ns(last.header)
    assert stamp in [stamp_ns(m.header) for m in sent['rgb/image_raw']]
    for topic, encoding in IMAGES.items():
        assert graph.spin_until(lambda t=topic: at(listener, t, stamp)), topic
        message = at(listener, topic, stamp)
        assert message.header.frame_id == 'camera_optical'
        assert message.encoding == encoding
        assert (message.height, message.width) == (sensors.HEIGHT, sensors.WIDTH)
        assert message.step == message.width * (3 if encoding == 'rgb8' else 1)
        assert len(message.data) == message.height * message.step
    check_points(listener, sent)
    check_organized(listener, stamp, sensors)


def at(listener, topic, stamp):
    return next((m for m in listener.messages[topic] if stamp_ns(m.header) == stamp), None)


def check_points(listener, sent):
    message = listener.messages['/mmseg/points'][-1]
    original = next(
        m for m in sent['lidar/points'] if stamp_ns(m.header) == stamp_ns(message.header)
    )
    assert message.header.frame_id == 'lidar'
    names = [field.name for field in message.fields]
    assert names == ['x', 'y', 'z', 'intensity', 'label', 'confidence', 'rgb']
    points, before = decode_cloud(message).points, decode_cloud(original).points
    for name in before.dtype.names:
        assert np.array_equal(points[name], before[name])
    assert (points['label'] != 255).any()
    assert np.all(points['confidence'][points['label'] == 255] == 0)


def check_organized(listener, stamp, sensors):
    message = at(listener, '/mmseg/points/organized', stamp)
    assert (message.height, message.width) == (sensors.HEIGHT, sensors.WIDTH)
    assert message.header.frame_id == 'camera_optical'
    labels = decode_image(at(listener, '/mmseg/labels', stamp)).pixels
    cloud = decode_cloud(message)
    assert np.array_equal(cloud.points['label'].reshape(labels.shape), labels)
    valid = np.isfinite(cloud.points['z'])
    assert valid.any()
    assert cloud.points['z'][valid].min() > 1.9


def test_label_names_reach_a_late_subscriber(graph, listener, make_node):
    node = make_node()
    assert graph.spin_until(lambda: node.state_label == 'active')
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    listener.listen(String, '/mmseg/label_info_json', latched)
    (message,) = listener.wait('/mmseg/label_info_json')
    classes = json.loads(message.data)['classes']
    assert len(classes) == 25
    assert {'id', 'name', 'color', 'group'} <= set(classes[0])


def test_camera_alone_without_camera_info(graph, listener, sensors, make_node):
    make_node(calibration__file='')
    listener.listen(Image, '/mmseg/labels')
    listener.listen(DiagnosticArray, '/mmseg/modalities')

    def no_info(topic, message):
        return None if topic.endswith('camera_info') else message

    assert sensors.play_until(
        ('rgb',), lambda: len(listener.messages['/mmseg/labels']) >= 3, change=no_info
    )
    message = listener.messages['/mmseg/labels'][-1]
    assert (message.height, message.width) == (sensors.HEIGHT, sensors.WIDTH)
    assert available(listener.messages['/mmseg/modalities'][-1]) == ['rgb']


def test_lidar_alone_is_labelled_in_the_cameras_image(graph, listener, sensors, make_node):
    make_node()
    listener.listen(Image, '/mmseg/labels')
    listener.listen(PointCloud2, '/mmseg/points')
    sent = []

    def without_image(topic, message):
        if topic == 'rgb/image_raw':
            return None
        if topic == 'lidar/points':
            sent.append(stamp_ns(message.header))
        return message

    assert sensors.play_until(
        ('rgb', 'lidar'), lambda: listener.messages['/mmseg/points'], change=without_image
    )
    message = listener.messages['/mmseg/labels'][-1]
    assert (message.height, message.width) == (sensors.HEIGHT, sensors.WIDTH)
    assert message.header.frame_id == 'camera_optical'
    assert stamp_ns(message.header) in sent


def test_nothing_is_computed_for_nobody(graph, listener, sensors, make_node):
    node = make_node()
    assert graph.spin_until(lambda: node.state_label == 'active')
    assert sensors.play_until(('rgb',), lambda: node.session.statistics.idle >= 3)
    assert node.session.statistics.published == 0
    listener.listen(Image, '/mmseg/confidence')
    assert sensors.play_until(('rgb',), lambda: listener.messages['/mmseg/confidence'])


def test_stamps_of_old_recordings_are_kept(graph, listener, sensors, make_node):
    make_node()
    listener.listen(Image, '/mmseg/labels')
    start = 1_500_000_000_000_000_000

    def old(topic, message):
        age = sensors.now_ns() - stamp_ns(message.header)
        message.header.stamp.sec = start // 10**9 + (sensors.now_ns() - age) % 10**11 // 10**9
        return message

    assert sensors.play_until(('rgb',), lambda: listener.messages['/mmseg/labels'], change=old)
    stamp = stamp_ns(listener.messages['/mmseg/labels'][-1].header)
    assert start <= stamp < start + 10**12


def test_pixels_of_little_confidence_get_the_ignored_id(listener, sensors, make_node):
    make_node(output__min_confidence=255)
    listener.listen(Image, '/mmseg/labels')
    listener.listen(Image, '/mmseg/confidence')
    assert sensors.play_until(('rgb',), lambda: listener.messages['/mmseg/confidence'])
    confidence = decode_image(listener.messages['/mmseg/confidence'][-1]).pixels
    labels = decode_image(listener.messages['/mmseg/labels'][-1]).pixels
    assert np.array_equal(labels == 255, confidence < 255)


def test_any_other_image_of_the_bundle_is_taken(graph, listener, sensors, make_node, make_bundle):
    bundle = make_bundle(modalities=('rgb', 'thermal'), name='thermal')
    make_node(bundle=str(bundle.path), sensor_names=['rgb', 'thermal'])
    listener.listen(DiagnosticArray, '/mmseg/modalities')
    listener.listen(Image, '/mmseg/labels')
    thermal = sensors.node.create_publisher(Image, 'thermal/image_raw', 10)

    def with_thermal(topic, message):
        if topic == 'rgb/image_raw':
            thermal.publish(sensors.image(stamp_ns(message.header)))
        return message

    def both():
        last = listener.messages['/mmseg/modalities'][-1:]
        return [m for m in last if available(m) == ['rgb', 'thermal']]

    assert sensors.play_until(('rgb',), both, change=with_thermal)


def test_registered_depth_needs_no_camera_info(listener, sensors, make_node, tmp_path):
    rig = sensors.rig.to_dict()
    rig['sensors'] = {'rgb': rig['sensors']['rgb']}
    path = tmp_path / 'rgb_only.yaml'
    path.write_text(yaml.safe_dump(rig))
    make_node(calibration__file=str(path), calibration__depth_registered=True)
    listener.listen(PointCloud2, '/mmseg/points/organized')
    listener.listen(DiagnosticArray, '/mmseg/modalities')

    def no_depth_info(topic, message):
        return None if topic == 'depth/camera_info' else message

    assert sensors.play_until(
        ('rgb', 'depth'),
        lambda: listener.messages['/mmseg/points/organized'],
        change=no_depth_info,
    )
    points = decode_cloud(listener.messages['/mmseg/points/organized'][-1]).points
    assert np.isfinite(points['z']).all()


def test_other_frame_ids_are_warned_about_once(graph, listener, sensors, make_node, monkeypatch):
    node = make_node()
    lines = []
    monkeypatch.setattr(node.stream.intake, '_warn', lines.append)
    listener.listen(Image, '/mmseg/labels')
    listener.listen(PointCloud2, '/mmseg/points')

    def other_frames(topic, message):
        message.header.frame_id = 'vehicle/' + topic.split('/')[0]
        return message

    assert sensors.play_until(
        ('rgb', 'lidar'), lambda: len(listener.messages['/mmseg/points']) >= 3, change=other_frames
    )
    assert sum('vehicle/lidar' in line for line in lines) == 1
    assert listener.messages['/mmseg/points'][-1].header.frame_id == 'vehicle/lidar'
    assert listener.messages['/mmseg/labels'][-1].header.frame_id == 'vehicle/rgb'
