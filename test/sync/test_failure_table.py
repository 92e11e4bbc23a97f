"""Each sensor times each fault of time: the frames, the availability, the state and the reason."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from mmseg_ros.core.types import CloseReason, EventData
from mmseg_ros.sync import HealthState

MODALITIES = ('rgb', 'depth', 'event', 'lidar')
FAULT_S, RETURN_S, END_S = 1.5, 2.5, 4.0
DEADLINE_S, FRAME_S, LOST_S = 0.1, 0.1, 0.5
S = 1_000_000_000

each_sensor = pytest.mark.parametrize('faulty', MODALITIES)


def since(bench, arrival):
    return (arrival.sample.stamp_ns - bench.start_ns) / S


def without(faulty):
    return tuple(name for name in MODALITIES if name != faulty)


def split(bench, faulty, begin_s=FAULT_S, end_s=END_S):
    """Return the stream's arrivals that no fault touches, and those it does."""
    stream = bench.stream(END_S)
    touched = [
        arrival
        for arrival in stream
        if arrival.sample.modality == faulty and begin_s <= since(bench, arrival) < end_s
    ]
    return [arrival for arrival in stream if arrival not in touched], touched


def reports(collector, bench, time_s=END_S):
    return collector.health.reports(bench.start_ns + round(time_s * S))


def assert_ordered(outputs):
    stamps = [output.frame.stamp_ns for output in outputs]
    assert stamps == sorted(set(stamps))


def assert_frames(outputs, begin_s, end_s, names, allowed_reasons):
    frames = [output for output in outputs if begin_s <= output.time_s < end_s]
    assert len(frames) >= round((end_s - begin_s) / FRAME_S) - 1
    for output in frames:
        assert output.names == names, output.time_s
        assert tuple(np.array(MODALITIES)[output.frame.available]) == names
        assert output.frame.reason in allowed_reasons, output.time_s
    return frames


def first_degraded_reason(faulty):
    """A sensor at 50 Hz is overdue, and no longer waited for, before the first deadline ends."""
    return CloseReason.COMPLETE if faulty == 'event' else CloseReason.DEADLINE


def last_arrival(stream, output):
    """When the last member of a frame came; of an event window, its last packet."""
    arrivals = {
        (arrival.sample.modality, arrival.sample.stamp_ns): arrival.now_ns for arrival in stream
    }
    return max(
        arrivals[name, sample.stamp_ns]
        for name, sample in output.frame.samples.items()
        if name != 'event'
    )


def test_healthy_sensors_make_full_sets_at_once(bench):
    collector = bench.collector()
    outputs = bench.drive(collector, bench.stream(END_S))
    assert_ordered(outputs)
    frames = assert_frames(outputs, 0.1, END_S - 0.05, MODALITIES, {CloseReason.COMPLETE})
    assert all(output.frame.reference == 'rgb' for output in frames)
    assert all(
        report.state is HealthState.OK for report in reports(collector, bench, END_S).values()
    )


@each_sensor
def test_never(bench, faulty):
    collector = bench.collector()
    stream, _ = split(bench, faulty, begin_s=-1.0)
    outputs = bench.drive(collector, stream)
    assert_ordered(outputs)
    assert outputs[0].now_ns <= bench.start_ns + round((DEADLINE_S + FRAME_S) * S)
    frames = assert_frames(
        outputs, 0.2 + LOST_S, END_S - 0.05, without(faulty), {CloseReason.COMPLETE}
    )
    assert {frame.frame.reference for frame in frames} == {'lidar' if faulty == 'rgb' else 'rgb'}
    report = reports(collector, bench)[faulty]
    assert report.state is HealthState.LOST
    assert report.age_s is None
    assert f'No sample of {faulty} has come yet' in report.cause


@each_sensor
def test_a_lost_sensor_adds_no_waiting(bench, faulty):
    collector = bench.collector()
    stream, _ = split(bench, faulty)
    outputs = bench.drive(collector, stream)
    waits = [
        output.now_ns - last_arrival(stream, output)
        for output in outputs
        if FAULT_S + LOST_S + 0.2 <= output.time_s < END_S - 0.05
    ]
    assert len(waits) >= 15
    assert max(waits) <= (0 if faulty == 'event' else 0.015 * S)


@each_sensor
def test_drop(bench, faulty):
    collector = bench.collector()
    stream, _ = split(bench, faulty)
    outputs = bench.drive(collector, stream)
    assert_ordered(outputs)
    assert_frames(outputs, 0.1, FAULT_S - 0.1, MODALITIES, {CloseReason.COMPLETE})
    degraded = next(output for output in outputs if output.names == without(faulty))
    transport_s = 0.03
    first_missed_ns = bench.start_ns + round((FAULT_S + transport_s) * S)
    assert degraded.now_ns <= first_missed_ns + round((DEADLINE_S + FRAME_S) * S)
    assert degraded.frame.reason is first_degraded_reason(faulty)
    times = np.array([output.now_ns for output in outputs if output.time_s > 0.1]) / S
    assert np.diff(times).max() <= DEADLINE_S + FRAME_S + 1e-9
    assert_frames(outputs, FAULT_S + LOST_S, END_S - 0.05, without(faulty), {CloseReason.COMPLETE})
    report = reports(collector, bench)[faulty]
    assert report.state is HealthState.LOST
    assert 'silent for' in report.cause


@each_sensor
def test_delay_below_the_deadline(bench, faulty):
    collector = bench.collector()
    stream, touched = split(bench, faulty)
    outputs = bench.drive(
        collector, stream + [bench.move(arrival, delay_s=0.06) for arrival in touched]
    )
    assert_ordered(outputs)
    assert_frames(outputs, 0.1, END_S - 0.15, MODALITIES, {CloseReason.COMPLETE})
    assert reports(collector, bench, END_S)[faulty].state is HealthState.OK
    assert collector.counters.sensors[faulty].late == 0


@each_sensor
def test_delay_beyond_the_deadline(bench, faulty):
    collector = bench.collector()
    stream, touched = split(bench, faulty)
    stream += [bench.move(arrival, delay_s=0.25) for arrival in touched]
    end_ns = bench.start_ns + round(END_S * S)
    outputs = bench.drive(collector, [item for item in stream if item.now_ns < end_ns])
    assert_ordered(outputs)
    assert_frames(outputs, 0.1, FAULT_S - 0.1, MODALITIES, {CloseReason.COMPLETE})
    first = next(output for output in outputs if output.names == without(faulty))
    assert first.frame.reason is first_degraded_reason(faulty)
    assert_frames(outputs, FAULT_S + 0.7, END_S - 0.15, without(faulty), {CloseReason.COMPLETE})
    report = reports(collector, bench, END_S)[faulty]
    assert report.state is HealthState.LATE
    assert 'raise sync.deadline_s above' in report.cause
    assert collector.counters.sensors[faulty].late > 10
    assert (
        sum(collector.counters.sensors[faulty].lateness) == collector.counters.sensors[faulty].late
    )


@each_sensor
def test_a_late_sensor_that_hurries_up_is_waited_for_again(bench, faulty):
    collector = bench.collector()
    stream, touched = split(bench, faulty, FAULT_S, RETURN_S)
    outputs = bench.drive(
        collector, stream + [bench.move(arrival, delay_s=0.25) for arrival in touched]
    )
    assert reports(collector, bench)[faulty].state is HealthState.OK
    assert_frames(outputs, RETURN_S + 0.8, END_S - 0.15, MODALITIES, {CloseReason.COMPLETE})


@each_sensor
def test_burst(bench, faulty):
    collector = bench.collector()
    stream, touched = split(bench, faulty, FAULT_S, FAULT_S + 0.35)
    burst_ns = max(arrival.now_ns for arrival in touched)
    outputs = bench.drive(
        collector, stream + [replace(arrival, now_ns=burst_ns) for arrival in touched]
    )
    assert_ordered(outputs)
    during = [output for output in outputs if FAULT_S <= output.time_s < FAULT_S + 0.3]
    assert during
    assert any(output.names == without(faulty) for output in during)
    assert_frames(outputs, FAULT_S + 0.75, END_S - 0.15, MODALITIES, {CloseReason.COMPLETE})
    assert reports(collector, bench)[faulty].state is HealthState.OK


@each_sensor
def test_frozen_or_flooded_content(bench, faulty):
    collector = bench.collector()
    stream, touched = split(bench, faulty)
    if faulty == 'event':
        ruined = [replace(arrival, sample=flood(arrival.sample)) for arrival in touched]
    else:
        first = touched[0].sample.payload
        ruined = [
            replace(arrival, sample=replace(arrival.sample, payload=first)) for arrival in touched
        ]
    outputs = bench.drive(collector, stream + ruined)
    assert_ordered(outputs)
    assert_frames(outputs, FAULT_S + 0.7, END_S - 0.15, without(faulty), {CloseReason.COMPLETE})
    report = reports(collector, bench, END_S)[faulty]
    assert report.state is HealthState.STALE
    assert ('floods' if faulty == 'event' else 'has not changed') in report.cause
    assert collector.counters.sensors[faulty].content > 10


def flood(sample):
    count = 64 * 48 * 20
    times = sample.stamp_ns + np.linspace(0, 0.019 * S, count).astype(np.int64)
    pixels = np.zeros(count, np.uint16)
    return replace(sample, payload=EventData(pixels, pixels, times, np.ones(count, bool), 64, 48))


@each_sensor
def test_recover(bench, faulty):
    collector = bench.collector()
    stream, _ = split(bench, faulty, FAULT_S, RETURN_S)
    states = []
    outputs = []
    for arrival in sorted(stream, key=lambda item: item.now_ns):
        outputs += bench.drive(collector, [arrival])
        states.append(collector.health.sensors[faulty].state)
    assert_ordered(outputs)
    back = [output for output in outputs if output.time_s >= RETURN_S]
    assert back[2].names == MODALITIES
    assert_frames(
        outputs, RETURN_S + 3 * FRAME_S, END_S - 0.05, MODALITIES, {CloseReason.COMPLETE}
    )
    changes = [now for before, now in pairwise(states) if now is not before]
    assert changes[-4:] == [
        HealthState.STALE,
        HealthState.LOST,
        HealthState.RECOVERING,
        HealthState.OK,
    ]
    assert collector.reference == 'rgb'


@each_sensor
@pytest.mark.parametrize('offset_s', [37.0, -37.0, 20 * 365.25 * 86400])
@pytest.mark.parametrize('begin_s', [-1.0, FAULT_S])
def test_clock_offset(bench, faulty, offset_s, begin_s):
    collector = bench.collector()
    stream, touched = split(bench, faulty, begin_s)
    outputs = bench.drive(
        collector, stream + [bench.move(arrival, stamp_s=offset_s) for arrival in touched]
    )
    assert_ordered(outputs)
    assert_frames(
        outputs, max(begin_s, 0.0) + 0.8, END_S - 0.05, without(faulty), {CloseReason.COMPLETE}
    )
    report = reports(collector, bench)[faulty]
    assert report.state is HealthState.OFFSET
    assert report.offset_s == pytest.approx(offset_s, abs=0.05)
    assert f'{report.offset_s:+.3f} s from the other sensors' in report.cause
    assert f'sensors.{faulty}.offset_s' in report.cause
    if abs(offset_s) == 37.0:
        assert '37 s is TAI against UTC' in report.cause
        assert f'offset_s to {-offset_s:.3f}.' in report.cause


@each_sensor
def test_loop_of_the_whole_recording(bench, faulty):
    """The bag starts again; the stamps of `faulty` are the first to go back."""
    collector = bench.collector()
    first = bench.stream(2.0)
    second = [bench.move(arrival, delay_s=2.2) for arrival in bench.stream(2.0)]
    early = min((a for a in second if a.sample.modality == faulty), key=lambda a: a.now_ns)
    second.remove(early)
    second.append(replace(early, now_ns=min(a.now_ns for a in second) - 1))
    outputs = bench.drive(collector, first + second)
    loop_ns = bench.start_ns + round(2.2 * S)
    before = [output for output in outputs if output.now_ns < loop_ns]
    after = [output for output in outputs if output.now_ns >= loop_ns]
    assert_ordered(before)
    assert_ordered([output for output in after if output.time_s < 1.9])
    resumed = next(output for output in after if output.names == MODALITIES)
    assert resumed.now_ns - loop_ns <= 1.0 * S
    assert resumed.time_s < 1.0
    assert_frames(
        [output for output in after if output.time_s < 1.9],
        1.0,
        1.9,
        MODALITIES,
        {CloseReason.COMPLETE},
    )
    assert all(report.state is HealthState.OK for report in reports(collector, bench).values())


@each_sensor
def test_loop_of_one_sensor_alone(bench, faulty):
    """One driver starts again on old stamps: that sensor is excluded, the others go on."""
    collector = bench.collector()
    stream, touched = split(bench, faulty)
    outputs = bench.drive(
        collector, stream + [bench.move(arrival, stamp_s=-1.5) for arrival in touched]
    )
    assert_ordered(outputs)
    assert_frames(outputs, FAULT_S + 0.7, END_S - 0.05, without(faulty), {CloseReason.COMPLETE})
    assert reports(collector, bench)[faulty].state is HealthState.OFFSET
