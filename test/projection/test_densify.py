"""Discs of points."""

import numpy as np

from mmseg_ros.core.types import Plane
from mmseg_ros.projection.densify import densified


def test_near_points_cover_more_and_win():
    values = np.zeros((21, 31, 2), np.float32)
    valid = np.zeros((21, 31), bool)
    values[10, 8], values[10, 13] = [40.0, 1.0], [10.0, 2.0]
    valid[10, 8] = valid[10, 13] = True
    dense = densified(Plane(values, valid), radius_m=0.1, focal_px=400.0)
    assert dense.values[10, 7, 1] == 1.0
    assert dense.values[10, 9, 1] == 2.0
    assert dense.valid[6, 13]
    assert not dense.valid[5, 13]
    assert not dense.valid[9, 7]
    assert not dense.values[~dense.valid].any()
    assert (values[10, 9] == 0).all()


def test_the_radius_is_limited_and_an_empty_plane_stays_empty():
    values = np.full((41, 41, 1), 0.2, np.float32)
    valid = np.zeros((41, 41), bool)
    valid[20, 20] = True
    dense = densified(Plane(values, valid), radius_m=1.0, focal_px=400.0, largest_px=5)
    assert dense.valid.sum() == 81
    assert not densified(Plane(values, valid & False), 1.0, 400.0).valid.any()
