"""The states of one sensor and their causes, step by step."""

import pytest

from mmseg_ros.core.config import SensorConfig
from mmseg_ros.sync.health import SensorHealth
from mmseg_ros.sync.monitor import HealthMonitor
from mmseg_ros.sync.states import HealthState

MS = 1_000_000
S = 1_000_000_000


def sensor(name='rgb', **config):
    health = SensorHealth(name, SensorConfig(**config), deadline_ns=100 * MS)
    health.tick(0)
    return health


def running(samples=5, period_ms=100, **config):
    health = sensor(**config)
    for index in range(samples):
        health.accept(index * period_ms * MS, period_ms * MS if index else 0)
    return health


def test_silence_makes_stale_then_lost():
    health = running()
    last_ns = 400 * MS
    assert health.next_change_ns() == last_ns + 250 * MS
    assert not health.tick(last_ns + 250 * MS - 1)
    assert health.tick(last_ns + 250 * MS)
    assert health.state is HealthState.STALE
    assert not health.waited_for
    assert (
        'is overdue: last sample 0.25 s ago, one every 0.100 s'
        in health.report(last_ns + 250 * MS, None).cause
    )
    assert health.next_change_ns() == last_ns + 500 * MS
    assert health.tick(last_ns + 500 * MS)
    assert health.state is HealthState.LOST
    assert health.next_change_ns() is None
    assert not health.tick(last_ns + 900 * MS)
    assert 'silent for 0.5 s' in health.report(last_ns + 500 * MS, None).cause


def test_a_stale_sensor_is_ok_with_its_next_sample():
    health = running()
    health.tick(700 * MS)
    assert health.accept(700 * MS, 300 * MS)
    assert health.state is HealthState.OK


def test_a_lost_sensor_needs_two_good_samples():
    health = running()
    health.tick(2 * S)
    assert health.accept(2 * S, 1600 * MS)
    assert health.state is HealthState.RECOVERING
    assert not health.waited_for
    assert 'is back and will be waited for again' in health.report(2 * S, None).cause
    assert health.accept(2100 * MS, 100 * MS)
    assert health.state is HealthState.OK
    assert health.waited_for


def test_a_slow_sensor_is_given_three_periods():
    health = running(period_ms=1000)
    assert not health.tick(4 * S + 1599 * MS)
    assert health.tick(4 * S + 1600 * MS)
    assert health.state is HealthState.STALE
    assert not health.tick(4 * S + 2999 * MS)
    assert health.tick(4 * S + 3000 * MS)
    assert health.state is HealthState.LOST


def test_the_given_rate_decides_over_the_learned():
    health = running(expected_rate_hz=1.0)
    assert not health.tick(400 * MS + 1599 * MS)
    assert health.tick(400 * MS + 1600 * MS)


def test_not_heard_is_waited_for_until_lost():
    health = sensor()
    assert health.waited_for
    assert not health.tick(499 * MS)
    assert health.tick(500 * MS)
    assert health.state is HealthState.LOST
    assert not health.waited_for


def test_three_late_samples_make_late_and_three_in_time_make_ok():
    health = running()
    assert [health.late(20 * MS) for _ in range(3)] == [False, False, True]
    assert health.state is HealthState.LATE
    cause = health.report(500 * MS, None).cause
    assert 'rgb arrives 0.020 s after the deadline' in cause
    assert 'raise sync.deadline_s above 0.120' in cause
    assert [health.in_time() for _ in range(3)] == [False, False, True]
    assert health.state is HealthState.OK


def test_late_samples_between_good_ones_change_nothing():
    health = running()
    for _ in range(10):
        assert not health.late(5 * MS)
        assert not health.late(5 * MS)
        assert not health.late(-1)
    assert health.state is HealthState.OK


def test_a_late_sample_starts_the_way_back_anew():
    health = running()
    for _ in range(3):
        health.late(20 * MS)
    health.in_time()
    health.in_time()
    health.late(20 * MS)
    assert [health.in_time() for _ in range(3)] == [False, False, True]


def test_unusable_content_makes_stale_with_its_name():
    health = running()
    fault = 'the image is black'
    assert [health.reject_content(500 * MS, 0, fault) for _ in range(3)] == [False, False, True]
    assert health.state is HealthState.STALE
    assert f'cannot be used: {fault}' in health.report(500 * MS, None).cause
    assert health.accept(600 * MS, 0)
    assert health.state is HealthState.RECOVERING
    assert health.accept(700 * MS, 0)
    assert health.state is HealthState.OK


def test_single_unusable_samples_change_nothing():
    health = running()
    for _ in range(5):
        assert not health.reject_content(500 * MS, 0, 'the cloud is empty')
        assert not health.reject_content(500 * MS, 0, 'the cloud is empty')
        assert not health.accept(500 * MS, 0)
    assert health.state is HealthState.OK


def test_a_clock_that_disagrees():
    health = running()
    assert [health.reject_clock(500 * MS) for _ in range(3)] == [False, False, True]
    assert health.state is HealthState.OFFSET
    health.skew_ns = -5 * S
    report = health.report(500 * MS, 0)
    assert report.offset_s == 5.0
    assert 'The stamps of rgb are +5.000 s' in report.cause
    assert 'set sensors.rgb.offset_s to -5.000' in report.cause
    assert not health.tick(900 * MS)
    assert health.tick(1 * S)
    assert health.state is HealthState.LOST


def test_the_remedy_adds_to_the_configured_offset():
    health = sensor(offset_s=2.0)
    for _ in range(3):
        health.reject_clock(0)
    health.skew_ns = -5 * S
    assert 'offset_s to -3.000' in health.report(0, 0).cause


def test_report_of_a_healthy_sensor():
    health = running(20)
    health.skew_ns = 30 * MS
    report = health.report(2 * S, 10 * MS)
    assert (report.rate_hz, report.age_s, report.offset_s, report.skew_s) == (
        10.0,
        0.1,
        -0.02,
        0.03,
    )
    assert report.cause == 'rgb delivers 10.0 Hz.'
    assert sensor().report(0, None).cause.startswith('No sample of rgb has come yet')


@pytest.mark.parametrize(
    ('skews_s', 'base_s'),
    [
        ([0.0, 0.1, 37.0], 0.05),
        ([37.0, 37.1, 0.0], 37.05),
        ([37.0, 0.01], 0.01),
        ([-37.0, 0.01], 0.01),
        ([6e8, 6e8, 6e8 + 0.2], 6e8),
    ],
)
def test_the_sensors_agree_on_a_time_base(skews_s, base_s):
    sensors = [sensor(f's{index}') for index in range(len(skews_s))]
    monitor = HealthMonitor(sensors, S)
    assert not monitor.agrees(0)
    for health, skew_s in zip(sensors, skews_s, strict=True):
        health.skew_ns = round(skew_s * S)
    assert not monitor.settle_base()
    assert monitor.base_ns == pytest.approx(round(base_s * S), abs=0.06 * S)
    assert monitor.agrees(monitor.base_ns + S)
    assert not monitor.agrees(monitor.base_ns + S + 1)
    assert not monitor.agrees(monitor.base_ns - S - 1)


def test_a_move_of_the_time_base_is_told():
    health = sensor()
    monitor = HealthMonitor([health], S)
    health.skew_ns = 0
    assert not monitor.settle_base()
    health.skew_ns = S
    assert not monitor.settle_base()
    health.skew_ns = 3 * S
    assert monitor.settle_base()


def test_the_election_prefers_trust_then_order():
    sensors = [sensor(name) for name in ('rgb', 'lidar', 'depth')]
    monitor = HealthMonitor(sensors, S)
    assert monitor.elect() is None
    for health in sensors:
        health.accept(0, 0)
    assert monitor.elect() == 'rgb'
    sensors[0].tick(2 * S)
    assert monitor.elect() == 'lidar'
    sensors[0].accept(2 * S, 0)
    assert monitor.elect() == 'lidar'
    for health in sensors[1:]:
        health.tick(2 * S)
    assert monitor.elect() == 'rgb'
