"""Sensors that drop, return and loop; a clock that jumps; a network that fails."""

import time

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, PointCloud2

from mmseg_ros.messages import stamp_ns
from mmseg_ros.ros.conversions import header_of

pytestmark = pytest.mark.ros
ALL = ('rgb', 'depth', 'event', 'lidar')


def last_available(listener):
    array = listener.messages['/mmseg/modalities'][-1:]
    return [
        status.name
        for message in array
        for status in message.status
        if any(v.key == 'available' and v.value == 'true' for v in status.values)
    ]


def status_of(listener, part):
    for array in reversed(listener.messages['/diagnostics']):
        for status in array.status:
            if status.name == f'mmseg: {part}':
                return status
    return None


@pytest.mark.parametrize('dropped', ALL)
def test_labels_go_on_through_a_drop_and_the_sensor_comes_back(
    listener, sensors, make_node, dropped
):
    make_node()
    listener.listen(Image, '/mmseg/labels')
    listener.listen(DiagnosticArray, '/mmseg/modalities')
    listener.listen(DiagnosticArray, '/diagnostics')
    others = tuple(name for name in ALL if name != dropped)

    def complete():
        return last_available(listener) == list(ALL)

    assert sensors.play_until(ALL, complete)
    labels = listener.messages['/mmseg/labels']
    before = len(labels)
    assert sensors.play_until(others, lambda: len(labels) >= before + 2)

    def lost():
        status = status_of(listener, f'sensor {dropped}')
        if status is None or status.level != DiagnosticStatus.ERROR:
            return False
        return 'silent' in status.message

    assert sensors.play_until(others, lost)
    assert dropped not in last_available(listener)
    assert sensors.play_until(ALL, complete)

    def recovered():
        return status_of(listener, f'sensor {dropped}').level == DiagnosticStatus.OK

    assert sensors.play_until(ALL, recovered)


def test_without_lidar_the_clouds_pause_and_say_why(listener, sensors, make_node):
    node = make_node()
    listener.listen(PointCloud2, '/mmseg/points')
    listener.listen(Image, '/mmseg/labels')
    assert sensors.play_until(('rgb',), lambda: '~/points' in node.session.outputs.paused)
    assert 'LiDAR' in node.session.outputs.paused['~/points']
    assert sensors.play_until(('rgb',), lambda: bool(listener.messages['/mmseg/labels']))
    assert not listener.messages['/mmseg/points']


def test_a_graph_without_any_sensor_is_an_error_too(graph, listener, make_node):
    make_node()
    listener.listen(DiagnosticArray, '/diagnostics')

    def lost():
        status = status_of(listener, 'sync')
        return status is not None and status.level == DiagnosticStatus.ERROR

    assert graph.spin_until(lost)


def test_all_sensors_lost_is_an_error_and_one_that_returns_is_used_at_once(
    graph, listener, sensors, make_node
):
    make_node()
    listener.listen(DiagnosticArray, '/diagnostics')
    listener.listen(Image, '/mmseg/labels')
    assert sensors.play_until(('rgb',), lambda: listener.messages['/mmseg/labels'])

    def lost():
        status = status_of(listener, 'sync')
        return status is not None and status.level == DiagnosticStatus.ERROR

    assert graph.spin_until(lost)
    before = len(listener.messages['/mmseg/labels'])
    assert sensors.play_until(('lidar',), lambda: len(listener.messages['/mmseg/labels']) > before)


def test_looping_recording_goes_on_after_the_jump(listener, sensors, make_node):
    node = make_node()
    listener.listen(Image, '/mmseg/labels')
    loop_ns = 2_000_000_000
    start_ns = sensors.now_ns()

    def looped(topic, message):
        elapsed = (stamp_ns(message.header) - start_ns) % loop_ns
        message.header = header_of(10**18 + elapsed, message.header.frame_id)
        return message

    def jumped_back():
        stamps = [stamp_ns(m.header) for m in listener.messages['/mmseg/labels']]
        jumps = [i for i in range(1, len(stamps)) if stamps[i] < stamps[i - 1]]
        return bool(jumps) and len(stamps) > jumps[0] + 3

    assert sensors.play_until(('rgb', 'lidar'), jumped_back, change=looped)
    assert not node.session.statistics.failures


def test_simulated_clock_that_jumps_back_clears_the_buffers(graph, listener, sensors, make_node):
    node = make_node(use_sim_time=True)
    listener.listen(Image, '/mmseg/labels')
    clock = sensors.node.create_publisher(Clock, '/clock', 10)
    base_ns = sensors.now_ns()

    def play(offset_ns, done):
        def shifted(topic, message):
            stamp = 10**17 + offset_ns + stamp_ns(message.header) - base_ns
            clock.publish(Clock(clock=header_of(stamp, '').stamp))
            message.header = header_of(stamp, message.header.frame_id)
            return message

        return sensors.play_until(('rgb',), done, change=shifted)

    labels = listener.messages['/mmseg/labels']
    assert play(60 * 10**9, lambda: len(labels) >= 3)
    before, jumps = len(labels), node.stream.jumps
    assert play(0, lambda: len(labels) >= before + 3)
    assert node.stream.jumps == jumps + 1
    assert stamp_ns(labels[-1].header) < 10**17 + 60 * 10**9


def test_network_that_fails_is_reported_and_the_node_lives(
    graph, listener, sensors, make_node, monkeypatch
):
    from mmseg_ros.core.errors import BackendError

    node = make_node()
    listener.listen(Image, '/mmseg/labels')
    listener.listen(DiagnosticArray, '/diagnostics')

    def fail(*_):
        raise BackendError('out of memory')

    def named():
        status = status_of(listener, 'processing')
        return status is not None and 'out of memory' in status.message

    with monkeypatch.context() as patch:
        patch.setattr(node.session.backend, 'infer', fail)
        # A rejection (a warning) beside the error: rclpy must take both severities.
        node.stream.intake.reject('rgb', 'for the test')
        assert sensors.play_until(('rgb',), named)
    assert node.session.statistics.failures['inference'] >= 1
    assert sensors.play_until(('rgb',), lambda: listener.messages['/mmseg/labels'])


def test_unexpected_exception_of_one_frame_does_not_end_the_worker(
    graph, listener, sensors, make_node, monkeypatch
):
    node = make_node()
    listener.listen(Image, '/mmseg/labels')
    with monkeypatch.context() as patch:
        patch.setattr(node.session.backend, 'infer', lambda *_: 1 / 0)
        assert sensors.play_until(('rgb',), lambda: node.session.statistics.failures)
    assert 'ZeroDivisionError' in node.session.statistics.failures
    assert sensors.play_until(('rgb',), lambda: listener.messages['/mmseg/labels'])


def test_overload_keeps_the_newest(graph, listener, sensors, make_node, monkeypatch):
    node = make_node()
    listener.listen(Image, '/mmseg/labels')
    infer = node.session.backend.infer

    def slow(*arguments):
        time.sleep(0.4)
        return infer(*arguments)

    monkeypatch.setattr(node.session.backend, 'infer', slow)
    sent = []

    def remember(topic, message):
        sent.append(stamp_ns(message.header))
        return message

    labels = listener.messages['/mmseg/labels']
    assert sensors.play_until(('rgb',), lambda: len(labels) >= 4, change=remember)
    assert node.stream.worker.slot.dropped >= 2
    assert sensors.now_ns() - stamp_ns(labels[-1].header) < 2 * 10**9
