import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.sim.sensing.clocks import TRIGGERED, SensorClock, check_clocks, parse_clock


@given(st.floats(1.0, 100.0), st.floats(-1.0, 1.0), st.floats(0.02, 0.5))
def test_spans_in_a_row_hold_every_sample_once(rate_hz, phase_s, span_s):
    clock = SensorClock(rate_hz, phase_s)
    found = [t for k in range(20) for t in clock.times(k * span_s, (k + 1) * span_s)]
    assert abs(len(found) - 20 * span_s * rate_hz) <= 1
    np.testing.assert_allclose(np.diff(found), 1 / rate_hz, rtol=1e-6)
    turns = (np.array(found) - phase_s) * rate_hz
    np.testing.assert_allclose(turns, np.round(turns), atol=1e-6)


def test_a_triggered_sensor_measures_with_the_camera():
    assert SensorClock().times(0.3, 0.4) == [0.4]


def test_a_clock_is_read_from_text():
    assert parse_clock('depth=15,0.01,0.03') == ('depth', SensorClock(15.0, 0.01, 0.03))
    assert parse_clock('lidar=0') == ('lidar', TRIGGERED['lidar'])
    for text in ('depth', 'depth=', 'depth=fast', 'depth=1,2,3,4', 'radar=10', 'depth=15,'):
        with pytest.raises(ConfigError, match='no clock'):
            parse_clock(text)


@pytest.mark.parametrize(
    ('changes', 'word'),
    [
        ({'depth': SensorClock(-1.0)}, 'negative'),
        ({'rgb': SensorClock(20.0)}, 'interval'),
        ({'radar': SensorClock(20.0)}, 'radar'),
    ],
)
def test_impossible_clocks_are_rejected(changes, word):
    with pytest.raises(ConfigError, match=word):
        check_clocks({**TRIGGERED, **changes})
