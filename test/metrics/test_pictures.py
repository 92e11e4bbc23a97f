"""Images show what is in the data, where it is."""

import numpy as np
import pytest

from mmseg_ros.core.types import Plane
from mmseg_ros.metrics.pictures import cloud_picture, plane_picture


def plane(values, valid=None):
    shape = values.shape[:2]
    return Plane(values, np.ones(shape, bool) if valid is None else valid)


def test_near_is_warm_far_is_cold_and_unmeasured_is_dark():
    depth_m = np.array([[[1.0], [50.0], [np.nan]]], np.float32)
    valid = np.array([[True, True, False]])
    near, far, nothing = plane_picture('depth', plane(depth_m, valid))[0].astype(int)
    assert near[0] > near[2]
    assert far[2] > far[0]
    assert nothing.max() < 40


def test_lidar_pixels_are_drawn_wider_with_the_nearest_on_top():
    values = np.zeros((5, 7, 3), np.float32)
    valid = np.zeros((5, 7), bool)
    values[2, 2, 0], values[2, 4, 0] = 40.0, 2.0
    valid[2, 2] = valid[2, 4] = True
    picture = plane_picture('lidar', plane(values, valid)).astype(int)
    np.testing.assert_array_equal(picture[2, 3], picture[2, 4])
    assert not np.array_equal(picture[2, 1], picture[2, 4])
    assert picture[0, 0].max() < 40


def test_events_are_red_for_brighter_and_blue_for_darker():
    counts = np.zeros((1, 3, 2), np.float32)
    counts[0, 0, 0] = counts[0, 1, 1] = 3
    brighter, darker, none = plane_picture('event', plane(counts))[0].astype(int)
    assert brighter[0] > brighter[2]
    assert darker[2] > darker[0]
    assert none.tolist() == [255, 255, 255]


def test_images_pass_and_other_planes_are_stretched():
    rgb = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    np.testing.assert_array_equal(plane_picture('rgb', plane(rgb)), rgb)
    thermal = np.linspace(280, 320, 8, dtype=np.float32).reshape(2, 4, 1)
    picture = plane_picture('thermal', plane(thermal))
    assert picture.shape == (2, 4, 3)
    assert picture[0, 0, 0] < 10
    assert picture[1, 3, 0] > 245


@pytest.mark.parametrize(
    ('point', 'side'), [((15.0, 6.0, 0.0), 'left'), ((15.0, -6.0, 0.0), 'right')]
)
def test_the_cloud_is_seen_from_behind(point, side):
    colors = np.array([[255, 0, 0]], np.uint8)
    picture = cloud_picture(np.array([point], np.float32), colors, 100, 200)
    _, columns = np.nonzero(picture[..., 1] == 0)
    assert len(columns)
    assert (columns.mean() < 100) == (side == 'left')


def test_a_high_point_is_above_and_a_near_point_covers_a_far_one():
    xyz = np.array([[15.0, 0.0, 4.0], [15.0, 0.0, 0.0]], np.float32)
    colors = np.array([[255, 0, 0], [0, 255, 0]], np.uint8)
    picture = cloud_picture(xyz, colors, 200, 200)
    assert (
        np.nonzero(picture[..., 0] == 255)[0].mean() < np.nonzero(picture[..., 1] == 255)[0].mean()
    )
    eye = np.array([-5.0, 0.0, 4.0])
    line = eye + np.array([[20.0], [40.0]]) * (np.array([14.0, 0, -0.5]) - eye) / 30.0
    for order in ([0, 1], [1, 0]):
        picture = cloud_picture(line[order], colors[order], 100, 100)
        assert (picture[..., 0] == 255).any()
        assert not (picture[..., 1] == 255).any()


def test_invalid_points_are_left_out():
    xyz = np.array([[np.nan, 0.0, 0.0], [-50.0, 0.0, 0.0]], np.float32)
    picture = cloud_picture(xyz, np.full((2, 3), 255, np.uint8), 50, 50)
    assert (picture == picture[0, 0]).all()
