import numpy as np
import pytest

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.sim.world.weather import CONDITIONS, make_sky


@pytest.mark.parametrize('condition', CONDITIONS)
def test_skies_are_seeded_and_sound(condition):
    a, b, c = (make_sky(seed, condition) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a.parameters(), b.parameters())
    assert not np.array_equal(a.parameters(), c.parameters())
    assert np.linalg.norm(a.to_sun) == pytest.approx(1.0, abs=1e-6)
    assert a.to_sun[2] > 0.1
    assert a.parameters().dtype == np.float32
    assert a.parameters().shape == (20,)


def test_conditions_differ_where_they_should():
    sky = {name: make_sky(3, name).weather for name in CONDITIONS}
    assert sky['fog'].extinction_per_m > 10 * sky['sun'].extinction_per_m
    assert sky['night'].gain > sky['sun'].gain
    assert sky['night'].lamps > 0 == sky['sun'].lamps
    assert sky['rain'].rain > 0 == sky['cloud'].rain
    assert max(sky['sun'].sun) > 5 * max(sky['cloud'].sun)


def test_unknown_conditions_are_named():
    with pytest.raises(ConfigError, match='hail'):
        make_sky(0, 'hail')
