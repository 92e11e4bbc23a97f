"""Voxel grids and time surfaces against plain NumPy."""

import numpy as np
import pytest

from mmseg_ros.core.types import EventData
from mmseg_ros.projection.event_tensors import (
    time_surface,
    voxel_grid,
)


@pytest.fixture
def events():
    rng, n = np.random.default_rng(0), 5000
    return EventData(
        rng.integers(0, 32, n).astype(np.uint16), rng.integers(0, 24, n).astype(np.uint16),
        np.sort(rng.integers(0, 1_000_000, n)), rng.random(n) > 0.4, 32, 24,
    )  # fmt: skip


def test_voxel_grid_equals_numpy(events):
    start, end, bins = 100_000, 900_000, 5
    inside = (events.stamp_ns >= start) & (events.stamp_ns < end)
    time = (events.stamp_ns[inside] - start) * (bins - 1) / (end - start)
    sign = np.where(events.polarity[inside], 1.0, -1.0)
    low = np.floor(time).astype(int)
    expected = np.zeros((bins, 24, 32))
    at = (events.y[inside], events.x[inside])
    np.add.at(expected, (low, *at), sign * (1 - (time - low)))
    np.add.at(expected, (low + 1, *at), sign * (time - low))
    grid = voxel_grid(events, bins, (start, end))
    np.testing.assert_allclose(grid, expected, atol=1e-4)
    again = voxel_grid(events, bins, (start, end), out=np.full((bins, 24, 32), 7, np.float32))
    np.testing.assert_array_equal(again, grid)
    assert grid.sum() == pytest.approx(sign.sum(), abs=1e-2)


def test_time_surface_holds_the_last_event(events):
    end, decay_s = 700_000, 1e-4
    surface = time_surface(events, decay_s, end)
    expected = np.zeros((2, 24, 32))
    for x, y, t, p in zip(events.x, events.y, events.stamp_ns, events.polarity, strict=True):
        if t < end:
            expected[0 if p else 1, y, x] = np.exp(-(end - t) * 1e-9 / decay_s)
    np.testing.assert_allclose(surface, expected, rtol=1e-5)


@pytest.mark.parametrize('bins', [2, 3, 4, 5])
def test_many_events_are_shared_between_two_threads(bins):
    rng = np.random.default_rng(bins)
    n, window_ns = 250_000, (1000, 50_001_000)
    stamps = np.sort(rng.integers(*window_ns, n))
    events = EventData(
        rng.integers(0, 64, n).astype(np.uint16), rng.integers(0, 48, n).astype(np.uint16),
        stamps, rng.random(n) < 0.5, 64, 48,
    )  # fmt: skip
    time = (stamps - window_ns[0]) * ((bins - 1) / 50_000_000)
    low = np.minimum(time.astype(int), bins - 2)
    sign = np.where(events.polarity, 1.0, -1.0)
    expected = np.zeros((bins, 48, 64))
    np.add.at(expected, (low, events.y, events.x), sign * (1 - (time - low)))
    np.add.at(expected, (low + 1, events.y, events.x), sign * (time - low))
    np.testing.assert_allclose(voxel_grid(events, bins, window_ns), expected, atol=1e-3)
