import numpy as np
import pytest

from mmseg_ros.sim.sensing.exposure import Exposure, add_rain, camera_exposure, develop


def _picture(level, **changes):
    radiance = np.full((60, 80, 3), level, np.float32)
    return develop(radiance, Exposure(**changes), np.random.default_rng(0))


def test_the_automatic_brings_any_daylight_to_the_same_grey():
    means = [_picture(level).mean() for level in (0.1, 0.3, 0.9)]
    assert np.ptp(means) < 4
    assert 100 < means[0] < 150


def test_stops_brighten_and_darken_and_a_night_stays_dark():
    assert _picture(0.3, stops=-3.0).mean() < _picture(0.3).mean() - 50
    assert _picture(0.3, stops=2.0).mean() > _picture(0.3).mean() + 50
    assert _picture(0.003).mean() < 60


def test_gain_makes_noise():
    assert _picture(0.02, gain=9.0).std() > 2 * _picture(0.02).std()


def test_rain_leaves_size_and_changes_some_pixels():
    radiance = np.full((96, 160, 3), 0.2, np.float32)
    radiance[:48] = 0.6
    seen = add_rain(radiance, 1.0, np.random.default_rng(0))
    changed = (np.abs(seen - radiance).max(-1) > 0.005).mean()
    assert seen.shape == radiance.shape
    assert 0.02 < changed < 0.7


@pytest.mark.parametrize(('failure', 'stops'), [('', 0), ('overexposure', 2.3), ('motionblur', 0)])
def test_failures_set_the_exposure(failure, stops):
    exposure = camera_exposure(failure, 1.0, night=False)
    assert exposure.stops == stops
    assert (exposure.blur_samples > 1) == (failure == 'motionblur')
