"""Flicker, distances and sizes, worst frames, and agreement of subsets with the full set."""

import numpy as np
import pytest

from mmseg_ros.evaluation.bags import evaluate
from mmseg_ros.evaluation.flicker import Flicker
from mmseg_ros.evaluation.options import EvaluationOptions
from mmseg_ros.evaluation.worst import WorstFrames, frame_miou
from mmseg_ros.metrics.report import Figure, render
from mmseg_ros.metrics.score_report import score_report

SECOND = 10**9


def test_flicker_counts_labels_that_change_in_one_place():
    xyz = np.array([[1, 1, 0], [5, 5, 0], [9, 9, 0], [2, 2, 0]], float)
    flicker = Flicker(255)
    flicker.add(0, xyz, np.array([0, 1, 2, 255]), np.array([0, 1, 2, 2]))
    moved = xyz + np.array([[0.05, 0, 0], [0, 0, 0], [3, 0, 0], [0, 0, 0]])
    flicker.add(SECOND // 10, moved, np.array([0, 2, 2, 1]), np.array([0, 2, 2, 2]))
    assert flicker.plain() == {
        'all': {'points': 2, 'changed': 0.5},
        'true_class_same': {'points': 1, 'changed': 0.0},
    }


def test_flicker_does_not_reach_over_a_gap():
    flicker, xyz = Flicker(255), np.ones((1, 3))
    flicker.add(0, xyz, np.array([0]))
    flicker.add(2 * SECOND, xyz, np.array([1]))
    flicker.add(SECOND, xyz, np.array([1]))
    assert flicker.plain()['all'] == {'points': 0, 'changed': None}
    flicker.add(SECOND + 1, xyz * np.nan, np.array([1]))
    flicker.add(SECOND + 2, xyz, np.array([0]))
    assert flicker.plain()['all'] == {'points': 0, 'changed': None}
    flicker.add(SECOND + 3, xyz, np.array([1]))
    assert flicker.plain()['all'] == {'points': 1, 'changed': 1.0}
    assert flicker.plain()['true_class_same']['points'] == 0


def test_the_lowest_frames_are_kept_and_only_they_are_drawn():
    drawn = []

    def draw(name):
        drawn.append(name)
        return Figure([], name)

    worst = WorstFrames(2)
    for name, value in zip('abcdef', (0.5, 0.7, 0.9, np.nan, 0.2, 0.5), strict=True):
        worst.offer(value, name, lambda name=name: draw(name))
    assert [row['name'] for row in worst.plain()] == ['e', 'a'], 'of equals the earlier stays'
    assert [figure.caption for figure in worst.figures()] == ['e', 'a']
    assert drawn == ['e', 'a'], 'drawn at the end'
    WorstFrames(0).offer(0.1, 'x', lambda: draw('x'))
    assert 'x' not in drawn
    counts = {'classes': {'0': [1, 4], '3': [3, 4]}}
    frame = {'available': 'rgb', 'scores': {'rgb': {'pixels': counts}}}
    assert frame_miou(frame) == 0.5
    assert np.isnan(frame_miou({'available': 'rgb', 'scores': {'rgb': {}}}))


def test_a_recording_is_studied(bag_path, bundle):
    result = evaluate(bag_path, bundle, EvaluationOptions('all'))
    metrics = result.metrics
    total = metrics['recorded'][0]
    assert sum(row['count'] for row in metrics['object_size']) == total['pixels']
    assert {row['accuracy'] for row in metrics['object_size']} == {None, 1.0}
    assert sum(row['count'] for row in metrics['distance_points']) == total['points']
    depth = sum(row['count'] for row in metrics['distance_pixels'])
    assert 0 < depth < 8 * 31 * 48, 'eight frames have a depth image, with holes'
    agreement = {tuple(row['available']): row['agreement'] for row in metrics['robustness']}
    assert agreement['rgb', 'lidar'] == 1.0
    assert agreement['depth', 'event'] == 0.5, 'without the camera the right half differs'
    assert len(metrics['worst']) == len(result.worst) == 10
    assert [row['value'] for row in metrics['worst']] == [1.0] * 10
    page = render(score_report(metrics, result.stage_ms, result.figures, result.worst))
    for text in ('no depth', 'Near and far', 'lowest mIoU', 'agrees', 'Over time'):
        assert text in page, text
    assert 'needs LiDAR points and /odom' in page


def test_without_truth_the_least_confident_frames_are_shown(tmp_path, bundle, rig, sensor_samples):
    from mmseg_ros.bag.writer import BagWriter

    with BagWriter(tmp_path / 'b') as bag:
        bag.write_calibration(0, rig)
        for sample in sensor_samples:
            bag.write_sample(sample)
    result = evaluate(tmp_path / 'b', bundle, EvaluationOptions('drops'))
    assert [row['value'] for row in result.metrics['worst']] == [1.0] * 10
    rows = {tuple(row['available']): row for row in result.metrics['robustness']}
    assert rows['depth', 'event', 'lidar']['miou'] is None
    assert rows['depth', 'event', 'lidar']['agreement'] == pytest.approx(0.5)
    page = render(score_report(result.metrics, result.stage_ms, [], result.worst))
    assert 'lowest mean confidence' in page
