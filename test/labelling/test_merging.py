"""Clouds of several cameras merged: the surest one names a point, an unseen one has no label."""

import numpy as np
import pytest

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import CloudData
from mmseg_ros.labelling import labelled_cloud, merge_clouds
from mmseg_ros.labelling.merging import most_confident

PALETTE = np.arange(768).reshape(256, 3).astype(np.uint8)
IGNORED = 255


def cloud(labels, confidence, preset='default'):
    count = len(labels)
    points = np.zeros(count, [('x', '<f4'), ('y', '<f4'), ('z', '<f4'), ('ring', '<u2')])
    points['x'] = np.arange(count)
    points['ring'] = np.arange(count) % 7
    return labelled_cloud(
        CloudData(points, 1, count),
        np.asarray(labels, np.uint8),
        np.asarray(confidence, np.float32),
        PALETTE,
        preset,
    )


@pytest.mark.parametrize(
    ('preset', 'label', 'expected'),
    [
        ('default', 'label', [1, 8, 9, IGNORED]),
        ('autoware', 'class_id', [1, 8, 9, IGNORED]),
        ('hydra', 'label', [1, 2, 9, IGNORED]),  # it has no confidence: the first one counts
    ],
)
def test_the_surest_camera_names_a_point(preset, label, expected):
    front = cloud([1, 2, IGNORED, IGNORED], [0.9, 0.2, 0.0, 0.0], preset)
    rear = cloud([7, 8, 9, IGNORED], [0.5, 0.6, 0.1, 0.0], preset)
    merged = merge_clouds([front, rear], IGNORED)
    assert merged[label].tolist() == expected
    for name in 'x', 'y', 'z', 'ring':
        np.testing.assert_array_equal(merged[name], front[name])
    if preset == 'default':
        assert merged['confidence'].tolist() == pytest.approx([0.9, 0.6, 0.1, 0.0])
        both = cloud(expected, [0.9, 0.6, 0.1, 0.0])
        np.testing.assert_array_equal(merged['rgb'].view('<u4'), both['rgb'].view('<u4'))
    assert front[label].tolist()[:2] == [1, 2], 'the parts stay as they are'


def test_what_is_sure_of_nothing_or_says_nan_names_nothing():
    sure_of_nothing = cloud([IGNORED, 3], [1.0, np.nan])
    unsure = cloud([4, 5], [0.1, 0.0])
    assert merge_clouds([sure_of_nothing, unsure], IGNORED)['label'].tolist() == [4, 5]


def test_the_first_of_equals_counts_and_each_point_has_one_owner():
    rng = np.random.default_rng(4)
    views = [
        (rng.choice([1, 2, IGNORED], 5000).astype(np.uint8), rng.random(5000, np.float32).round(1))
        for _ in range(6)
    ]
    owner = most_confident(views, IGNORED)
    for point in range(5000):
        named = [(-c[point], k) for k, (v, c) in enumerate(views) if v[point] != IGNORED]
        assert owner[point] == (min(named)[1] if named else -1)


def test_strided_and_read_only_clouds_are_taken():
    front, rear = cloud([1, 2], [0.1, 0.1]), cloud([3, 4], [0.9, 0.9])
    wide = np.repeat(rear, 2)[::2]
    wide.flags.writeable = False
    assert merge_clouds([front, wide], IGNORED)['label'].tolist() == [3, 4]


@pytest.mark.parametrize('preset', ['default', 'autoware'])
def test_clouds_that_differ_are_rejected_with_both_named(preset):
    other = cloud([1, 2, 3], [1, 1, 1]) if preset == 'default' else cloud([1], [1], preset)
    with pytest.raises(SampleError, match=r'Cloud 2 has \d points .* the first has 1'):
        merge_clouds([cloud([1], [1.0]), other], IGNORED)
    with pytest.raises(SampleError, match='no label: its fields are x, y'):
        merge_clouds([np.zeros(3, [('x', '<f4'), ('y', '<f4')])], IGNORED)


def test_an_empty_cloud_stays_empty():
    assert len(merge_clouds([cloud([], []), cloud([], [])], IGNORED)) == 0
