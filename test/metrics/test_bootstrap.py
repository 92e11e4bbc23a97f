"""Intervals of paired differences: right on known data, seeded, and silent where none is due."""

import numpy as np
import pytest

from mmseg_ros.metrics.bootstrap import mean_iou, paired_bootstrap, ratio


def accuracies(right, total=100):
    """Return F x 2 counts."""
    right = np.asarray(right)
    return np.stack([right, np.full_like(right, total)], axis=1)


def test_scores_come_from_summed_counts():
    counts = np.array([[[[1, 2], [3, 4], [0, 0]]]], np.int64)[0]
    assert mean_iou(counts).tolist() == [0.625]
    assert np.array_equal(ratio(counts[0]), [0.5, 0.75, np.nan], equal_nan=True)
    assert np.isnan(mean_iou(np.zeros((1, 2, 2), np.int64)))


def test_a_common_gain_is_sure_although_frames_differ_widely():
    hardness = np.random.default_rng(3).integers(10, 90, 40)
    score = paired_bootstrap(accuracies(hardness), accuracies(hardness + 2), ratio)
    assert score.difference == pytest.approx(0.02)
    assert (score.low, score.high) == pytest.approx((0.02, 0.02))
    assert score.verdict == 'better'
    swapped = paired_bootstrap(accuracies(hardness + 2), accuracies(hardness), ratio)
    assert swapped.verdict == 'worse'


def test_the_interval_is_that_of_the_mean_of_differences():
    rng = np.random.default_rng(5)
    a = rng.integers(40, 60, 200)
    b = a + rng.integers(-8, 9, 200)
    score = paired_bootstrap(accuracies(a), accuracies(b), ratio, resamples=4000)
    deviation = np.std((b - a) / 100) / np.sqrt(200)
    assert score.high - score.low == pytest.approx(2 * 1.96 * deviation, rel=0.08)
    assert score.low < np.mean(b - a) / 100 < score.high


def test_equal_seeds_give_equal_intervals_and_levels_nest():
    rng = np.random.default_rng(1)
    a, b = (accuracies(rng.integers(0, 100, 30)) for _ in range(2))
    first, again = (paired_bootstrap(a, b, ratio, seed=4) for _ in range(2))
    assert first == again
    assert paired_bootstrap(a, b, ratio, seed=5).low != first.low
    narrow = paired_bootstrap(a, b, ratio, seed=4, level=0.5)
    assert first.low < narrow.low < narrow.high < first.high


def test_one_frame_or_no_score_says_nothing():
    one = paired_bootstrap(accuracies([10]), accuracies([90]), ratio)
    assert one.verdict == 'unknown'
    assert one.difference == pytest.approx(0.8)
    none = paired_bootstrap(accuracies([0] * 5, 0), accuracies([0] * 5, 0), ratio)
    assert none.verdict == 'unknown'
