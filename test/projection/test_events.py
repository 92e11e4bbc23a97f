"""Event windows and counts."""

import numpy as np
import pytest

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import EventData
from mmseg_ros.projection import CameraModel, event_plane
from mmseg_ros.projection.event_tensors import time_surface, voxel_grid
from mmseg_ros.projection.events import COUNT_CHANNELS, EVENT_BINS, FIRST_BIN, LAST_RISE
from mmseg_ros.projection.transforms import T_OPTICAL_BODY_ROTATION, pose

CAMERA = CameraModel.from_fov(64, 48, 70)


def packet(x, y, stamps, polarity, width=64, height=48):
    return EventData(
        np.array(x, np.uint16),
        np.array(y, np.uint16),
        np.array(stamps, np.int64),
        np.array(polarity, bool),
        width,
        height,
    )


def test_counts_by_polarity_within_the_window():
    events = packet([5, 5, 5, 6], [7, 7, 7, 7], [1, 2, 3, 4], [1, 1, 0, 1])
    plane = event_plane(events, np.eye(4), CAMERA, CAMERA, (1, 4))
    assert plane.values[7, 5, :2].tolist() == [2, 1]
    assert plane.values[..., :2].sum() == 3
    assert plane.valid.all()


@pytest.mark.parametrize('size', [(48, 64), (12, 16)])
def test_counts_alone_are_those_of_the_whole_plane(size):
    rng = np.random.default_rng(4)
    height, width = size
    columns = rng.integers(0, width, 500), rng.integers(0, height, 500)
    stamps = rng.integers(0, 100, 500)  # not in order
    events = packet(*columns, stamps, rng.random(500) < 0.5, width, height)
    turn = np.eye(4)
    turn[:2, :2] = [[0.98, -0.199], [0.199, 0.98]]
    sensor = CAMERA.resized(height, width)
    whole = event_plane(events, turn, sensor, CAMERA, (20, 80))
    counts = event_plane(events, turn, sensor, CAMERA, (20, 80), channels=COUNT_CHANNELS)
    assert counts.values.shape == (48, 64, 2)
    assert counts.values.sum() > 200
    assert np.array_equal(counts.values, whole.values[..., :2])
    assert np.array_equal(counts.valid, whole.valid)
    outside = packet([width], [0], [30], [1], width, height)
    with pytest.raises(SampleError, match='1 of 1 events lie outside'):
        event_plane(outside, turn, sensor, CAMERA, (20, 80), channels=COUNT_CHANNELS)


def test_rotation_moves_events_as_the_camera_sees_them():
    turn = np.eye(4)
    angle = np.radians(10)
    turn[:3, :3] = [
        [np.cos(angle), 0, np.sin(angle)],
        [0, 1, 0],
        [-np.sin(angle), 0, np.cos(angle)],
    ]
    plane = event_plane(packet([32], [24], [1], [1]), turn, CAMERA, CAMERA, (0, 2))
    ray = turn[:3, :3] @ CAMERA.unproject([[32, 24]])[0]
    u, v = np.floor(CAMERA.project(ray[None])[0][0] + 0.5).astype(int)
    assert plane.values[v, u, 0] == 1
    assert 0.6 < plane.valid.mean() < 0.95


def test_translation_is_ignored():
    events = packet([10], [10], [1], [0])
    plane = event_plane(events, pose([3, 0, 0]), CAMERA, CAMERA, (0, 2))
    assert plane.values[10, 10, 1] == 1


def test_small_sensor_covers_the_large_image_without_holes():
    small = CAMERA.resized(12, 16)
    y, x = np.mgrid[:12, :16]
    n = x.size
    events = packet(x.ravel(), y.ravel(), range(n), np.ones(n), 16, 12)
    plane = event_plane(events, np.eye(4), small, CAMERA, (0, n))
    assert (plane.values[..., 0] == 1).mean() > 0.95


def test_large_sensor_keeps_all_its_events():
    large = CAMERA.resized(480, 640)
    rng = np.random.default_rng(0)
    events = packet(
        rng.integers(0, 640, 5000), rng.integers(0, 480, 5000), np.arange(5000), np.ones(5000),
        640, 480,
    )  # fmt: skip
    assert event_plane(events, np.eye(4), large, CAMERA, (0, 5000)).values[..., 0].sum() == 5000


def test_events_behind_the_camera_vanish():
    backwards = np.eye(4)
    backwards[:3, :3] = T_OPTICAL_BODY_ROTATION
    plane = event_plane(packet([32], [24], [1], [1]), backwards, CAMERA, CAMERA, (0, 2))
    assert not plane.values.any()


def test_events_outside_the_sensor_are_rejected():
    with pytest.raises(SampleError, match=r'1 of 2 events.*64 x 48'):
        event_plane(packet([3, 64], [3, 3], [1, 1], [1, 1]), np.eye(4), CAMERA, CAMERA, (0, 2))


def test_bins_equal_the_voxel_grid_and_last_times_the_time_surface():
    rng = np.random.default_rng(4)
    n, window_ns = 5000, (1000, 51_000)
    stamps = np.sort(rng.integers(0, 60_000, n))
    events = packet(rng.integers(0, 64, n), rng.integers(0, 48, n), stamps, rng.random(n) < 0.5)
    plane = event_plane(events, np.eye(4), CAMERA, CAMERA, window_ns)
    bins = plane.values[..., FIRST_BIN : FIRST_BIN + EVENT_BINS]
    np.testing.assert_allclose(
        bins, np.moveaxis(voxel_grid(events, EVENT_BINS, window_ns), 0, 2), atol=1e-4
    )
    inside = packet(*(a[stamps >= 1000] for a in (events.x, events.y, stamps, events.polarity)))
    surface = time_surface(inside, 50_000e-9, window_ns[1])
    last = np.moveaxis(plane.values[..., LAST_RISE:], 2, 0)
    np.testing.assert_allclose(np.where(last > 0, np.exp(last - 1), 0), surface, atol=1e-4)
