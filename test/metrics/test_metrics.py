"""Confusion matrix against torchmetrics and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.metrics.metrics import ConfusionMatrix

IGNORE = 255


@pytest.mark.parametrize('num_classes', [2, 5, 25])
def test_agrees_with_torchmetrics_over_several_images(num_classes):
    torch = pytest.importorskip('torch')
    torchmetrics = pytest.importorskip('torchmetrics.classification')
    rng = np.random.default_rng(num_classes)
    jaccard = torchmetrics.MulticlassJaccardIndex(num_classes, average=None, ignore_index=IGNORE)
    confusion = torchmetrics.MulticlassConfusionMatrix(num_classes, ignore_index=IGNORE)
    matrix = ConfusionMatrix(num_classes, IGNORE)
    for _ in range(3):
        truth = rng.integers(0, num_classes, (17, 23)).astype(np.uint8)
        truth[rng.random(truth.shape) < 0.2] = IGNORE
        labels = np.where(
            rng.random(truth.shape) < 0.6, truth, rng.integers(0, num_classes, truth.shape)
        )
        labels = np.where(labels == IGNORE, 0, labels).astype(np.uint8)
        matrix.update(labels, truth)
        for metric in (jaccard, confusion):
            metric.update(torch.from_numpy(labels).long(), torch.from_numpy(truth).long())
    np.testing.assert_array_equal(matrix.counts, confusion.compute().numpy())
    np.testing.assert_allclose(matrix.iou(), jaccard.compute().numpy(), rtol=1e-6)


def test_an_absent_class_is_nan_and_not_in_the_mean():
    matrix = ConfusionMatrix(3, IGNORE)
    matrix.update(np.array([0, 0, 1]), np.array([0, 1, 1]))
    np.testing.assert_allclose(matrix.iou(), [0.5, 0.5, np.nan])
    assert matrix.miou() == 0.5


def test_ignored_truth_is_not_scored_and_an_unlabeled_pixel_is_wrong():
    matrix = ConfusionMatrix(2, IGNORE)
    matrix.update(np.array([1, 255, 0, 0]), np.array([255, 0, 0, 0]))
    assert matrix.pixels == 3
    assert matrix.miou() == pytest.approx(2 / 3)
    assert matrix.accuracy() == pytest.approx(2 / 3)


def test_nothing_scored_is_nan():
    matrix = ConfusionMatrix(2, IGNORE)
    assert np.isnan(matrix.miou())
    assert np.isnan(matrix.accuracy())


LABELS = hnp.arrays(np.uint8, (6, 7), elements=st.sampled_from([0, 1, 2, 3]))
TRUTH = hnp.arrays(np.uint8, (6, 7), elements=st.sampled_from([0, 1, 2, 3, IGNORE]))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(LABELS, TRUTH), min_size=2, max_size=4))
def test_merging_parts_equals_one_pass(pairs):
    whole = ConfusionMatrix(4, IGNORE)
    merged = ConfusionMatrix(4, IGNORE)
    for labels, truth in pairs:
        whole.update(labels, truth)
        part = ConfusionMatrix(4, IGNORE)
        part.update(labels, truth)
        merged.merge(part)
    np.testing.assert_array_equal(whole.counts, merged.counts)
    assert whole.pixels == sum(int((truth != IGNORE).sum()) for _, truth in pairs)


@settings(max_examples=50, deadline=None)
@given(TRUTH)
def test_a_perfect_prediction_scores_one(truth):
    matrix = ConfusionMatrix(4, IGNORE)
    matrix.update(truth, truth)
    iou = matrix.iou()
    assert np.all(np.isnan(iou) | (iou == 1.0))


@pytest.mark.parametrize(
    ('labels', 'truth', 'named'),
    [
        (np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), r'\(2, 2\) and \(2, 3\)'),
        (np.zeros(2, np.float32), np.zeros(2, np.uint8), 'float32'),
        (np.zeros(2, np.uint8), np.array([0, 9]), '0..9'),
    ],
)
def test_rejects_what_cannot_be_scored(labels, truth, named):
    with pytest.raises(DatasetError, match=named):
        ConfusionMatrix(4, IGNORE).update(labels, truth)


def test_rejects_to_merge_other_classes():
    with pytest.raises(DatasetError, match='num_classes'):
        ConfusionMatrix(4, IGNORE).merge(ConfusionMatrix(5, IGNORE))
    with pytest.raises(DatasetError, match='ignore_id'):
        ConfusionMatrix(4, 3)
    with pytest.raises(DatasetError, match='num_classes'):
        ConfusionMatrix(0, 3)
