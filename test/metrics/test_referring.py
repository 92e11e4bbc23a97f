"""Scores of masks that text prompts mean."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.metrics.referring import ReferringScore


def mask(inside, total=10):
    return np.arange(total) < inside


def test_overall_and_mean_differ_where_sizes_do():
    score = ReferringScore()
    assert score.update(mask(1), mask(2)) == 0.5
    assert score.update(mask(8), mask(8)) == 1.0
    assert score.miou() == pytest.approx(0.75)
    assert score.oiou() == pytest.approx(9 / 10)


def test_precision_counts_the_threshold_itself():
    score = ReferringScore()
    for inside in (5, 6, 7, 8, 9, 10):
        score.update(mask(inside), mask(10))
    shares = [score.precision(at) for at in (0.5, 0.6, 0.7, 0.8, 0.9)]
    assert shares == pytest.approx([1, 5 / 6, 4 / 6, 3 / 6, 2 / 6])
    assert score.to_dict()['p90'] == pytest.approx(2 / 6)
    assert score.to_dict()['count'] == 6


def test_two_empty_masks_count_as_missed():
    score = ReferringScore()
    assert score.update(mask(0), mask(0)) == 0.0
    assert score.miou() == 0.0


def test_nothing_scored_is_no_number():
    score = ReferringScore()
    assert all(math.isnan(x) for x in (score.miou(), score.oiou(), score.precision(0.5)))


@pytest.mark.parametrize('other', [mask(2, 9), mask(2).astype(np.uint8)])
def test_other_shapes_and_types_are_rejected(other):
    with pytest.raises(DatasetError, match='bool masks of one shape'):
        ReferringScore().update(mask(2), other)


@given(arrays(bool, (4, 5)), arrays(bool, (4, 5)))
def test_iou_is_symmetric_and_one_only_for_equal_masks(first, second):
    score = ReferringScore()
    there, back = score.update(first, second), score.update(second, first)
    assert there == back
    assert 0.0 <= there <= 1.0
    assert (there == 1.0) == (bool(first.any()) and np.array_equal(first, second))


@given(st.lists(st.tuples(arrays(bool, 6), arrays(bool, 6)), min_size=1, max_size=5))
def test_overall_iou_lies_between_the_extremes(pairs):
    score = ReferringScore()
    ious = [score.update(*pair) for pair in pairs if (pair[0] | pair[1]).any()]
    if ious:
        assert min(ious) - 1e-9 <= score.oiou() <= max(ious) + 1e-9
