"""Event packets: what a frame gets of them, and that nothing of a window is lost or doubled."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmseg_ros.core.config import SensorConfig, SyncConfig
from mmseg_ros.core.limits import LimitsConfig, limits, use_limits
from mmseg_ros.core.types import CloudData, EventData, ImageData, SensorSample
from mmseg_ros.sync import Collector
from mmseg_ros.sync.packets import merge_packets, packet_end_ns, shift_stamps, starts_after

MS = 1_000_000
S = 1_000_000_000
START_NS = 100 * S


def packet(header_ns, times_ns):
    times = np.asarray(times_ns, np.int64)
    x = np.arange(len(times), dtype=np.uint16)
    return SensorSample(
        'event', header_ns, 'event', EventData(x, x, times, np.ones(len(times), bool), 640, 480)
    )


def full_packet(header_ns, length_ms=20):
    return packet(header_ns, header_ns + np.arange(0, length_ms * MS, MS))


def image(stamp_ns):
    return SensorSample('rgb', stamp_ns, 'rgb', ImageData(None))


def collect(arrivals, event_window_s=0.05, **sync):
    unit = Collector(
        ('rgb', 'event'),
        SyncConfig(content_checks=False, **sync),
        {'rgb': SensorConfig(), 'event': SensorConfig()},
        event_window_s,
    )
    frames = []
    for now_ns, item in sorted(arrivals, key=lambda pair: pair[0]):
        frames += unit.advance(now_ns) + unit.add(item, now_ns)
    return unit, frames + unit.flush()


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    phase_ms=st.integers(0, 19),
    window_ms=st.sampled_from([10, 50, 130]),
    camera_ms=st.sampled_from([33, 100]),
    end_stamped=st.booleans(),
)
def test_each_set_holds_every_event_of_its_window(phase_ms, window_ms, camera_ms, end_stamped):
    packets = []
    for index in range(60):
        begin_ns = START_NS + (index * 20 + phase_ms) * MS
        item = full_packet(begin_ns)
        if end_stamped:
            item = packet(begin_ns + 20 * MS, item.payload.stamp_ns)
        packets.append((begin_ns + 21 * MS, item))
    images = [
        (START_NS + k * camera_ms * MS + 5 * MS, image(START_NS + k * camera_ms * MS))
        for k in range(1, 1100 // camera_ms)
    ]
    _, frames = collect(packets + images, window_ms / 1e3)
    frames = [frame for frame in frames if frame.reference == 'rgb']
    every = np.concatenate([item.payload.stamp_ns for _, item in packets])
    assert len(frames) == len(images)
    for frame in frames[8:]:
        event = frame.samples['event']
        begin_ns, end_ns = frame.stamp_ns - window_ms * MS, frame.stamp_ns - 2 * MS
        wanted = every[(every > begin_ns) & (every < end_ns)]
        got = event.payload.stamp_ns
        assert np.array_equal(got, np.unique(got))
        assert np.array_equal(got[(got > begin_ns) & (got < end_ns)], wanted)
        assert got[0] > begin_ns - 20 * MS
        assert got[-1] < frame.stamp_ns + 20 * MS
        assert 0 <= frame.ages_ns['event'] <= 2 * MS


def test_a_lost_packet_makes_the_window_unavailable():
    packets = [
        (START_NS + k * 20 * MS + 21 * MS, full_packet(START_NS + k * 20 * MS)) for k in range(50)
    ]
    images = [
        (START_NS + k * 100 * MS + 25 * MS, image(START_NS + k * 100 * MS)) for k in range(1, 10)
    ]
    del packets[28]
    unit, frames = collect(packets + images)
    incomplete = [frame.stamp_ns for frame in frames if 'event' not in frame.samples]
    assert incomplete == [START_NS + 600 * MS]
    assert unit.counters.sensors['event'].gap == 1


def test_a_quiet_scene_is_available_without_events():
    packets = [(START_NS + k * 20 * MS + 1, packet(START_NS + k * 20 * MS, [])) for k in range(50)]
    images = [(START_NS + k * 100 * MS + 2, image(START_NS + k * 100 * MS)) for k in range(1, 10)]
    _, frames = collect(packets + images)
    assert all('event' in frame.samples for frame in frames)
    assert all(len(frame.samples['event'].payload.x) == 0 for frame in frames)


def test_old_packets_are_forgotten():
    packets = [(START_NS + k * MS, full_packet(START_NS + k * MS, 1)) for k in range(3000)]
    unit, _ = collect(packets, max_buffered=4)
    assert len(unit._tracks['event'].buffer) <= 64


def test_merged_packets_keep_order_and_fields():
    first, second = full_packet(START_NS), full_packet(START_NS + 20 * MS)
    merged = merge_packets([first, second], START_NS + 39 * MS)
    assert merged.stamp_ns == START_NS + 39 * MS
    assert np.all(np.diff(merged.payload.stamp_ns) > 0)
    assert merged.payload.x.dtype == np.uint16
    assert len(merged.payload.polarity) == 40
    assert (merged.payload.width, merged.payload.height) == (640, 480)


def test_one_packet_is_not_copied():
    item = full_packet(START_NS)
    assert merge_packets([item], START_NS).payload is item.payload


def test_of_event_images_the_newest_is_taken():
    older = SensorSample('event', START_NS, 'event', ImageData(np.zeros((2, 2, 3), np.uint8)))
    newer = SensorSample('event', START_NS + MS, 'event', ImageData(np.ones((2, 2, 3), np.uint8)))
    assert merge_packets([older, newer], START_NS + MS).payload is newer.payload


@pytest.mark.parametrize(
    ('item', 'end_ns', 'is_after'),
    [
        (packet(10, [12, 15]), 15, True),
        (packet(20, [12, 15]), 20, True),
        (packet(10, []), 10, False),
        (image(7), 7, False),
    ],
)
def test_extent_of_a_packet(item, end_ns, is_after):
    assert packet_end_ns(item) == end_ns
    assert starts_after(item, 11) is is_after


def test_an_offset_moves_every_stamp():
    moved = shift_stamps(packet(10, [12, 15]), 100)
    assert moved.stamp_ns == 110
    assert moved.payload.stamp_ns.tolist() == [112, 115]
    cloud = SensorSample('lidar', 10, 'lidar', CloudData(np.zeros(2), 1, 2, np.array([1, 2])))
    assert shift_stamps(cloud, 5).payload.point_stamp_ns.tolist() == [6, 7]
    assert shift_stamps(image(10), -3).stamp_ns == 7


@pytest.mark.parametrize('age_ns', [60 * MS, S, 2 * 3600 * S, START_NS + 40 * MS])
def test_packets_that_overlap_are_merged_in_order_of_time(age_ns):
    first, second = full_packet(START_NS), full_packet(START_NS + 20 * MS)
    times = second.payload.stamp_ns.copy()
    times[3] = START_NS + 40 * MS - age_ns
    times.sort()
    merged = merge_packets([first, packet(second.stamp_ns, times)], START_NS + 40 * MS).payload
    assert len(merged.x) == 40
    assert (np.diff(merged.stamp_ns) >= 0).all()
    assert merged.stamp_ns[0] == min(START_NS, times[0])


def test_packets_that_do_not_fit_together_cost_only_themselves():
    broken = packet(START_NS + 20 * MS, START_NS + np.arange(20 * MS, 40 * MS, MS))
    broken = replace(broken, payload=replace(broken.payload, x=np.zeros((2, 2), np.uint16)))
    arrivals = [
        (START_NS + index * 20 * MS, full_packet(START_NS + index * 20 * MS))
        for index in range(20)
    ]
    arrivals[1] = (arrivals[1][0], broken)
    arrivals += [
        (image_ns, image(image_ns))
        for image_ns in range(START_NS + 35 * MS, START_NS + 400 * MS, 50 * MS)
    ]
    unit, frames = collect(arrivals)
    assert unit.counters.sensors['event'].content > 0
    assert len(frames) == 8
    assert 'event' not in frames[0].samples
    assert 'event' in frames[-1].samples


def test_packets_that_wait_are_limited_in_events_and_the_oldest_go():
    before = limits()
    use_limits(LimitsConfig(window_events=100))
    try:
        packets = [(t, full_packet(t)) for t in range(START_NS, START_NS + 400 * MS, 20 * MS)]
        unit, frames = collect([*packets, (START_NS + 390 * MS, image(START_NS + 385 * MS))], 5.0)
    finally:
        use_limits(before)
    assert unit.counters.sensors['event'].overflow == 15
    events = frames[-1].samples['event'].payload
    assert len(events.x) == 100
    assert events.stamp_ns[0] == START_NS + 300 * MS


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_reference_is_always_among_the_samples(data):
    lost = data.draw(st.sets(st.integers(0, 39), max_size=20))
    silent = data.draw(st.tuples(st.integers(0, 8), st.integers(0, 8)))
    arrivals = [
        (START_NS + index * 20 * MS, full_packet(START_NS + index * 20 * MS))
        for index in range(40)
        if index not in lost
    ]
    for index in range(8):
        stamp_ns = START_NS + index * 100 * MS + data.draw(st.integers(-30, 30)) * MS
        if not min(silent) <= index < max(silent):
            arrivals.append((stamp_ns + 15 * MS, image(stamp_ns)))
    _, frames = collect(arrivals, reference_order=['event', 'rgb'])
    for frame in frames:
        assert frame.reference in frame.samples
    assert all(a.stamp_ns < b.stamp_ns for a, b in pairwise(frames))
