"""Streams in which every other message of one sensor makes no sense: labels of the rest go on."""

import itertools

import pytest

pytestmark = pytest.mark.ros
ALL = ('rgb', 'depth', 'event', 'lidar')


def other_frame(message):
    message.header.frame_id = 'of_another_publisher'


def other_size(message):
    message.width, message.height = message.width * 2, message.height * 2


def absurd_size(message):
    message.width = message.height = 65535


def no_intrinsics(message):
    message.k = [float('nan')] * 9


def no_step(message):
    message.point_step = 0


def overflowing(message):
    message.height = message.row_step = 2**32 - 1


def end_of_time(message):
    message.header.stamp.sec, message.header.stamp.nanosec = 2**31 - 1, 2**32 - 1


def before_time(message):
    message.header.stamp.sec = -(2**31)


def empty(message):
    message.data = b''


def huge_step(message):
    message.step = 2**32 - 1


CASES = [
    ('rgb/image_raw', other_frame), ('lidar/points', other_frame), ('event/events', other_frame),
    ('rgb/camera_info', other_size), ('depth/camera_info', absurd_size),
    ('rgb/camera_info', no_intrinsics), ('lidar/points', no_step), ('event/events', no_step),
    ('lidar/points', overflowing), ('event/events', end_of_time), ('depth/image', end_of_time),
    ('rgb/image_raw', before_time), ('lidar/points', empty), ('depth/image', huge_step),
]  # fmt: skip


@pytest.mark.parametrize(
    ('topic', 'change'), CASES, ids=[f'{topic} {change.__name__}' for topic, change in CASES]
)
def test_every_other_message_of_a_sensor_is_nonsense(make_node, sensors, listener, topic, change):
    from sensor_msgs.msg import Image

    node = make_node()
    listener.listen(Image, '/mmseg/labels')
    counts = itertools.count()
    changed = []

    def alternate(name, message):
        if name == topic and next(counts) % 2:
            change(message)
            changed.append(message)
        return message

    labels = listener.messages['/mmseg/labels']
    assert sensors.play_until(
        ALL, lambda: len(changed) > 4 and len(labels) > 6, timeout_s=40.0, change=alternate
    ), node.session.statistics
    before = len(labels)
    assert sensors.play_until(ALL, lambda: len(labels) > before + 2), 'no labels afterwards'
    assert node.state_label == 'active'
    assert not node.session.statistics.failures
