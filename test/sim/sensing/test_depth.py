import numpy as np
import pytest

from mmseg_ros.sim.sensing.depth import DepthModel, measure_depth
from mmseg_ros.sim.world.weather import make_sky


def _measure(depth_m, condition='sun', gloss=0.0, **model):
    truth = np.full((120, 160), depth_m, np.float32)
    shine = np.full_like(truth, gloss)
    weather = make_sky(0, condition).weather
    return measure_depth(truth, shine, DepthModel(**model), weather, np.random.default_rng(0))


def test_noise_grows_with_the_square_of_the_range():
    spread = [np.nanstd(_measure(depth_m)) for depth_m in (5.0, 10.0, 20.0)]
    assert spread[1] / spread[0] == pytest.approx(4, rel=0.15)
    assert spread[2] / spread[1] == pytest.approx(4, rel=0.15)
    assert np.nanmean(_measure(10.0)) == pytest.approx(10.0, rel=0.01)


def test_range_sky_and_fog_limit_it():
    assert np.isnan(_measure(np.inf)).all()
    assert np.isnan(_measure(0.3)).all()
    assert np.isnan(_measure(100.0)).mean() > 0.95
    assert np.isnan(_measure(70.0, 'fog')).mean() > np.isnan(_measure(70.0)).mean()


def test_mirrors_make_holes():
    assert np.isnan(_measure(10.0, gloss=0.5)).mean() > np.isnan(_measure(10.0)).mean() + 0.3
