"""Scores by distance and by size of the object."""

import numpy as np
import pytest

from mmseg_ros.core.labels import LabelClass, LabelSpace
from mmseg_ros.metrics.metrics import ConfusionMatrix
from mmseg_ros.metrics.strata import distance_strata, size_strata

TWO = LabelSpace(
    'two', (LabelClass(0, 'a', (1, 0, 0), ''), LabelClass(1, 'b', (0, 1, 0), '')), 255
)


def test_every_value_is_counted_in_its_bin():
    strata = distance_strata(TWO)
    assert strata.names == ('< 10 m', '10 to 20 m', '20 to 30 m', '30 to 50 m', '> 50 m')
    labels = np.array([0, 0, 1, 1, 0, 1])
    truth = np.array([0, 1, 1, 1, 255, 0])
    meters = np.array([9.9, 10.0, 19.0, 80.0, 5.0, np.nan])
    strata.update(labels, truth, meters)
    rows = strata.plain()
    assert [row['count'] for row in rows] == [1, 2, 0, 0, 1]
    assert [row['accuracy'] for row in rows] == [1.0, 0.5, None, None, 1.0]
    assert rows[1]['miou'] == pytest.approx(0.25)


def test_each_bin_holds_what_a_matrix_of_its_pixels_holds():
    rng = np.random.default_rng(3)
    labels, truth = rng.integers(0, 3, (2, 40, 50)).astype(np.uint8)
    truth[truth == 2] = 255
    shares = rng.choice([0.0005, 0.005, 0.05, 0.5, np.nan], truth.shape).astype(np.float32)
    strata = size_strata(TWO)
    strata.update(labels, truth, shares)
    strata.update(labels[:9], truth[:9], shares[:9])
    for row, share in zip(strata.plain(), (0.0005, 0.005, 0.05, 0.5), strict=True):
        matrix = ConfusionMatrix(2, 255)
        for rows in (40, 9):
            inside = shares[:rows] == np.float32(share)
            matrix.update(labels[:rows][inside], truth[:rows][inside])
        assert row['count'] == matrix.pixels > 0
        assert row['miou'] == round(matrix.miou(), 6)
        assert row['accuracy'] == round(matrix.accuracy(), 6)
