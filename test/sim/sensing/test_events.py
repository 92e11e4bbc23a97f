import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_ros.sim.sensing.events import EventCamera, EventModel


def _camera(size=(6, 8), **changes):
    quiet = {'threshold': 0.2, 'mismatch': 0.0, 'refractory_s': 0.0, 'noise_hz': 0.0}
    return EventCamera(*size, EventModel(**{**quiet, **changes}), np.random.default_rng(0))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1.2, 1.2), min_size=1, max_size=6), st.floats(0.1, 0.5))
def test_the_count_of_events_is_the_change_of_log_intensity_over_the_threshold(steps, threshold):
    camera = _camera(threshold=threshold)
    log = np.zeros((6, 8)) + 0.5
    assert len(camera.feed(_light(log), 0.0, 0).x) == 0
    net = 0
    for k, step in enumerate(steps, 1):
        log = log + step
        events = camera.feed(_light(log), 0.01 * k, 0)
        signs = np.where(events.polarity, 1, -1)
        net += signs.sum() / log.size
        assert len(set(signs.tolist())) <= 1
    # What is left in the memory of a pixel is less than one threshold.
    assert abs(net - (log[0, 0] - 0.5) / threshold) < 1.0 + 1e-3


def _light(log):
    """Return the luminance whose log, with the sensor's own floor, is `log`."""
    return (np.exp(log) - 0.004).astype(np.float32)


def test_the_law_holds_over_pixels_with_mismatch():
    camera = _camera((120, 160), mismatch=0.05)
    rng = np.random.default_rng(1)
    start, change = rng.uniform(0, 1, (120, 160)), rng.uniform(-2, 2, (120, 160))
    camera.feed(_light(start), 0.0, 0)
    events = camera.feed(_light(start + change), 0.02, 0)
    expected = np.floor(np.abs(change) / 0.2).sum()
    assert len(events.x) == pytest.approx(expected, rel=0.02)


def test_events_fall_where_the_light_crosses_the_levels():
    camera = _camera((1, 1), threshold=0.1)
    camera.feed(_light(np.zeros((1, 1))), 0.0, 1000)
    events = camera.feed(_light(np.full((1, 1), 0.35)), 0.035, 1000)
    np.testing.assert_allclose(events.stamp_ns, [10_001_000, 20_001_000, 30_001_000], atol=20_000)
    assert events.polarity.all()


def test_a_pixel_is_blind_for_the_refractory_time():
    camera = _camera((4, 4), refractory_s=0.003)
    camera.feed(_light(np.zeros((4, 4))), 0.0, 0)
    events = camera.feed(_light(np.full((4, 4), 4.0)), 0.02, 0)
    for x in range(4):
        for y in range(4):
            own = np.sort(events.stamp_ns[(events.x == x) & (events.y == y)])
            assert len(own) > 2
            assert np.diff(own).min() >= 3_000_000 - 1000


def test_noise_has_its_rate_and_events_are_sorted():
    camera = _camera((100, 100), noise_hz=2.0)
    camera.feed(_light(np.zeros((100, 100))), 0.0, 0)
    events = camera.feed(_light(np.zeros((100, 100))), 0.5, 0)
    assert len(events.x) == pytest.approx(10_000, rel=0.05)
    assert np.all(np.diff(events.stamp_ns) >= 0)
    assert events.polarity.mean() == pytest.approx(0.5, abs=0.03)


def test_a_reset_camera_starts_anew():
    camera = _camera()
    camera.feed(_light(np.zeros((6, 8))), 0.0, 0)
    camera.reset(np.random.default_rng(1))
    assert len(camera.feed(_light(np.full((6, 8), 2.0)), 0.01, 0).x) == 0
