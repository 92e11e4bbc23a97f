"""The collector on header time: only the order of the samples and their stamps matter."""

from dataclasses import replace

import pytest

from mmseg_ros.core.config import SensorConfig, SyncConfig
from mmseg_ros.core.types import CloseReason
from mmseg_ros.sync import HealthState, OfflineCollector

MODALITIES = ('rgb', 'depth', 'event', 'lidar')
S = 1_000_000_000


def replay(arrivals, **sync):
    unit = OfflineCollector(
        MODALITIES, SyncConfig(**sync), {name: SensorConfig() for name in MODALITIES}
    )
    frames = []
    for arrival in sorted(arrivals, key=lambda item: item.now_ns):
        frames += unit.add(arrival.sample)
    return unit, frames + unit.flush()


def test_healthy_sensors_make_full_sets(bench):
    _, frames = replay(bench.stream(3.0))
    assert len(frames) == 30
    assert all(frame.available.all() for frame in frames[1:-1])
    assert {frame.reason for frame in frames[1:-1]} == {CloseReason.COMPLETE}


def test_the_speed_of_the_player_does_not_matter(bench):
    stream = bench.stream(3.0)
    slow = [replace(item, now_ns=item.now_ns * 7) for item in stream]
    assert [frame.stamp_ns for frame in replay(stream)[1]] == [
        frame.stamp_ns for frame in replay(slow)[1]
    ]


def test_a_silent_sensor_is_lost_by_header_time(bench):
    stream = [
        item
        for item in bench.stream(4.0)
        if item.sample.modality != 'rgb' or item.sample.stamp_ns < bench.start_ns + 2 * S
    ]
    unit, frames = replay(stream)
    assert unit.reports()['rgb'].state is HealthState.LOST
    late = [frame for frame in frames if frame.stamp_ns > bench.start_ns + 3 * S]
    assert {tuple(frame.samples) for frame in late[:-1]} == {('depth', 'event', 'lidar')}
    assert {frame.reference for frame in late} == {'lidar'}


@pytest.mark.parametrize('offset_s', [37.0, -37.0])
@pytest.mark.parametrize('faulty', MODALITIES)
def test_a_clock_that_is_off_does_not_drag_the_watermark(bench, faulty, offset_s):
    stream = [
        bench.move(item, stamp_s=offset_s) if item.sample.modality == faulty else item
        for item in bench.stream(4.0)
    ]
    unit, frames = replay(stream)
    others = tuple(name for name in MODALITIES if name != faulty)
    steady = [frame for frame in frames if frame.stamp_ns > bench.start_ns + 2 * S]
    assert {tuple(frame.samples) for frame in steady[:-1]} == {others}
    assert unit.reports()[faulty].state is HealthState.OFFSET
    assert unit.reports()[faulty].offset_s == pytest.approx(offset_s, abs=0.2)
    assert unit.counters.sensors[faulty].offset > 30


def test_the_log_time_of_a_bag_tells_which_of_two_clocks_is_off(bench):
    stream = []
    for item in bench.stream(3.0, modalities=('rgb', 'lidar')):
        moved = bench.move(item, stamp_s=37.0) if item.sample.modality == 'rgb' else item
        stream.append(replace(moved, sample=replace(moved.sample, received_ns=item.now_ns)))
    unit, frames = replay(stream)
    assert unit.reports()['rgb'].state is HealthState.OFFSET
    assert unit.reports()['lidar'].state is HealthState.OK
    assert {tuple(frame.samples) for frame in frames[8:]} == {('lidar',)}


def test_a_recording_that_loops_goes_on(bench):
    once = bench.stream(2.0)
    twice = once + [replace(item, now_ns=item.now_ns + 10 * S) for item in once]
    _, frames = replay(twice)
    assert sum(frame.available.all() for frame in frames) >= 35


def test_nothing_is_known_before_the_first_sample():
    unit = OfflineCollector(('rgb',), SyncConfig(), {})
    assert unit.now_ns is None
    assert unit.flush() == []
    assert unit.reports()['rgb'].age_s is None
