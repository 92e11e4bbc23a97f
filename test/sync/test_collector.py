"""The collector with bad input, odd configurations and nothing at all."""

import logging
from dataclasses import replace

import pytest
from sample_streams import MS, START_NS, S, collector, feed, image, pair_stream

from mmseg_ros.core.config import SensorConfig, SyncConfig
from mmseg_ros.core.errors import ConfigError, SyncError
from mmseg_ros.core.types import CloseReason
from mmseg_ros.sync import HealthState


def test_an_unknown_modality_is_rejected_by_name():
    with pytest.raises(
        SyncError, match=r"'thermal' came, but the collector was made for rgb, depth"
    ):
        collector().add(image('thermal', START_NS), START_NS)


@pytest.mark.parametrize('names', [(), ('rgb', 'rgb')])
def test_modalities_must_be_given_once(names):
    with pytest.raises(ConfigError, match='each modality to collect once'):
        collector(names)


def test_nothing_happens_without_samples():
    unit = collector()
    assert unit.reference is None
    assert unit.advance(START_NS) == []
    assert unit.flush() == []


@pytest.mark.parametrize('stamp_ns', [0, -5])
def test_stamps_of_zero_are_rejected_and_named(stamp_ns):
    unit = collector()
    feed(unit, pair_stream(10))
    for k in range(10, 14):
        now_ns = START_NS + k * 100 * MS
        unit.add(image('rgb', now_ns), now_ns)
        unit.add(image('depth', stamp_ns), now_ns + 1)
    report = unit.health.reports(START_NS + 1400 * MS)['depth']
    assert report.state is HealthState.OFFSET
    assert 'header stamps of depth are zero' in report.cause
    assert unit.counters.sensors['depth'].invalid_stamp == 4


def test_a_single_wild_stamp_changes_nothing():
    unit = collector()
    arrivals = pair_stream(10)
    arrivals[8:8] = [(START_NS + 350 * MS, image('depth', START_NS + 900 * S))]
    frames = feed(unit, arrivals)
    assert [frame.available.all() for frame in frames] == [True] * 10
    assert unit.counters.sensors['depth'].offset == 1
    assert unit.health.sensors['depth'].state is HealthState.OK


def test_of_equal_stamps_the_newest_wins():
    unit = collector()
    feed(unit, pair_stream(3))
    now_ns = START_NS + 300 * MS
    first, second = image('depth', now_ns), image('depth', now_ns)
    frames = [
        frame for item in (first, second, image('rgb', now_ns)) for frame in unit.add(item, now_ns)
    ]
    assert frames[0].samples['depth'] is second
    assert unit.counters.sensors['depth'].duplicate == 1


def test_stamps_that_never_advance_are_a_lost_sensor():
    unit = collector()
    feed(unit, pair_stream(5))
    for k in range(5, 12):
        now_ns = START_NS + k * 100 * MS
        unit.add(image('depth', START_NS + 400 * MS), now_ns)
        unit.add(image('rgb', now_ns), now_ns)
    assert unit.counters.sensors['depth'].duplicate == 7
    assert unit.health.sensors['depth'].state is HealthState.LOST


def test_disorder_inside_the_window_costs_nothing():
    unit = collector(('rgb', 'depth'), {'depth': SensorConfig(window_s=0.04)})
    arrivals = pair_stream(12, period_ms=30)
    swapped = [(now, replace(item)) for now, item in arrivals]
    for index in range(9, 21, 4):
        a, b = swapped[index], swapped[index + 2]
        swapped[index], swapped[index + 2] = (a[0], b[1]), (b[0], a[1])
    frames = feed(unit, swapped) + unit.flush()
    assert unit.counters.sensors['depth'].out_of_order == 3
    assert all(frame.available.all() for frame in frames)
    assert [frame.stamp_ns for frame in frames] == [item.stamp_ns for _, item in arrivals[::2]]


def test_ten_times_the_rate_keeps_memory_and_sets():
    unit = collector(max_buffered=16)
    feed(unit, pair_stream(10))
    frames = []
    for k in range(100, 300):
        now_ns = START_NS + k * 10 * MS
        frames += unit.add(image('depth', now_ns), now_ns)
        if k % 10 == 0:
            frames += unit.add(image('rgb', now_ns), now_ns)
    assert all(frame.available.all() for frame in frames)
    assert len(frames) == 20
    assert max(abs(age) for frame in frames for age in frame.ages_ns.values()) == 0
    report = unit.health.reports(START_NS + 3 * S)['depth']
    assert report.rate_hz == pytest.approx(100.0)


def test_a_rate_far_from_the_expected_is_said():
    unit = collector(sensors={'depth': SensorConfig(expected_rate_hz=100.0)})
    feed(unit, pair_stream(10))
    report = unit.health.reports(START_NS + 900 * MS)['depth']
    assert 'delivers 10.0 Hz where 100.0 Hz is expected' in report.cause


def test_a_full_buffer_closes_the_oldest_set():
    unit = collector(max_buffered=4, deadline_s=5.0)
    feed(unit, pair_stream(4, period_ms=10))
    frames = feed(
        unit, [(now, item) for now, item in pair_stream(20, 10)[8:] if item.modality == 'rgb']
    )
    assert {frame.reason for frame in frames} == {CloseReason.SUPERSEDED}
    assert len(unit._tracks['rgb'].buffer) == 4
    assert len(frames) == 16 - 4


def test_a_sensor_that_moved_on_supersedes_its_missing_sample():
    unit = collector(deadline_s=1.0)
    arrivals = pair_stream(10)
    del arrivals[13]
    frames = feed(unit, arrivals)
    assert [frame.reason for frame in frames][6] is CloseReason.SUPERSEDED
    assert [frame.available.all() for frame in frames] == [True] * 6 + [False] + [True] * 3


def test_small_sets_are_held_back_and_counted():
    unit = collector(min_sensors=2)
    feed(unit, pair_stream(5))
    frames = []
    for k in range(5, 20):
        now_ns = START_NS + k * 100 * MS
        frames += unit.add(image('rgb', now_ns), now_ns)
    assert frames == []
    assert unit.counters.below_minimum >= 13


def test_all_lost_is_silent_and_said_once(caplog):
    unit = collector()
    feed(unit, pair_stream(5))
    wakes = 0
    with caplog.at_level(logging.INFO):
        while (due_ns := unit.next_deadline_ns()) is not None:
            assert unit.advance(due_ns) == []
            wakes += 1
    assert wakes <= 8
    assert unit.reference is None
    assert unit.health.all_lost
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in errors] == [
        'All sensors are lost: nothing is published until one returns.'
    ]
    now_ns = START_NS + 60 * S
    with caplog.at_level(logging.INFO):
        frames = unit.add(image('depth', now_ns), now_ns)
        assert frames == []  # as at the start, the others may be about to come
        frames = unit.advance(now_ns + S)
    assert [tuple(frame.samples) for frame in frames] == [('depth',)]
    assert caplog.text.count('frames are made again') == 1


@pytest.mark.parametrize('count', [1, 2, 3])
@pytest.mark.parametrize('first', ['rgb', 'depth'])
@pytest.mark.parametrize('before', [0, 5])
def test_after_silence_the_first_samples_make_frames(count, first, before):
    unit = collector()
    feed(unit, pair_stream(before) if before else [])
    for k in range(60):
        unit.advance(START_NS + S + k * 50_000_000)
    assert unit.health.all_lost
    second = 'depth' if first == 'rgb' else 'rgb'
    frames = []
    for i in range(count):
        stamp_ns = START_NS + 5 * S + i * 100_000_000
        frames += unit.add(image(first, stamp_ns), stamp_ns + 5_000_000)
        frames += unit.add(image(second, stamp_ns), stamp_ns + 9_000_000)
    for k in range(20):
        frames += unit.advance(START_NS + 6 * S + k * 50_000_000)
    assert [set(frame.samples) for frame in frames] == [{'rgb', 'depth'}] * count
    assert all(not counters.offset for counters in unit.counters.sensors.values())


def test_after_silence_a_recording_of_another_day_is_taken():
    unit = collector()
    feed(unit, pair_stream(5))
    for k in range(60):
        unit.advance(START_NS + S + k * 50_000_000)
    now_ns, stamp_ns = START_NS + 5 * S, START_NS + 10**6 * S
    frames = unit.add(image('rgb', stamp_ns), now_ns)
    frames += unit.add(image('depth', stamp_ns), now_ns + 1_000_000)
    assert [set(frame.samples) for frame in frames] == [{'rgb', 'depth'}]


def test_the_order_of_references_can_be_chosen():
    unit = collector(reference_order=['depth', 'rgb'])
    frames = feed(unit, pair_stream(5))
    assert {frame.reference for frame in frames[1:]} == {'depth'}


def test_an_offset_is_added_to_the_stamps_before_matching():
    unit = collector(sensors={'depth': SensorConfig(offset_s=-37.0)})
    arrivals = [
        (now, replace(item, stamp_ns=item.stamp_ns + 37 * S) if item.modality == 'depth' else item)
        for now, item in pair_stream(5)
    ]
    frames = feed(unit, arrivals)
    assert all(frame.available.all() for frame in frames)
    assert set(frames[2].ages_ns.values()) == {0}


def test_a_clock_that_goes_back_starts_anew():
    unit = collector()
    feed(unit, pair_stream(20)[:-1])
    frames = feed(unit, pair_stream(5))
    assert frames[0].reason is CloseReason.JUMP
    assert frames[0].stamp_ns == START_NS + 1900 * MS
    assert [frame.stamp_ns for frame in frames[1:]] == [START_NS + k * 100 * MS for k in range(5)]


def test_flush_closes_what_is_open():
    unit = collector()
    feed(unit, pair_stream(5)[:-1])
    (frame,) = unit.flush()
    assert frame.reason is CloseReason.FLUSH
    assert tuple(frame.samples) == ('rgb',)
    assert unit.flush() == []


def test_lateness_is_kept_as_a_histogram():
    unit = collector(deadline_s=0.05)
    for k in range(20):
        stamp_ns = START_NS + k * 100 * MS
        unit.add(image('rgb', stamp_ns), stamp_ns)
        unit.advance(stamp_ns + 51 * MS)
        unit.add(image('depth', stamp_ns), stamp_ns + 80 * MS)
    counters = unit.counters.sensors['depth']
    assert counters.late == 20
    assert counters.lateness_quantile_ms(0.5) == 100.0
    assert unit.health.sensors['depth'].state is HealthState.LATE
    assert collector().counters.sensors['depth'].lateness_quantile_ms(0.95) == 0.0


def test_the_first_distances_do_not_decide_that_a_sample_cannot_come():
    """The first two depth samples are 54 ms apart, the third comes 48 ms later, in its window."""
    names = ('rgb', 'depth')
    unit = collector(names, {'depth': SensorConfig(window_s=0.005)}, deadline_s=0.2)
    stamps_ms = [
        ('depth', -2),
        ('rgb', 0),
        ('rgb', 50),
        ('depth', 52),
        ('rgb', 98),
        ('depth', 100),
    ]
    arrivals = [
        (START_NS + stamp_ms * MS, image(name, START_NS + stamp_ms * MS))
        for name, stamp_ms in stamps_ms
    ]
    frames = feed(unit, arrivals)
    assert [frame.available.all() for frame in frames] == [True] * 3


def test_retuning_keeps_health_and_counters_and_touches_what_it_concerns():
    unit = collector(sensors={'rgb': SensorConfig()})
    frames = feed(unit, pair_stream(10))
    counters, health = unit.counters, dict(unit.health.sensors)
    rate_hz = health['depth'].report(START_NS, None).rate_hz
    assert rate_hz > 0
    sync = SyncConfig(content_checks=False, min_sensors=2, reference_order=['depth', 'rgb'])
    shifted = {'rgb': SensorConfig(offset_s=0.01), 'depth': SensorConfig()}
    frames += unit.retune(sync, shifted, 0.05)
    assert unit.counters is counters
    assert dict(unit.health.sensors) == health
    assert [h.state for h in health.values()] == [HealthState.OK] * 2
    assert health['depth'].report(START_NS, None).rate_hz == rate_hz
    assert unit.reference == 'depth'
    later = [(t + S, replace(s, stamp_ns=s.stamp_ns + S)) for t, s in pair_stream(10)]
    after = feed(unit, later)
    assert after
    assert {frame.reference for frame in after} == {'depth'}
    assert after[-1].samples['rgb'].stamp_ns - after[-1].stamp_ns == 10 * MS
    lonely = feed(
        unit,
        [
            (t + 2 * S, replace(s, stamp_ns=s.stamp_ns + 2 * S))
            for t, s in pair_stream(10)
            if s.modality == 'rgb'
        ],
    )
    assert lonely == []
    assert counters.sensors['rgb'].received == 30
