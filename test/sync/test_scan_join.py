"""Parts of a scan joined by stamp: complete at once, at the deadline, without the silent."""

import pytest

from mmseg_ros.sync.scan_join import ScanJoin

MS = 1_000_000
CAMERAS = ('front', 'left', 'rear')


@pytest.fixture
def join():
    return ScanJoin(CAMERAS, deadline_s=0.1, silent_after_s=1.0)


def feed(join, stamp_ms, cameras, now_ms):
    left = []
    for camera in cameras:
        left += join.add(camera, stamp_ms * MS, camera[0], now_ms * MS)
    return [(scan.stamp_ns // MS, ''.join(scan.parts.values())) for scan in left]


def test_a_complete_scan_leaves_at_once(join):
    assert feed(join, 1000, CAMERAS[:2], 1010) == []
    assert feed(join, 1000, CAMERAS[2:], 1020) == [(1000, 'flr')]
    assert join.next_deadline_ns() is None
    assert (join.emitted, join.incomplete) == (1, 0)


def test_an_incomplete_one_leaves_at_its_deadline_and_what_comes_later_is_counted(join):
    feed(join, 1000, ['front', 'rear'], 1010)
    assert join.next_deadline_ns() == 1110 * MS
    assert join.advance(1109 * MS) == []
    (scan,) = join.advance(1110 * MS)
    assert sorted(scan.parts) == ['front', 'rear']
    assert feed(join, 1000, ['left'], 1120) == []
    assert (join.incomplete, join.late['left'], join.next_deadline_ns()) == (1, 1, None)


def test_a_silent_camera_is_waited_for_no_longer_and_again_when_it_returns(join):
    feed(join, 0, CAMERAS, 0)
    for stamp in range(100, 1000, 100):
        feed(join, stamp, ['front', 'rear'], stamp)
        join.advance((stamp + 100) * MS)
    assert join.silent(999 * MS) == ()
    assert feed(join, 1000, ['front', 'rear'], 1000) == [(1000, 'fr')]
    assert join.silent(1000 * MS) == ('left',)
    assert feed(join, 1100, ['front', 'rear', 'left'], 1100) == [(1100, 'fr')]
    assert feed(join, 1200, ['front', 'rear'], 1200) == []
    assert feed(join, 1200, ['left'], 1210) == [(1200, 'frl')]


def test_one_that_never_came_costs_the_first_second_only(join):
    assert feed(join, 0, ['front', 'rear'], 0) == []
    assert feed(join, 500, ['front', 'rear'], 500) == [(0, 'fr')]
    assert feed(join, 1000, ['front'], 1000) == [(500, 'fr')]
    assert feed(join, 1000, ['rear'], 1001) == [(1000, 'fr')]


def test_scans_leave_in_the_order_of_their_stamps(join):
    assert feed(join, 1000, ['front', 'left'], 1000) == []
    assert feed(join, 1050, CAMERAS, 1050) == []
    assert feed(join, 1000, ['rear'], 1060) == [(1000, 'flr'), (1050, 'flr')]


def test_a_jump_back_of_the_stamps_starts_again(join):
    feed(join, 100_000, CAMERAS, 10)
    assert feed(join, 99_900, ['front'], 20) == []
    assert join.late['front'] == 1
    assert feed(join, 1000, CAMERAS, 30) == [(1000, 'flr')]


def test_a_clock_that_jumps_back_holds_nothing_up(join):
    feed(join, 1000, ['front'], 5000)
    assert [scan.stamp_ns for scan in join.advance(10 * MS)] == [1000 * MS]


def test_no_more_than_some_scans_wait(join):
    left = [feed(join, stamp, ['front'], 100) for stamp in range(1, 60)]
    assert sum(map(len, left)) == 59 - 16
