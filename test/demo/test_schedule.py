"""Every sensor drops once, alone, and is back before the end."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.demo.schedule import MIN_DURATION_S, outages


@given(st.floats(MIN_DURATION_S, 600))
def test_outages_do_not_overlap_and_end_before_the_drive(duration_s):
    found = outages(duration_s)
    assert [o.modality for o in found] == ['rgb', 'depth', 'event', 'lidar']
    for first, second in itertools.pairwise(found):
        assert first.stop_s < second.start_s
    assert found[0].start_s > 0.25 * duration_s
    assert found[-1].stop_s < 0.95 * duration_s
    assert all(o.start_s < o.middle_s < o.stop_s for o in found)


def test_as_an_argument_of_the_player():
    assert outages(20)[0].argument() == 'rgb@5.20-7.80'


def test_a_short_drive_is_rejected():
    with pytest.raises(ConfigError, match='at least 5 s'):
        outages(3)
