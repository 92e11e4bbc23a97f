"""Times of single points: missing or wild ones cost those points alone."""

import numpy as np
import pytest

from mmseg_ros.messages.point_times import TIME_FIELDS, point_times

SECOND = 10**9
HEADER_NS = 1_700_000_000 * SECOND
N = 2000
RELATIVE_S = np.linspace(0, 0.1, N)


def times_of(kind, values, bad=None, measured=True, header_ns=HEADER_NS, name='timestamp'):
    """Return the point times of a sweep in which 20 points have a bad time."""
    points = np.ones(N, [('x', 'f4'), (name, kind)])
    points[name] = values
    if bad is not None:
        points[name][100:120] = bad
        points['x'][100:120] = 1.0 if measured else np.nan
    return point_times(points, header_ns)


@pytest.mark.parametrize('name', TIME_FIELDS)
@pytest.mark.parametrize(
    ('kind', 'values'),
    [
        ('u4', np.rint(RELATIVE_S * 1e9)),
        ('i4', np.rint(RELATIVE_S * 1e9)),
        ('f4', RELATIVE_S),
        ('f8', RELATIVE_S),
        ('f8', 1.7e9 + RELATIVE_S),
        ('f8', (1.7e9 + RELATIVE_S) * 1e3),
        ('f8', (1.7e9 + RELATIVE_S) * 1e6),
        ('f8', (1.7e9 + RELATIVE_S) * 1e9),
    ],
)
def test_every_unit_and_origin(name, kind, values):
    times = times_of(kind, values, name=name)
    error_ns = times.stamp_ns - HEADER_NS - RELATIVE_S * 1e9
    assert np.abs(error_ns).max() < 1000
    assert (times.untimed, times.fault) == (0, '')


@pytest.mark.parametrize('delay_s', [0.1, -0.1, 1.0])
def test_absolute_times_do_not_depend_on_the_header(delay_s):
    header_ns = HEADER_NS + round(delay_s * SECOND)
    times = times_of('f8', 1.7e9 + RELATIVE_S, header_ns=header_ns)
    assert np.abs(times.stamp_ns - HEADER_NS - RELATIVE_S * 1e9).max() < 1000


@pytest.mark.parametrize('measured', [True, False])
@pytest.mark.parametrize(
    ('kind', 'values', 'bad'),
    [
        ('f8', 1.7e9 + RELATIVE_S, 0.0),
        ('f8', 1.7e9 + RELATIVE_S, np.nan),
        ('f8', 1.7e9 + RELATIVE_S, np.inf),
        ('f8', 1.7e9 + RELATIVE_S, 1e300),
        ('f8', (1.7e9 + RELATIVE_S) * 1e9, 0.0),
        ('u4', np.rint(RELATIVE_S * 1e9), 3.604361924e9),
        ('f4', RELATIVE_S, -3.6),
        ('f4', RELATIVE_S, np.nan),
    ],
)
def test_wild_times_cost_their_points_alone(kind, values, bad, measured):
    times = times_of(kind, values, bad, measured)
    good = np.ones(N, bool)
    good[100:120] = False
    error_ns = np.abs(times.stamp_ns - HEADER_NS - RELATIVE_S * 1e9)
    assert error_ns[good].max() < 1000
    assert error_ns.max() < 2_000_000  # the others have the time of the point before them
    assert times.untimed == (20 if measured else 0)
    assert times.fault == ''


def test_wild_times_at_the_beginning_get_the_first_good_one():
    values = RELATIVE_S.copy()
    values[:5] = np.nan
    times = times_of('f8', values)
    assert set(times.stamp_ns[:6].tolist()) == {int(times.stamp_ns[5])}


def test_rays_that_met_nothing_may_be_most_of_a_cloud():
    points = np.full(N, np.nan, [('x', 'f4'), ('timestamp', 'f8')])
    points['timestamp'] = 0.0
    points['x'][::10] = 1.0
    points['timestamp'][::10] = 1.7e9 + RELATIVE_S[::10]
    times = point_times(points, HEADER_NS)
    assert np.abs(times.stamp_ns[::10] - HEADER_NS - RELATIVE_S[::10] * 1e9).max() < 1000
    assert (times.untimed, times.fault) == (0, '')


@pytest.mark.parametrize(
    ('kind', 'values', 'named'),
    [
        ('f4', 1.7e9 + RELATIVE_S, 'steps of 128 s: float32 is too coarse'),
        ('f8', np.full(N, np.nan), 'hold no number'),
        ('f8', 1.6e9 + RELATIVE_S, 'another clock'),
        ('f8', 3600.0 + RELATIVE_S, '3.6e+03 s from the stamp'),
    ],
)
def test_times_that_nobody_can_use_are_named_and_the_cloud_keeps_its_stamp(kind, values, named):
    times = times_of(kind, values)
    assert named in times.fault
    assert set(times.stamp_ns.tolist()) == {HEADER_NS}


def test_a_cloud_without_times():
    assert point_times(np.ones(3, [('x', 'f4')]), HEADER_NS).stamp_ns is None
    assert point_times(np.ones(3, [('x', 'f4'), ('t', 'u4', (2,))]), HEADER_NS).stamp_ns is None
    assert point_times(np.ones(0, [('x', 'f4'), ('t', 'u4')]), HEADER_NS).stamp_ns is None
