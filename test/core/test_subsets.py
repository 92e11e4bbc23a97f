"""Subsets are complete, ordered, written one way and read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.subsets import all_subsets, availability, parse_subset, subset_name

MODALITIES = ['rgb', 'depth', 'event', 'lidar', 'nir']
NAMES = st.lists(st.sampled_from(MODALITIES), unique=True, min_size=1)


@given(NAMES)
def test_every_subset_once_and_the_largest_first(names):
    subsets = all_subsets(names)
    assert len(set(subsets)) == len(subsets) == 2 ** len(names) - 1
    sizes = [len(subset) for subset in subsets]
    assert sizes == sorted(sizes, reverse=True)


@given(NAMES, st.data())
def test_a_name_is_read_back(names, data):
    subset = data.draw(st.sampled_from(all_subsets(names)))
    assert parse_subset(subset_name(subset), names) == subset
    flags = availability(subset, names)
    assert tuple(n for n, there in zip(names, flags, strict=True) if there) == subset


def test_chosen_sizes_keep_their_order():
    assert all_subsets(['a', 'b', 'c'], [3, 1]) == [('a', 'b', 'c'), ('a',), ('b',), ('c',)]
    assert all_subsets(['a'], [1, 0]) == [('a',)]


@pytest.mark.parametrize('text', ['', 'radar', 'rgb+radar', 'rgb+'])
def test_an_unknown_part_is_named(text):
    with pytest.raises(ConfigError, match='rgb'):
        parse_subset(text, ['rgb', 'depth'])
