"""Confidence against accuracy: the calibration error by hand, and what is rejected."""

import numpy as np
import pytest

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.metrics.reliability import BINS, Reliability


def update(counts, confidence, right):
    """Add labels of class 1, right where the truth is 1, and a pixel that is not scored."""
    confidence = np.append(np.asarray(confidence), 3).astype(np.uint8)
    truth = np.append(np.where(right, 1, 0), 255)
    counts.update(confidence, np.ones(truth.shape, np.uint8), truth, 255)


def test_error_is_the_weighted_gap_per_bin():
    counts = Reliability()
    update(counts, np.full(60, 255), np.arange(60) < 45)  # sure, right in 3 of 4
    update(counts, np.full(40, 51), np.arange(40) < 16)  # 0.2 sure, right in 0.4
    assert counts.ece() == pytest.approx(0.6 * 0.25 + 0.4 * 0.2)
    rows = counts.plain()['bins']
    assert len(rows) == BINS
    assert rows[2] == {
        'low': 0.2, 'high': 0.3, 'pixels': 40, 'confidence': 0.2, 'accuracy': 0.4,
    }  # fmt: skip
    assert rows[-1]['pixels'] == 60
    assert rows[5]['accuracy'] is None


def test_gaps_of_one_bin_cancel_and_parts_merge():
    whole, parts = Reliability(), [Reliability(), Reliability()]
    confidence = np.random.default_rng(0).integers(0, 256, 4000)
    right = np.random.default_rng(1).random(4000) < confidence / 255
    update(whole, confidence, right)
    for i, part in enumerate(parts):
        update(part, confidence[i::2], right[i::2])
    parts[0].merge(parts[1])
    assert np.array_equal(parts[0].counts, whole.counts)
    assert whole.ece() < 0.03, 'a network as right as it is sure'
    shuffled = Reliability()
    update(shuffled, confidence[::-1], right)
    assert shuffled.ece() > 0.15


def test_nothing_scored_is_no_error_of_zero():
    assert np.isnan(Reliability().ece())
    assert Reliability().plain()['ece'] is None


def test_other_shapes_and_types_are_rejected():
    three = np.zeros(3, np.uint8)
    with pytest.raises(DatasetError, match=r'one true class per label.*\(2,\)'):
        Reliability().update(three, three, three[:2], 255)
    with pytest.raises(DatasetError, match='one uint8 confidence'):
        Reliability().update(np.array([7, 256, 0]), three, three, 255)
