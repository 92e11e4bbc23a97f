"""A slow LiDAR is held for the frames between its scans."""

from sample_streams import MS, START_NS, collector, feed, image, pair_stream

from mmseg_ros.core.config import SensorConfig
from mmseg_ros.core.types import CloseReason


def slow_lidar(unit, count=60):
    """Feed a 30 Hz camera and a 10 Hz LiDAR; return (frame, how long after its stamp)."""
    arrivals = []
    for k in range(count):
        stamp_ns = START_NS + k * 33 * MS
        arrivals.append((stamp_ns + MS, image('rgb', stamp_ns)))
        if k % 3 == 0:
            arrivals.append((stamp_ns + 20 * MS, image('lidar', stamp_ns)))
    waits = []
    for now_ns, item in arrivals:
        waits += [(frame, now_ns - frame.stamp_ns) for frame in unit.add(item, now_ns)]
    return waits


def test_a_slow_sensor_is_not_waited_for_between_its_samples():
    unit = collector(('rgb', 'lidar'), sensors={'lidar': SensorConfig(hold_s=0.0)})
    steady = slow_lidar(unit)[30:]
    assert [frame.available.all() for frame, _ in steady] == [True, False, False] * (
        len(steady) // 3
    )
    assert {wait for frame, wait in steady if frame.available.all()} == {20 * MS}
    assert {wait for frame, wait in steady if not frame.available.all()} == {MS}
    assert {frame.reason for frame, _ in steady} == {CloseReason.COMPLETE}


def test_a_slow_lidar_is_held_for_the_frames_between_its_scans():
    steady = slow_lidar(collector(('rgb', 'lidar')))[30:]
    assert all(frame.available.all() for frame, _ in steady)
    ages_ms = [frame.ages_ns['lidar'] / MS for frame, _ in steady]
    assert ages_ms == [0, 33, 66] * (len(steady) // 3)
    assert {wait for (_, wait), age in zip(steady, ages_ms, strict=True) if age} == {MS}


def test_a_scan_is_not_held_when_the_next_one_should_have_come():
    unit = collector(('rgb', 'lidar'))
    slow_lidar(unit)
    start_ns = START_NS + 60 * 33 * MS
    frames = []
    for k in range(8):
        stamp_ns = start_ns + k * 33 * MS
        frames += unit.add(image('rgb', stamp_ns), stamp_ns + MS)
    frames += unit.flush()
    ages_ms = [frame.ages_ns.get('lidar', -MS) / MS for frame in frames]
    assert max(ages_ms) <= 110
    assert ages_ms[-3:] == [-1, -1, -1]


def test_a_lidar_as_fast_as_the_camera_is_not_held():
    arrivals = pair_stream(10, names=('rgb', 'lidar'))
    del arrivals[13]
    frames = feed(collector(('rgb', 'lidar')), arrivals)
    assert [frame.available.all() for frame in frames] == [True] * 6 + [False] + [True] * 3
