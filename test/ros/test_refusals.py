"""Bad input: the sample is rejected, counted and named; the other sensors go on."""

import array

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node
from sensor_msgs.msg import Image, PointCloud2

pytestmark = pytest.mark.ros


def unknown_encoding(message):
    message.encoding = 'hsv12'
    return message


def wrong_step(message):
    message.step = 7
    return message


def short_data(message):
    message.data = array.array('B', bytes(10))
    return message


def empty_cloud(message):
    message.width = 0
    message.row_step = 0
    message.data = array.array('B')
    return message


def nan_cloud(message):
    count = message.width
    points = np.frombuffer(message.data, np.float32).reshape(count, -1).copy()
    points[:, :3] = np.nan
    message.data = array.array('B', points.tobytes())
    return message


def cloud_without_z(message):
    message.fields = [field for field in message.fields if field.name != 'z']
    return message


FAULTS = [
    ('rgb/image_raw', unknown_encoding, 'hsv12'),
    ('rgb/image_raw', wrong_step, 'step'),
    ('depth/image', unknown_encoding, 'hsv12'),
    ('depth/image', short_data, 'bytes'),
    ('lidar/points', empty_cloud, 'empty'),
    ('lidar/points', nan_cloud, 'NaN'),
    ('lidar/points', cloud_without_z, 'z'),
    ('event/events', short_data, 'bytes'),
]


def sensor_status(listener, modality):
    for array_ in reversed(listener.messages['/diagnostics']):
        for status in array_.status:
            if status.name == f'mmseg: sensor {modality}':
                return status
    return None


@pytest.mark.parametrize(('topic', 'damage', 'word'), FAULTS)
def test_faulty_sensor_is_named_and_the_others_go_on(
    listener, sensors, make_node, topic, damage, word
):
    modality = topic.split('/')[0]
    node = make_node()
    listener.listen(Image, '/mmseg/labels')
    listener.listen(DiagnosticArray, '/diagnostics')
    others = [name for name in ('rgb', 'depth', 'event', 'lidar') if name != modality]

    def change(name, message):
        return damage(message) if name == topic else message

    def reported():
        status = sensor_status(listener, modality)
        return (
            status is not None
            and status.level == DiagnosticStatus.ERROR
            and word in status.message
            and len(listener.messages['/mmseg/labels']) >= 2
        )

    assert sensors.play_until((modality, *others), reported, change=change)
    values = {v.key: v.value for v in sensor_status(listener, modality).values}
    assert int(values['rejected']) >= 1
    assert any(key.startswith('rejected: ') for key in values)
    assert node.stream.intake.rejections[modality].total >= 1
    assert modality not in '+'.join(node.session.statistics.subsets).split('+')
    assert not node.session.statistics.failures


@pytest.mark.parametrize('modality', ['depth', 'event', 'lidar'])
def test_missing_camera_info_is_named(listener, sensors, make_node, modality):
    make_node(calibration__file='')
    listener.listen(DiagnosticArray, '/diagnostics')

    def no_info(topic, message):
        return None if topic.endswith('camera_info') else message

    def reported():
        status = sensor_status(listener, modality)
        return status is not None and 'No CameraInfo' in status.message.replace('no', 'No')

    assert sensors.play_until((modality,), reported, change=no_info)
    expected = 'rgb' if modality == 'lidar' else modality
    assert f'/{expected}/camera_info' in sensor_status(listener, modality).message


def test_bad_camera_info_is_rejected_and_the_old_one_stays(graph, listener, sensors, make_node):
    node = make_node()
    listener.listen(Image, '/mmseg/labels')
    assert sensors.play_until(('rgb', 'lidar'), lambda: listener.messages['/mmseg/labels'])
    camera = node.session.calibration.rig.camera('rgb')

    def damage(topic, message):
        if topic == 'rgb/camera_info':
            message.k = [0.0] * 9
        return message

    listener.listen(DiagnosticArray, '/diagnostics')

    def named():
        status = last_status(listener, 'mmseg: sensor rgb')
        return status is not None and 'CameraInfo on /rgb/camera_info' in status.message

    assert sensors.play_until(('rgb', 'lidar'), named, change=damage)
    status = last_status(listener, 'mmseg: sensor rgb')
    assert status.level == DiagnosticStatus.ERROR
    assert 'is rejected' in status.message
    # The images beside it are fine, and nothing says otherwise.
    assert 'rgb' not in node.stream.intake.rejections
    assert node.session.calibration.rig.camera('rgb') is camera
    before = len(listener.messages['/mmseg/labels'])
    assert sensors.play_until(
        ('rgb', 'lidar'),
        lambda: len(listener.messages['/mmseg/labels']) >= before + 3,
        change=damage,
    )
    assert sensors.play_until(('rgb', 'lidar'), lambda: not named())


def last_status(listener, name):
    arrays = listener.messages['/diagnostics']
    return next((s for s in arrays[-1].status if s.name == name), None) if arrays else None


def test_camera_info_of_another_size_is_an_error_with_both_sizes(
    graph, listener, sensors, make_node
):
    make_node(calibration__intrinsics='camera_info')
    for message_class, topic in (
        (Image, '/mmseg/labels'),
        (PointCloud2, '/mmseg/points'),
        (DiagnosticArray, '/diagnostics'),
    ):
        listener.listen(message_class, topic)
    assert sensors.play_until(('rgb', 'lidar'), lambda: listener.messages['/mmseg/points'])

    camera = sensors.rig.camera('rgb').resized(sensors.HEIGHT // 2, sensors.WIDTH // 2)

    def halve(topic, message):
        if topic == 'rgb/camera_info':
            message.width, message.height = camera.width, camera.height
            message.k, message.p = camera.K.reshape(-1), camera.P.reshape(-1)
        return message

    def named():
        status = last_status(listener, 'mmseg: sensor rgb')
        return status is not None and '40 x 24' in status.message and '80 x 48' in status.message

    assert sensors.play_until(('rgb', 'lidar'), named, change=halve)
    assert last_status(listener, 'mmseg: sensor rgb').level == DiagnosticStatus.ERROR
    labels = len(listener.messages['/mmseg/labels'])
    points = len(listener.messages['/mmseg/points'])
    assert sensors.play_until(
        ('rgb', 'lidar'),
        lambda: len(listener.messages['/mmseg/labels']) >= labels + 5,
        change=halve,
    )
    assert len(listener.messages['/mmseg/points']) <= points + 1
    assert sensors.play_until(
        ('rgb', 'lidar'), lambda: len(listener.messages['/mmseg/points']) > points + 1
    )
    assert not named()


def test_a_camera_info_that_is_implausible_is_named_with_both_sizes_too(
    sensors, listener, make_node
):
    make_node()
    listener.listen(DiagnosticArray, '/diagnostics')

    def halve(topic, message):
        if topic == 'rgb/camera_info':
            message.width, message.height = sensors.WIDTH // 2, sensors.HEIGHT // 2
        return message

    def named():
        status = last_status(listener, 'mmseg: sensor rgb')
        return status is not None and '40 x 24' in status.message and '80 x 48' in status.message

    assert sensors.play_until(('rgb',), named, change=halve)


def test_binned_and_cropped_images_fit_their_camera_info(listener, sensors, make_node):
    node = make_node(calibration__intrinsics='camera_info')
    listener.listen(PointCloud2, '/mmseg/points')

    def binned(topic, message):
        if topic == 'rgb/camera_info':
            message.width, message.height = 2 * sensors.WIDTH + 8, 2 * sensors.HEIGHT
            message.binning_x = message.binning_y = 2
            message.roi.width, message.roi.height = 2 * sensors.WIDTH, 2 * sensors.HEIGHT
            message.roi.x_offset = 8
        return message

    assert sensors.play_until(
        ('rgb', 'lidar'), lambda: listener.messages['/mmseg/points'], change=binned
    )
    assert node.session.calibration.size_conflict('rgb') == ''


def test_wrong_message_type_on_a_topic_is_named(listener, sensors, make_node, other_graph):
    make_node()
    listener.listen(DiagnosticArray, '/diagnostics')
    node = other_graph.add(Node('stranger', context=other_graph.context))
    publisher = node.create_publisher(PointCloud2, 'depth/image', 10)

    def reported():
        publisher.publish(PointCloud2())
        status = sensor_status(listener, 'depth')
        return status is not None and 'sensor_msgs/msg/PointCloud2' in status.message

    assert sensors.play_until(('rgb',), reported)
    assert sensor_status(listener, 'depth').level == DiagnosticStatus.ERROR


def test_rejected_sample_is_logged_once_with_its_cause(
    graph, listener, sensors, make_node, monkeypatch
):
    node = make_node()
    assert graph.spin_until(lambda: node.state_label == 'active')
    lines = []
    monkeypatch.setattr(node.stream.intake._warn, '_write', lines.append)

    def change(topic, message):
        return wrong_step(message) if topic == 'rgb/image_raw' else message

    assert sensors.play_until(
        ('rgb',), lambda: node.stream.intake.received['rgb'] >= 8, change=change
    )
    assert len(lines) == 1
    assert lines[0].startswith('rgb: sample rejected')
    assert 'step' in lines[0]
