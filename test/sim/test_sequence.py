import numpy as np
import pytest

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.types import DepthData, EventData
from mmseg_ros.sim.sensing.clocks import FREE_RUNNING, TRIGGERED, SensorClock
from mmseg_ros.sim.sequence import Drive


def test_equal_seeds_give_equal_bytes(small_config, still_drive):
    _, first = still_drive
    second = list(Drive(2, small_config(speed_mps=0.0)).frames())
    for a, b in zip(first, second, strict=True):
        assert a.labels.tobytes() == b.labels.tobytes()
        assert a.true_depth_m.tobytes() == b.true_depth_m.tobytes()
        for name in ('rgb', 'depth', 'lidar', 'event'):
            x, y = a.samples[name].payload, b.samples[name].payload
            for field in ('pixels', 'depth_m', 'points', 'x', 'stamp_ns'):
                if hasattr(x, field):
                    assert getattr(x, field).tobytes() == getattr(y, field).tobytes()


def test_samples_have_their_shapes_stamps_and_frames(still_drive):
    drive, frames = still_drive
    assert frames[1].stamp_ns - frames[0].stamp_ns == 100_000_000
    frame = frames[1]
    assert frame.samples['rgb'].payload.pixels.shape == (96, 160, 3)
    assert frame.samples['depth'].payload.depth_m.dtype == np.float32
    assert frame.labels.shape == frame.instances.shape == (96, 160)
    assert len(frame.point_labels) == len(frame.samples['lidar'].payload.points)
    for name, sample in frame.samples.items():
        assert sample.frame_id == drive.rig.mounts[name].frame_id
        assert sample.stamp_ns == frame.stamp_ns


def test_event_packets_tile_the_time_between_frames(small_config):
    drive = Drive(2, small_config(theme='downtown'))
    frames = list(drive.frames())
    packets = frames[1].event_packets
    assert len(packets) == 5
    assert [p.stamp_ns - frames[0].stamp_ns for p in packets] == [k * 20_000_000 for k in range(5)]
    for packet in packets:
        events = packet.payload
        assert isinstance(events, EventData)
        assert len(events.x) > 20
        assert events.stamp_ns.min() >= packet.stamp_ns
        assert events.stamp_ns.max() <= packet.stamp_ns + 20_000_000
    assert len(frames[1].samples['event'].payload.x) == sum(len(p.payload.x) for p in packets)


def test_samples_come_in_the_order_of_receipt(small_config):
    samples = list(Drive(2, small_config(theme='downtown')).samples())
    received = [sample.received_ns for sample in samples]
    assert received == sorted(received)
    assert {s.modality for s in samples} == {'rgb', 'depth', 'lidar', 'event'}
    assert all(s.received_ns > s.stamp_ns for s in samples)


def test_every_sensor_has_its_own_clock(small_config):
    clocks = {
        **FREE_RUNNING,
        'depth': SensorClock(15.0, 0.011, 0.03),
        'lidar': SensorClock(5.0, -0.02),
    }
    frames = list(Drive(2, small_config(frames=3, theme='downtown', clocks=clocks)).frames())
    reports = [sample for frame in frames for sample in frame.reports]
    first_ns = frames[0].stamp_ns
    stamps_ms = {
        name: [(s.stamp_ns - first_ns) / 1e6 for s in reports if s.modality == name]
        for name in ('depth', 'lidar', 'event')
    }
    depth_ms = [11.0 + k * 200.0 / 3 for k in range(-1, 3)]
    np.testing.assert_allclose(stamps_ms['depth'], depth_ms, atol=1e-3)
    assert stamps_ms['lidar'] == [-20.0, 180.0]
    assert stamps_ms['event'] == [-60.0 + 20.0 * k for k in range(13)]
    assert 'lidar' not in frames[1].samples
    assert len(frames[1].point_labels) == 0
    waits = {s.modality: s.received_ns - s.stamp_ns for s in reports}
    assert waits == {'depth': 30_000_000, 'lidar': 50_000_000, 'event': 21_000_000}


def test_a_sample_shows_its_own_moment_whatever_the_clock(small_config):
    clocks = {**TRIGGERED, 'depth': SensorClock(20.0, 0.05), 'lidar': SensorClock(20.0, 0.05)}
    by_stamp = [
        {
            (sample.modality, sample.stamp_ns): sample.payload
            for frame in Drive(2, small_config(speed_mps=16.0, clocks=setting)).frames()
            for sample in frame.reports
        }
        for setting in (TRIGGERED, clocks)
    ]
    triggered, free = by_stamp
    stamps = sorted(stamp_ns for name, stamp_ns in free if name == 'depth')
    assert np.diff(stamps).tolist() == [50_000_000] * 3
    for name, field in (('depth', 'depth_m'), ('lidar', 'points')):
        shown = [getattr(free[name, stamp_ns], field).tobytes() for stamp_ns in stamps]
        assert len(set(shown)) == 4
        for k in (1, 3):
            assert getattr(triggered[name, stamps[k]], field).tobytes() == shown[k]


def test_depth_agrees_with_the_truth_and_has_holes(still_drive):
    _, frames = still_drive
    payload = frames[0].samples['depth'].payload
    assert isinstance(payload, DepthData)
    measured = payload.depth_m
    # The two cameras sit 6 cm apart: far pixels see nearly the same.
    truth = frames[0].true_depth_m
    inner = np.isfinite(measured) & (truth > 8) & (truth < 25)
    error = np.abs(measured - truth)[inner] / truth[inner]
    assert np.median(error) < 0.03
    share = np.isnan(measured[np.isfinite(truth) & (truth < 20)]).mean()
    assert 0.01 < share < 0.35
    assert np.isnan(measured[np.isinf(truth)]).mean() > 0.9


@pytest.fixture(scope='module')
def town_frame(small_config):
    return next(Drive(2, small_config(frames=1, theme='downtown')).frames())


@pytest.mark.parametrize('failure', ['overexposure', 'underexposure', 'eventlowres', 'motionblur'])
def test_failures_touch_their_sensor_alone(small_config, town_frame, failure):
    healthy = town_frame
    failing = next(Drive(2, small_config(frames=1, theme='downtown', failure=failure)).frames())
    assert healthy.labels.tobytes() == failing.labels.tobytes()
    a, b = healthy.samples['rgb'].payload.pixels, failing.samples['rgb'].payload.pixels
    if failure == 'overexposure':
        assert b.mean() > a.mean() + 30
    elif failure == 'underexposure':
        assert b.mean() < a.mean() - 50
    elif failure == 'motionblur':
        assert (
            np.abs(np.diff(b.astype(int), axis=1)).mean()
            < np.abs(np.diff(a.astype(int), axis=1)).mean()
        )
    else:
        assert failing.samples['event'].payload.width == 40
        assert a.tobytes() == b.tobytes()


def test_night_starves_the_camera_but_not_the_lidar(small_config, town_frame):
    day = town_frame
    night = next(Drive(2, small_config(frames=1, theme='downtown', condition='night')).frames())
    dark, bright = (f.samples['rgb'].payload.pixels[:30].mean() for f in (night, day))
    assert dark < 0.6 * bright
    points = [len(f.samples['lidar'].payload.points) for f in (night, day)]
    assert points[0] == pytest.approx(points[1], rel=0.02)


def test_unknown_settings_are_named(small_config):
    with pytest.raises(ConfigError, match='sandstorm'):
        Drive(0, small_config(condition='sandstorm'))
    with pytest.raises(ConfigError, match='flat tire'):
        small_config(failure='flat tire')
    with pytest.raises(ConfigError, match='at least one frame'):
        small_config(frames=0)
