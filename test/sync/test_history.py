"""Which closed set a sample came too late for."""

import pytest

from mmseg_ros.core.config import SensorConfig
from mmseg_ros.sync.health import SensorHealth
from mmseg_ros.sync.history import ClosedSet, History
from mmseg_ros.sync.track import SensorTrack

MS = 1_000_000


def closed(stamp_ms, members=('rgb',)):
    """A frame that could have waited until 100 ms after its stamp, but closed after 40 ms."""
    return ClosedSet(stamp_ms * MS, 50 * MS, (stamp_ms + 100) * MS, (stamp_ms + 40) * MS, members)


@pytest.fixture
def track():
    health = SensorHealth('depth', SensorConfig(window_s=0.02), 100 * MS)
    return SensorTrack(SensorConfig(window_s=0.02), health, 8, 0.05)


@pytest.fixture
def history():
    made = History()
    for stamp_ms in (0, 100, 200):
        made.append(closed(stamp_ms))
    return made


def overrun_ms(history, track, stamp_ms, now_ms):
    overrun_ns = history.overrun_ns(track, stamp_ms * MS, now_ms * MS)
    return None if overrun_ns is None else overrun_ns / MS


@pytest.mark.parametrize('stamp_ms', [80, 95, 100, 119, 120])
def test_the_nearest_set_in_the_window_was_missed(history, track, stamp_ms):
    assert overrun_ms(history, track, stamp_ms, 230) == 30.0
    assert track.counters.late == 1
    assert track.counters.lateness_quantile_ms(1.0) == 100.0


@pytest.mark.parametrize('stamp_ms', [79, 121, 150, 251, 400])
def test_outside_every_window_no_set_was_missed(history, track, stamp_ms):
    assert overrun_ms(history, track, stamp_ms, 500) is None
    assert track.counters.late == 0


def test_a_set_that_did_not_wait_is_missed_by_less_than_its_deadline(history, track):
    assert overrun_ms(history, track, 200, 260) == -40.0


def test_one_set_is_missed_once(history, track):
    assert overrun_ms(history, track, 100, 230) == 30.0
    assert overrun_ms(history, track, 101, 231) is None
    assert track.counters.late == 1


def test_a_member_did_not_miss_its_set(track):
    history = History()
    history.append(closed(0, ('rgb', 'depth')))
    assert overrun_ms(history, track, 0, 300) is None


def test_only_the_last_sets_are_remembered(track):
    history = History()
    for index in range(40):
        history.append(closed(index * 100))
    assert overrun_ms(history, track, 700, 9000) is None
    assert overrun_ms(history, track, 800, 9000) == 9000.0 - 900.0


def test_nothing_is_remembered_after_clearing(history, track):
    history.clear()
    assert history.last_ns < 0
    history.append(closed(1000))
    assert overrun_ms(history, track, 100, 2000) is None
