"""Two files are compared frame by frame, or it is said why they cannot be."""

import copy
import json

import pytest

from mmseg_ros.core.errors import EvaluationError
from mmseg_ros.evaluation.comparison import BootstrapOptions, compare, load_metrics

CLASSES = ['road', 'car']
RIGHTS = (40, 55, 70, 30, 62, 48, 51, 66)
OPTIONS = BootstrapOptions(resamples=300)


def metrics_of(rights, bundle='old'):
    """Return a metrics.json in which `rights` of 100 pixels of the frames are right."""
    frames = [
        {
            'name': f'frame{i}',
            'condition': '',
            'available': 'rgb+lidar',
            'scores': {
                'rgb+lidar': {'labels': 'a', 'pixels': counts(right)},
                'rgb': {'labels': 'b', 'pixels': counts(right // 2)},
            },
        }
        for i, right in enumerate(rights)
    ]
    return {
        'bundle': {'name': bundle},
        'dataset': {'name': 'set'},
        'label_space': {'id': 'two', 'fingerprint': 'f', 'classes': CLASSES},
        'frames': frames,
    }


def counts(right):
    classes = {'0': [right, 100], '1': [0, 100 - right]}
    return {'correct': right, 'total': 100, 'classes': classes}


@pytest.fixture
def pair():
    return metrics_of(RIGHTS), metrics_of([right + 4 for right in RIGHTS], 'new')


def test_scores_and_verdicts_of_what_both_have(pair):
    scores = compare(*pair, OPTIONS)
    assert list(scores) == [
        'miou', 'pixel_accuracy', 'iou/road', 'iou/car', 'miou/rgb+lidar', 'miou/rgb',
    ]  # fmt: skip
    assert scores['pixel_accuracy'].difference == pytest.approx(0.04)
    assert scores['pixel_accuracy'].verdict == 'better'
    assert scores['iou/car'].verdict == 'same'
    assert scores['miou'].a == pytest.approx(422 / 800 / 2)
    assert scores['miou/rgb'].b == pytest.approx(sum((r + 4) // 2 for r in RIGHTS) / 1600)
    assert compare(pair[0], pair[0], OPTIONS)['miou'].verdict == 'same'


def test_the_order_of_frames_does_not_matter(pair):
    shuffled = {**pair[1], 'frames': pair[1]['frames'][::-1]}
    assert compare(pair[0], shuffled, OPTIONS) == compare(*pair, OPTIONS)


def test_subsets_and_points_of_only_one_are_left_out(pair):
    for frame in pair[1]['frames']:
        del frame['scores']['rgb']
        frame['scores']['rgb+lidar']['points'] = counts(50)
    scores = compare(*pair, OPTIONS)
    assert 'miou/rgb' not in scores
    assert 'point_miou' not in scores
    for frame in pair[0]['frames']:
        frame['scores']['rgb+lidar']['points'] = counts(40)
    assert compare(*pair, OPTIONS)['point_accuracy'].difference == pytest.approx(0.1)


def test_other_frames_classes_and_truth_are_named(pair):
    a, b = pair
    fewer = {**b, 'frames': b['frames'][:-2]}
    with pytest.raises(EvaluationError, match=r'2 are only in the first \(frame6, frame7\)'):
        compare(a, fewer)
    other = copy.deepcopy(b)
    other['label_space'] |= {'fingerprint': 'g', 'classes': ['road', 'bus']}
    with pytest.raises(EvaluationError, match='only in the first: car; only in the second: bus'):
        compare(a, other)
    other = copy.deepcopy(b)
    other['frames'][3]['scores']['rgb+lidar']['pixels']['total'] = 99
    with pytest.raises(EvaluationError, match=r'The truth differs: 1 frames .*\(frame3\)'):
        compare(a, other)
    with pytest.raises(EvaluationError, match='same name'):
        compare(a, {**b, 'frames': [*b['frames'], b['frames'][0]]})


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{', 'not readable as JSON'),
        ('[' * 100_000, 'not readable as JSON'),
        ('[]', 'is not a metrics.json'),
        ('{"bundle": {}}', 'no scores per frame'),
        ('{"bundle": {}, "label_space": {"classes": []}, "frames": [{}]}', 'damaged'),
    ],
)  # fmt: skip
def test_files_that_are_none_are_explained(tmp_path, text, message):
    path = tmp_path / 'm.json'
    path.write_text(text)
    with pytest.raises(EvaluationError, match=message):
        load_metrics(path)
    with pytest.raises(EvaluationError, match='cannot read'):
        load_metrics(tmp_path / 'none.json')


def test_a_class_that_there_is_not_is_damage(tmp_path, pair):
    pair[0]['frames'][2]['scores']['rgb']['pixels']['classes']['2'] = [1, 1]
    path = tmp_path / 'm.json'
    path.write_text(json.dumps(pair[0]))
    with pytest.raises(EvaluationError, match='a class id is out of range'):
        load_metrics(path)


def test_a_whole_file_is_read(tmp_path, pair):
    path = tmp_path / 'm.json'
    path.write_text(json.dumps(pair[0]))
    assert load_metrics(path) == pair[0]
