"""Scores by distance and by size of the object."""

import numpy as np
import pytest

from mmseg_ros.core.labels import LabelClass, LabelSpace
from mmseg_ros.metrics.strata import distance_strata, object_sizes, size_strata

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


def test_sizes_are_those_of_connected_regions():
    truth = np.zeros((20, 50), np.uint8)
    truth[5, 5:9] = 1
    truth[15, 40] = 1
    truth[0] = 255
    sizes = object_sizes(truth, 255)
    assert np.isnan(sizes[0]).all()
    assert [sizes[5, 6], sizes[15, 40], sizes[10, 10]] == pytest.approx([0.004, 0.001, 0.945])
    strata = size_strata(TWO)
    strata.update(np.zeros_like(truth), truth, sizes)
    assert [(r['bin'], r['count'], r['accuracy']) for r in strata.plain()] == [
        ('< 0.1 %', 0, None), ('0.1 to 1 %', 5, 0.0), ('1 to 10 %', 0, None),
        ('> 10 %', 945, 1.0),
    ]  # fmt: skip
