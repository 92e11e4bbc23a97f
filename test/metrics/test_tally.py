"""Counts over runs of pixels against counts of each pixel, for any types of input."""

import numpy as np
import pytest

from mmseg_ros.metrics.tally import (
    NOWHERE,
    bin_numbers,
    confidence_counts,
    ids,
    pair_counts,
)


def one_by_one(labels, truth, places, ignore_id, size):
    counts = np.zeros((*size, size[1] + 1), np.int64)
    for label, true, place in zip(labels.tolist(), truth.tolist(), places.tolist(), strict=True):
        if true != ignore_id and place < size[0] and 0 <= true < size[1]:
            counts[place, true, label if 0 <= label < size[1] else size[1]] += 1
    return counts


@pytest.mark.parametrize('kind', [np.uint8, np.uint16, np.int64])
@pytest.mark.parametrize('run', [1, 40])
def test_runs_are_counted_like_single_pixels(kind, run):
    rng = np.random.default_rng(run)
    labels, truth = rng.choice([0, 1, 2, 7, 255], (2, 300)).repeat(run, axis=1).astype(kind)
    truth[truth == 7] = 255
    places = rng.choice([0, 1, NOWHERE], 300).repeat(run).astype(np.uint8)
    places[5:9] = 1
    labels.flags.writeable = False
    counts, has_strange = pair_counts(ids(labels), ids(truth), places, 255, (2, 3))
    assert not has_strange
    np.testing.assert_array_equal(counts, one_by_one(labels, truth, places, 255, (2, 3)))
    counts, _ = pair_counts(ids(labels), ids(truth), None, 255, (1, 3))
    nowhere_else = np.zeros(len(truth), np.uint8)
    np.testing.assert_array_equal(counts, one_by_one(labels, truth, nowhere_else, 255, (1, 3)))


def test_a_truth_that_is_no_class_is_told_where_it_counts():
    labels, truth = np.zeros(3, np.int64), np.array([0, -1, 300])
    assert pair_counts(labels, truth, None, 255, (1, 3))[1]
    elsewhere = np.array([0, NOWHERE, NOWHERE], np.uint8)
    assert not pair_counts(labels, truth, elsewhere, 255, (1, 3))[1]
    nothing = np.zeros(0, np.int64)
    assert pair_counts(nothing, nothing, None, 255, (1, 3))[0].sum() == 0


def test_confidence_is_counted_where_the_truth_is_scored():
    rng = np.random.default_rng(4)
    confidence = rng.integers(0, 256, 2000).astype(np.uint8)
    labels, truth = rng.integers(0, 3, (2, 2000)).astype(np.uint8)
    truth[::3] = 255
    counts = confidence_counts(confidence, ids(labels), ids(truth.astype(int)), 255)
    scored = truth != 255
    right = scored & (labels == truth)
    np.testing.assert_array_equal(counts[0], np.bincount(confidence[right], minlength=256))
    np.testing.assert_array_equal(counts[1], np.bincount(confidence[scored], minlength=256))


@pytest.mark.parametrize('kind', [np.float32, np.float64])
def test_bins_begin_at_their_limits(kind):
    values = np.array([[0, 9.9, 10, 20], [-1, np.inf, np.nan, -np.inf]], kind)
    found = bin_numbers(values, np.array([10, 20], np.float32))
    assert found.tolist() == [[0, 0, 1, 2], [0, 2, NOWHERE, 0]]
