"""Sizes of objects in a label image."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_ros.labelling.objects import object_sizes


def sizes_by_opencv(truth, ignore_id):
    sizes = np.full(truth.shape, np.nan, np.float32)
    for label in np.unique(truth):
        if label != ignore_id:
            mask = truth == label
            _, regions, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
            sizes[mask] = (stats[:, cv2.CC_STAT_AREA] / truth.size).astype(np.float32)[
                regions[mask]
            ]
    return sizes


def test_sizes_are_those_of_regions_that_touch():
    truth = np.zeros((20, 50), np.uint8)
    truth[5, 5:9] = 1
    truth[15, 40] = truth[16, 41] = 1
    truth[0] = 255
    sizes = object_sizes(truth, 255)
    assert np.isnan(sizes[0]).all()
    found = [sizes[5, 6], sizes[15, 40], sizes[16, 41], sizes[10, 10]]
    assert found == pytest.approx([0.004, 0.002, 0.002, 0.944])


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 24), st.integers(1, 24), st.integers(1, 4), st.integers(0, 9),
    st.sampled_from([np.uint8, np.uint16, np.int64]),
)  # fmt: skip
def test_every_image_gives_what_opencv_gives(rows, columns, classes, seed, kind):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, (rows, columns)).astype(kind)
    truth[rng.random(truth.shape) < 0.1] = 255
    np.testing.assert_array_equal(object_sizes(truth, 255), sizes_by_opencv(truth, 255))


def test_a_spiral_is_one_object_and_an_empty_image_none():
    spiral = np.zeros((9, 9), np.uint8)
    spiral[0], spiral[:, 8], spiral[8], spiral[2:, 0], spiral[2, :7], spiral[2:7, 6] = (1,) * 6
    sizes = object_sizes(spiral, 255)
    assert np.unique(sizes[spiral == 1]).tolist() == [np.float32(spiral.sum() / 81)]
    assert object_sizes(np.zeros((0, 5), np.uint8), 255).shape == (0, 5)
