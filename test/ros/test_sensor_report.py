"""Diagnostics of sensors name the fault there is."""

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image

from mmseg_ros.ros.conversions import header_of

pytestmark = pytest.mark.ros


@pytest.fixture
def status_of(listener):
    listener.listen(DiagnosticArray, '/diagnostics')

    def find(part):
        arrays = listener.messages['/diagnostics'][-1:]
        found = [s for a in arrays for s in a.status if s.name == f'mmseg: {part}']
        return found[0] if found else DiagnosticStatus()

    return find


def test_stamps_that_stand_still_are_named(sensors, make_node, status_of):
    make_node()
    stuck = header_of(sensors.now_ns(), 'camera_optical')

    def change(topic, message):
        if topic == 'rgb/image_raw':
            message.header = stuck
        return message

    assert sensors.play_until(
        ('rgb', 'lidar'),
        lambda: 'The stamps of rgb stand still' in status_of('sensor rgb').message,
        change=change,
    )
    for _ in range(15):
        sensors.play_until(('rgb', 'lidar'), lambda: False, 0.1, change)
        assert 'offset_s' not in status_of('sensor rgb').message
    assert sensors.play_until(
        ('rgb', 'lidar'), lambda: status_of('sensor rgb').level == DiagnosticStatus.OK
    )


def test_a_sensor_that_nothing_needs_says_so(graph, sensors, listener, make_node, status_of):
    make_node(sensor_names=['rgb', 'depth', 'event', 'lidar', 'thermal'])
    thermal = sensors.node.create_publisher(Image, 'thermal/image_raw', 5)

    def change(topic, message):
        if topic == 'rgb/image_raw':
            thermal.publish(message)
        return message

    def named():
        status = status_of('sensor thermal')
        return status.level == DiagnosticStatus.WARN and 'is not used' in status.message

    assert sensors.play_until(('rgb', 'lidar'), named, change=change)
    text = status_of('sensor thermal').message
    assert 'takes rgb, depth, event, lidar' in text
    assert 'model.bundle' in text


def test_a_sensor_outside_its_window_says_so(sensors, make_node, status_of):
    node = make_node()
    node.set_parameters([Parameter('sensors.depth.window_s', value=0.001)])

    def change(topic, message):
        if topic == 'depth/image':
            header = message.header
            message.header = header_of(
                header.stamp.sec * 10**9 + header.stamp.nanosec - 30_000_000, header.frame_id
            )
        return message

    def named():
        status = status_of('sensor depth')
        return status.level == DiagnosticStatus.WARN and 'was used' in status.message

    assert sensors.play_until(('rgb', 'depth'), named, 30.0, change)
    text = status_of('sensor depth').message
    assert 'sensors.depth.window_s' in text


def test_the_latency_warning_passes_with_its_cause(sensors, listener, make_node, status_of):
    node = make_node(diagnostics__latency_budget_ms=500.0)
    listener.listen(Image, '/mmseg/labels')
    statistics = node.session.statistics.stages
    for _ in range(300):
        statistics.add({'latency': 5000.0}, now_s=0.0)
    assert sensors.play_until(('rgb',), lambda: len(listener.messages['/mmseg/labels']) > 5)
    node.session.statistics.last_failure = ''
    assert sensors.play_until(
        ('rgb',), lambda: status_of('processing').level == DiagnosticStatus.OK
    )
    recent = statistics.percentiles_ms(5.0)['latency']['p95']
    assert recent < 500.0 < statistics.percentiles_ms()['latency']['p95']
    assert np.isfinite(recent)
