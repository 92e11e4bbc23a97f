"""Masks as COCO writes them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.datasets.coco_masks import (
    decode_segmentation,
    polygon_mask,
    runs_mask,
    unpack_runs,
)


def runs_of(mask):
    """Return run lengths down the columns, the first outside."""
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(flat.astype(int))) + 1
    lengths = np.diff([0, *edges, len(flat)]).tolist()
    return [0, *lengths] if flat[0] else lengths


def pack(runs):
    """Return COCO's packed text of run lengths."""
    text = ''
    for i, run in enumerate(runs):
        value = run - runs[i - 2] if i > 2 else run
        more = True
        while more:
            bits = value & 0x1F
            value >>= 5
            more = value != (-1 if bits & 0x10 else 0)
            text += chr((bits | 0x20 if more else bits) + 48)
    return text


@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 40))))
def test_packed_runs_round_trip(mask):
    runs = runs_of(mask)
    assert unpack_runs(pack(runs)) == runs
    assert np.array_equal(runs_mask(runs, *mask.shape), mask)
    segmentation = {'size': list(mask.shape), 'counts': pack(runs).encode()}
    assert np.array_equal(decode_segmentation(segmentation, *mask.shape), mask)


def test_long_runs():
    mask = np.zeros((100, 200), bool)
    mask[:, 150:] = True
    assert unpack_runs(pack(runs_of(mask))) == [15000, 5000]


@given(st.integers(0, 12), st.integers(0, 12), st.integers(1, 8), st.integers(1, 8))
def test_rectangle_covers_the_pixels_between_its_sides(left, top, width, height):
    corners = [left, top, left + width, top, left + width, top + height, left, top + height]
    expected = np.zeros((16, 16), bool)
    expected[top : top + height, left : left + width] = True
    assert np.array_equal(polygon_mask(corners, 16, 16), expected)
    backwards = np.reshape(corners, (4, 2))[::-1].ravel()
    assert np.array_equal(polygon_mask(backwards, 16, 16), expected)


def test_triangle_has_half_the_area_of_its_box():
    mask = polygon_mask([0, 0, 60, 0, 0, 60], 64, 64)
    assert mask.sum() == pytest.approx(1800, abs=30)
    assert mask[5, 5]
    assert not mask[55, 55]


def test_parts_are_joined():
    parts = [[0, 0, 4, 0, 4, 4, 0, 4], [6, 6, 8, 6, 8, 8, 6, 8]]
    assert decode_segmentation(parts, 10, 10).sum() == 20
    assert not decode_segmentation([], 10, 10).any()
    assert not polygon_mask([1, 1, 2, 2], 10, 10).any()


@pytest.mark.parametrize(
    ('segmentation', 'words'),
    [
        ('text', 'polygons or run lengths'),
        ({'size': [4, 4]}, 'polygons or run lengths'),
        ({'size': [4, 5], 'counts': [20]}, 'its image'),
        ({'size': [4, 4], 'counts': [3, 4]}, 'cover 7 pixels'),
        ({'size': [4, 4], 'counts': [18, -2]}, 'cover 16 pixels'),
        ({'size': [4, 4], 'counts': 'o'}, 'damaged'),
        ({'size': [4, 4], 'counts': '!!'}, 'damaged'),
        ([[0, 0, 1]], 'pairs'),
        ([[0, 0, float('nan'), 1, 2, 2]], 'pairs'),
    ],
)
def test_malformed_segmentations_are_rejected(segmentation, words):
    with pytest.raises(DatasetError, match=words):
        decode_segmentation(segmentation, 4, 4)
