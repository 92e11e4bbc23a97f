"""Bad input: the sample is refused, counted and named; the other sensors go on."""

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


@pytest.mark.parametrize(('topic', 'spoil', 'word'), FAULTS)
def test_faulty_sensor_is_named_and_the_others_go_on(
    listener, sensors, make_node, topic, spoil, word
):
    modality = topic.split('/')[0]
    node = make_node()
    listener.listen(Image, '/mmseg/labels')
    listener.listen(DiagnosticArray, '/diagnostics')
    others = [name for name in ('rgb', 'depth', 'event', 'lidar') if name != modality]

    def change(name, message):
        return spoil(message) if name == topic else message

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
    assert int(values['refused']) >= 1
    assert any(key.startswith('refused: ') for key in values)
    assert node.stream.intake.refusals[modality].total >= 1
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


def test_bad_camera_info_is_refused_and_the_old_one_stays(graph, listener, sensors, make_node):
    node = make_node()
    listener.listen(Image, '/mmseg/labels')
    assert sensors.play_until(('rgb', 'lidar'), lambda: listener.messages['/mmseg/labels'])
    camera = node.session.calibration.rig.camera('rgb')

    def spoil(topic, message):
        if topic == 'rgb/camera_info':
            message.k = [0.0] * 9
        return message

    assert sensors.play_until(
        ('rgb', 'lidar'), lambda: 'rgb' in node.stream.intake.refusals, change=spoil
    )
    assert 'CameraInfo' in node.stream.intake.refusals['rgb'].last_text
    assert node.session.calibration.rig.camera('rgb') is camera
    before = len(listener.messages['/mmseg/labels'])
    assert sensors.play_until(
        ('rgb', 'lidar'),
        lambda: len(listener.messages['/mmseg/labels']) >= before + 3,
        change=spoil,
    )


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


def test_refused_sample_is_logged_once_with_its_cause(
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
    assert lines[0].startswith('rgb: sample refused')
    assert 'step' in lines[0]
