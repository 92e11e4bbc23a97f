"""Events whose times are out of order or far away: they cost themselves, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_ros.core.types import EventData, Plane
from mmseg_ros.projection import CameraModel, event_plane
from mmseg_ros.projection.event_tensors import time_surface, voxel_grid
from mmseg_ros.projection.event_window import events_in_window, is_ascending, window_slice

CAMERA = CameraModel.from_fov(64, 48, 70)
START_NS, END_NS = 1_700_000_000_000_000_000, 1_700_000_000_050_000_000
WINDOW_NS = START_NS, END_NS
EXTREMES = [0, -1, START_NS - 1, START_NS, END_NS - 1, END_NS, -(2**63), 2**63 - 1]
SURFACE = Plane(np.full((48, 64, 1), 7, np.float32), np.ones((48, 64), bool))


def packet(n, seed=0):
    rng = np.random.default_rng(seed)
    stamps = np.sort(rng.integers(START_NS, END_NS, n))
    x, y = rng.integers(0, 64, n).astype(np.uint16), rng.integers(0, 48, n).astype(np.uint16)
    return EventData(x, y, stamps, rng.random(n) < 0.5, 64, 48)


def with_times(events, at, times):
    stamps = events.stamp_ns.copy()
    stamps[at] = times
    return replace(events, stamp_ns=stamps)


def without(events, at):
    kept = np.setdiff1d(np.arange(len(events.x)), at)
    columns = {name: getattr(events, name)[kept] for name in ('x', 'y', 'stamp_ns', 'polarity')}
    return replace(events, **columns)


def planes(events):
    yield event_plane(events, np.eye(4), CAMERA, CAMERA, WINDOW_NS).values
    yield event_plane(events, np.eye(4), CAMERA, CAMERA, WINDOW_NS, SURFACE).values
    yield voxel_grid(events, 5, WINDOW_NS)
    yield time_surface(events, 0.02, END_NS)


def test_window_is_half_open():
    stamps = np.array([0, 10, 10, 20, 30], np.int64)
    assert window_slice(stamps, (10, 20)) == (1, 3)
    assert window_slice(stamps, (-5, 0)) == (0, 0)
    assert window_slice(stamps, (30, 31)) == (4, 5)
    assert window_slice(stamps, (20, 10)) == (3, 3)


@pytest.mark.parametrize('age_ns', [60_000_000, 10**9, START_NS, -(10**9)])
def test_one_event_with_a_wrong_time_changes_no_pixel(age_ns):
    events, at = packet(4000), 2500
    wrong = with_times(events, at, END_NS - age_ns - 1)
    for given_plane, expected in zip(planes(wrong), planes(without(events, at)), strict=True):
        if given_plane.shape[0] == 2 and age_ns > 0:
            # A time surface has no start: an old event counts where no later one lies.
            given_plane, expected = given_plane > np.exp(-2.5), expected > np.exp(-2.5)
        np.testing.assert_array_equal(given_plane, expected)


def test_order_does_not_matter():
    events = packet(4000)
    order = np.random.default_rng(1).permutation(4000)
    columns = {name: getattr(events, name)[order] for name in ('x', 'y', 'stamp_ns', 'polarity')}
    for given_plane, expected in zip(
        planes(replace(events, **columns)), planes(events), strict=True
    ):
        np.testing.assert_array_equal(given_plane, expected)


@settings(deadline=None, max_examples=40)
@given(
    n=st.sampled_from([0, 1, 2, 300]),
    wild=st.lists(st.tuples(st.integers(0, 299), st.sampled_from(EXTREMES)), max_size=20),
    pixel=st.sampled_from([(0, 0), (63, 47), (31, 0)]),
)
def test_extreme_times_never_leave_the_planes(n, wild, pixel):
    events = packet(n)
    for at, time_ns in wild:
        if at < n:
            events = with_times(events, at, time_ns)
            events.x[at], events.y[at] = pixel
    inside = (events.stamp_ns >= START_NS) & (events.stamp_ns < END_NS)
    part = events_in_window(events, WINDOW_NS)
    assert len(part.x) == np.count_nonzero(inside)
    assert is_ascending(part.stamp_ns)
    plane, _, grid, surface = planes(events)
    assert plane[..., :2].sum() == np.count_nonzero(inside)
    assert plane[..., 5:].min() >= 0
    assert plane[..., 5:].max(initial=0) <= 1
    assert np.abs(grid).sum() <= n + 1e-3
    assert np.isfinite(surface).all()


def test_a_grid_of_another_shape_is_not_filled():
    for out in (np.zeros((5, 48, 32), np.float32), np.zeros((5, 48, 64))):
        with pytest.raises(ValueError, match=r'float32 array of shape \(5, 48, 64\)'):
            voxel_grid(packet(3), 5, WINDOW_NS, out)
