"""The doctor finds what was put into the clocks."""

import numpy as np
import pytest

from mmseg_ros.core.errors import SyncError
from mmseg_ros.sync.clock_doctor import TopicTimes, examine, suggest

S = 1_000_000_000
START_NS = 1_700_000_000 * S


def topic(
    name,
    rate_hz=10.0,
    seconds=20.0,
    offset_s=0.0,
    drift_ppm=0.0,
    transport_s=0.02,
    phase_s=0.0,
    seed=0,
):
    """A topic whose messages take `transport_s` and more, exponentially, to the recorder."""
    true_s = np.arange(round(seconds * rate_hz)) / rate_hz + phase_s
    random = np.random.default_rng(seed)
    receive_s = true_s + transport_s + random.exponential(0.003, len(true_s))
    stamp_s = true_s * (1 + drift_ppm / 1e6) + offset_s
    return TopicTimes(
        name,
        START_NS + np.round(stamp_s * S).astype(np.int64),
        START_NS + np.round(receive_s * S).astype(np.int64),
    )


def drop(times, lost):
    keep = np.setdiff1d(np.arange(len(times.stamp_ns)), lost)
    return TopicTimes(times.topic, times.stamp_ns[keep], times.receive_ns[keep])


def test_a_healthy_topic():
    (clock,) = examine([topic('rgb', 30.0)])
    assert clock.rate_hz == pytest.approx(30.0, rel=1e-3)
    assert clock.jitter_s < 1e-6
    assert (clock.gaps, clock.missing, clock.backward, clock.duplicate, clock.zero) == (0,) * 5
    assert clock.skew_s == pytest.approx(0.02, abs=0.001)
    assert 0.005 < clock.delay_s < 0.03
    assert clock.drift_ppm == pytest.approx(0.0, abs=30.0)
    assert clock.offset_s == 0.0


def test_gaps_are_counted_with_what_is_missing():
    (clock,) = examine([drop(topic('rgb'), [20, 50, 51, 52])])
    assert (clock.gaps, clock.missing) == (2, 4)
    assert clock.longest_gap_s == pytest.approx(0.4)
    assert clock.count == 196


def test_jitter_of_the_stamps():
    times = topic('rgb')
    shaken = times.stamp_ns + np.random.default_rng(1).integers(-S // 100, S // 100, 200)
    (clock,) = examine([TopicTimes('rgb', shaken, times.receive_ns)])
    assert 0.01 < clock.jitter_s < 0.02


def test_disorder_doubles_and_unset_stamps():
    times = topic('rgb')
    stamps = times.stamp_ns.copy()
    stamps[[10, 11]] = stamps[[11, 10]]
    stamps[31] = stamps[30]
    stamps[:3] = 0
    (clock,) = examine([TopicTimes('rgb', stamps, times.receive_ns)])
    assert (clock.backward, clock.duplicate, clock.zero) == (1, 1, 3)
    assert clock.rate_hz == pytest.approx(10.0)


@pytest.mark.parametrize(
    ('offset_s', 'found_s', 'words'),
    [
        (37.0, 37.0, 'TAI against UTC'),
        (-37.02, -37.0, 'TAI against UTC'),
        (18.0, 18.0, 'GPS time'),
        (-3600.0, -3600.0, 'one hour'),
        (2.5, 2.5, 'not synchronized'),
        (-20 * 365.25 * 86400, -20 * 365.25 * 86400, '20.0 years'),
    ],
)
def test_the_clock_that_is_off_is_found_and_explained(offset_s, found_s, words):
    clocks = examine([topic('rgb'), topic('depth', seed=1), topic('lidar', offset_s=offset_s)])
    assert [clock.offset_s for clock in clocks[:2]] == [0.0, 0.0]
    assert clocks[2].offset_s == pytest.approx(found_s, abs=0.02)
    assert words in clocks[2].explanation


def test_of_two_clocks_the_recorders_is_believed():
    lidar, rgb = examine([topic('lidar', offset_s=37.0), topic('rgb')])
    assert (lidar.offset_s, rgb.offset_s) == (37.0, 0.0)


def test_a_difference_that_can_be_transport_is_no_offset():
    clocks = examine([topic('rgb'), topic('lidar', transport_s=0.2)])
    assert {clock.offset_s for clock in clocks} == {0.0}


@pytest.mark.parametrize('drift_ppm', [-200.0, 100.0])
def test_drift(drift_ppm):
    (clock,) = examine([topic('lidar', seconds=60.0, drift_ppm=drift_ppm)])
    assert clock.drift_ppm == pytest.approx(drift_ppm, abs=15.0)


def test_drift_needs_time():
    (clock,) = examine([topic('lidar', seconds=3.0)])
    assert clock.drift_ppm is None


def test_suggestions_make_the_sets_complete():
    topics = [
        topic('rgb', 10.0),
        topic('lidar', 10.0, offset_s=37.0, phase_s=0.03, transport_s=0.1),
        topic('event', 50.0, transport_s=0.01),
    ]
    suggestions, deadline_s = suggest(topics, examine(topics), 'rgb')
    assert suggestions['lidar'].offset_s == -37.0
    assert 0.03 <= suggestions['lidar'].window_s <= 0.05
    assert suggestions['event'].window_s == 0.02
    assert suggestions['event'].expected_rate_hz == 50.0
    assert suggestions['event'].lost_after_s == 0.5
    assert 0.09 <= deadline_s <= 0.2


def test_a_slow_sensor_gets_a_longer_silence_and_no_wide_window():
    topics = [topic('rgb', 30.0), topic('lidar', 2.0)]
    suggestions, _ = suggest(topics, examine(topics), 'rgb')
    assert suggestions['lidar'].lost_after_s == 2.5
    assert suggestions['lidar'].window_s <= 0.35


def test_empty_and_single_messages_say_little_but_do_not_fail():
    empty = TopicTimes('empty', np.zeros(0, np.int64), np.zeros(0, np.int64))
    single = TopicTimes('single', np.array([START_NS]), np.array([START_NS + 5]))
    topics = [empty, single, topic('rgb')]
    clocks = examine(topics)
    assert [clock.count for clock in clocks] == [0, 1, 200]
    assert [clock.rate_hz for clock in clocks[:2]] == [0.0, 0.0]
    suggestions, _ = suggest(topics, clocks, 'rgb')
    assert set(suggestions) == {'single', 'rgb'}


def test_arrays_of_different_length_are_rejected():
    with pytest.raises(SyncError, match='rgb has 2 stamps but 1 receive times'):
        examine([TopicTimes('rgb', np.array([1, 2]), np.array([1]))])
