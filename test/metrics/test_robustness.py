"""Subsets and what they retain."""

import math

import pytest

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.subsets import subset_name
from mmseg_ros.metrics.robustness import robustness_table, subsets_to_score

FOUR = ['rgb', 'depth', 'event', 'lidar']


@pytest.mark.parametrize(('choice', 'count'), [('none', 1), ('drops', 5), ('all', 15)])
def test_counts_of_subsets_and_full_set_first(choice, count):
    subsets = subsets_to_score(FOUR, choice)
    assert len(subsets) == len(set(subsets)) == count
    assert subsets[0] == tuple(FOUR)
    assert [len(s) for s in subsets] == sorted((len(s) for s in subsets), reverse=True)


def test_one_sensor_has_no_empty_subset():
    assert subsets_to_score(['rgb'], 'drops') == [('rgb',)]
    assert subsets_to_score([], 'all') == []


def test_unknown_choice_lists_the_choices():
    with pytest.raises(ConfigError, match='none, drops, all'):
        subsets_to_score(FOUR, 'some')


def test_retained_is_relative_to_the_full_set():
    table = robustness_table(['rgb', 'lidar'], {('rgb', 'lidar'): 0.8, ('lidar',): 0.2})
    assert table[0].retained == 1.0
    assert table[0].missing == ()
    assert table[1].retained == pytest.approx(0.25)
    assert table[1].missing == ('rgb',)


def test_without_truth_or_full_set():
    table = robustness_table(['rgb'], {('rgb',): float('nan')})
    assert math.isnan(table[0].retained)
    with pytest.raises(ConfigError, match='rgb\\+lidar'):
        robustness_table(['rgb', 'lidar'], {('rgb',): 0.5})
    assert subset_name(()) == 'none'
