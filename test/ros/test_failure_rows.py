"""Rows of the failure table of docs/architecture.md that no other live test shows."""

from collections import deque

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import Image, PointCloud2

from mmseg_ros.core import unexpected
from mmseg_ros.messages import stamp_ns
from mmseg_ros.ros.conversions import image_message

pytestmark = pytest.mark.ros
ALL = ('rgb', 'depth', 'event', 'lidar')
DEADLINE_S = 0.3


def available(message):
    return tuple(
        status.name
        for status in message.status
        if any(v.key == 'available' and v.value == 'true' for v in status.values)
    )


@pytest.fixture
def results(listener):
    """Messages of labels, points and modalities."""
    listener.listen(Image, '/mmseg/labels')
    listener.listen(PointCloud2, '/mmseg/points')
    listener.listen(DiagnosticArray, '/mmseg/modalities')
    return listener.messages


def newest(results):
    return [available(message) for message in results['/mmseg/modalities'][-1:]]


def test_without_camera_labels_stay_in_its_frame_at_the_stamps_of_the_next_reference(
    results, sensors, make_node
):
    make_node()
    assert sensors.play_until(ALL, lambda: newest(results) == [ALL])
    sent = {}

    def remember(topic, message):
        sent.setdefault(topic, []).append(stamp_ns(message.header))
        return message

    labels = results['/mmseg/labels']
    size = labels[-1].height, labels[-1].width
    frame_id = labels[-1].header.frame_id
    assert sensors.play_until(ALL[1:], lambda: newest(results) == [ALL[1:]], change=remember)
    before = len(labels)
    assert sensors.play_until(ALL[1:], lambda: len(labels) >= before + 4, change=remember)
    for message in labels[before:]:
        assert message.header.frame_id == frame_id == sensors.rig.camera('rgb').frame_id
        assert (message.height, message.width) == size
        assert stamp_ns(message.header) in sent['lidar/points']


@pytest.mark.parametrize('silent', ['depth', 'event'])
def test_without_depth_or_events_labels_and_points_go_on(results, sensors, make_node, silent):
    make_node()
    assert sensors.play_until(ALL, lambda: newest(results) == [ALL] and results['/mmseg/points'])
    others = tuple(name for name in ALL if name != silent)
    assert sensors.play_until(others, lambda: newest(results) == [others])
    labels, points = results['/mmseg/labels'], results['/mmseg/points']
    before = len(labels), len(points)
    assert sensors.play_until(
        others, lambda: len(labels) >= before[0] + 3 and len(points) >= before[1] + 3
    )
    assert newest(results) == [others]
    assert {'label', 'confidence'} <= {field.name for field in points[-1].fields}


@pytest.mark.parametrize(
    ('periods', 'expected'), [(1, ALL), (8, ALL[:3])], ids=['within', 'beyond the deadline']
)
def test_a_late_sensor_is_waited_for_until_the_deadline(
    results, sensors, make_node, periods, expected
):
    """The LiDAR's scans come one or eight periods of 0.1 s late; the deadline is 0.3 s."""
    make_node(sync__deadline_s=DEADLINE_S, sensors__lidar__hold_s=0.0)
    assert sensors.play_until(ALL, lambda: newest(results) == [ALL])
    waiting = deque()

    def late(topic, message):
        if topic != 'lidar/points':
            return message
        waiting.append(message)
        return waiting.popleft() if len(waiting) > periods else None

    modalities = results['/mmseg/modalities']
    before = len(modalities)
    assert sensors.play_until(ALL, lambda: len(modalities) >= before + 25, 25.0, late)
    found = [available(message) for message in modalities[before + 15 :]]
    assert expected in found, found
    if expected != ALL:
        assert ALL not in found


def large_image(message):
    return image_message(message.header, np.zeros((600, 600, 3), np.uint8), 'rgb8')


def large_info(message):
    message.width = message.height = 14_000
    return message


@pytest.mark.parametrize(
    ('sensor', 'topic', 'limit', 'value', 'change'),
    [
        ('rgb', 'rgb/image_raw', 'image_pixels', 300_000, large_image),
        ('rgb', 'rgb/camera_info', 'image_pixels', 300_000, large_info),
        ('lidar', 'lidar/points', 'cloud_points', 400, None),
        ('event', 'event/events', 'window_events', 200, None),
    ],
    ids=['image', 'camera', 'cloud', 'events'],
)
def test_what_exceeds_a_limit_is_rejected_by_name_and_the_others_go_on(
    results, sensors, make_node, sensor, topic, limit, value, change
):
    node = make_node(**{f'limits__{limit}': value})
    intake, labels = node.stream.intake, results['/mmseg/labels']
    others = tuple(name for name in ALL if name != sensor)
    is_info = topic.endswith('info')
    if is_info:
        assert sensors.play_until(ALL, lambda: newest(results) == [ALL])
        known = node.session.calibration.rig.camera(sensor)

    def too_large(name, message):
        return change(message) if change and name == topic else message

    def named():
        held = intake.rejections.get(sensor)
        return intake.info_problems.get(sensor, '') if is_info else held and held.last_text

    assert sensors.play_until(ALL, named, change=too_large)
    assert f'limits.{limit}' in named()
    before = len(labels)
    assert sensors.play_until(ALL, lambda: len(labels) >= before + 3, change=too_large)
    if is_info:
        assert node.session.calibration.rig.camera(sensor) == known
    else:
        assert newest(results) == [others]


@pytest.mark.parametrize('step', ['align', 'encode'])
def test_whatever_one_sensor_raises_the_others_go_on(
    results, sensors, make_node, monkeypatch, caplog, step
):
    from mmseg_ros import pipeline
    from mmseg_ros.projection.align import _Aligner

    monkeypatch.setattr(unexpected, '_logged', set())
    node = make_node()
    assert sensors.play_until(ALL, lambda: newest(results) == [ALL])
    whole = pipeline.encode

    def fails_on_events(name, *arguments):
        if name == 'polarity':
            raise RuntimeError('for the test')
        return whole(name, *arguments)

    with monkeypatch.context() as patch:
        if step == 'encode':
            patch.setattr(pipeline, 'encode', fails_on_events)
        else:
            patch.setattr(_Aligner, '_events', lambda *_: 1 / 0)
        others = ('rgb', 'depth', 'lidar')
        assert sensors.play_until(ALL, lambda: newest(results) == [others])
        before = len(results['/mmseg/labels'])
        assert sensors.play_until(ALL, lambda: len(results['/mmseg/labels']) >= before + 3)
    kind, doing = {
        'encode': ('RuntimeError', 'encoding'), 'align': ('ZeroDivisionError', 'aligning')
    }[step]  # fmt: skip
    causes = node.stream.intake.rejections['event'].causes
    counts = [n for cause, n in causes.items() if f'{kind} while {doing}' in cause]
    assert len(counts) == 1
    assert counts[0] >= 3
    logged = [r for r in caplog.records if 'Traceback' in r.getMessage()]
    assert len(logged) == 1
    assert kind in logged[0].getMessage()
    assert sensors.play_until(ALL, lambda: newest(results) == [ALL])
