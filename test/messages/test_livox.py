"""Livox CustomMsg becomes a cloud with times of its points."""

from types import SimpleNamespace

import numpy as np
import pytest

from mmseg_ros.core.errors import SampleError
from mmseg_ros.messages import decode_livox

HEADER_NS = 10 * 10**9 + 5


def point(x, offset_ns=0, **changes):
    members = {'x': x, 'y': 0.5, 'z': 0.25, 'reflectivity': 50, 'tag': 16, 'line': 3}
    return SimpleNamespace(**{**members, 'offset_time': offset_ns, **changes})


def custom(message, points, timebase=HEADER_NS):
    return message(timebase=timebase, point_num=len(points), lidar_id=0, points=points)


def test_points_and_their_times(message):
    cloud = decode_livox(custom(message, [point(1.0), point(2.0, 4_000_000)]))
    np.testing.assert_array_equal(cloud.xyz(), [[1, 0.5, 0.25], [2, 0.5, 0.25]])
    np.testing.assert_array_equal(cloud.points['reflectivity'], [50, 50])
    np.testing.assert_array_equal(cloud.point_stamp_ns, [HEADER_NS, HEADER_NS + 4_000_000])


def test_a_time_base_of_another_clock_is_replaced_by_the_header(message):
    cloud = decode_livox(custom(message, [point(1.0, 7)], timebase=99))
    assert cloud.point_stamp_ns.tolist() == [HEADER_NS + 7]


def test_rays_that_met_nothing_are_no_points(message):
    cloud = decode_livox(custom(message, [point(1.0), point(0.0, y=0.0, z=0.0)]))
    np.testing.assert_array_equal(np.isfinite(cloud.xyz()), [[True] * 3, [False] * 3])


@pytest.mark.parametrize('bad', [SimpleNamespace(x=1.0), point('far'), point(1.0, -1)])
def test_a_point_that_cannot_be_read_is_named(message, bad):
    with pytest.raises(SampleError, match='CustomMsg cannot be read'):
        decode_livox(custom(message, [bad]))
