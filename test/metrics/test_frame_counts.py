"""Counts of single frames add up to the scores of all of them."""

import json

import numpy as np

from mmseg_ros.metrics.bootstrap import mean_iou, ratio
from mmseg_ros.metrics.frame_counts import FrameCounts, labels_digest, plain_counts, totals
from mmseg_ros.metrics.metrics import ConfusionMatrix


def matrix_of(labels, truth):
    matrix = ConfusionMatrix(5, 255)
    matrix.update(labels, truth)
    return matrix


def test_frames_add_up_to_the_whole():
    rng = np.random.default_rng(2)
    whole, rows = ConfusionMatrix(5, 255), []
    for i in range(6):
        labels, truth = rng.integers(0, 4, (2, 8, 8))
        truth[0] = 255
        labels[1, :3] = 255
        matrix = matrix_of(labels, truth)
        whole.merge(matrix)
        frame = FrameCounts(f'{i}', 'night', ('rgb', 'lidar'))
        frame.add(('rgb', 'lidar'), labels, matrix)
        frame.add(('rgb',), labels, matrix_of(truth, truth))
        rows.append(json.loads(json.dumps(frame.row())))
    classes, correct = totals(rows, '', 5)
    assert mean_iou(classes.sum(0)[None])[0] == whole.miou()
    assert ratio(correct.sum(0)) == whole.accuracy()
    assert np.array_equal(ratio(classes.sum(0)), whole.iou(), equal_nan=True)
    assert mean_iou(totals(rows, 'rgb', 5)[0].sum(0)[None])[0] == 1.0
    assert rows[0]['available'] == 'rgb+lidar'
    assert not totals(rows, 'lidar', 5)[1].any(), 'a subset that was not run counts nothing'


def test_only_classes_that_occur_are_kept():
    counts = plain_counts(matrix_of(np.array([0, 1, 1]), np.array([0, 1, 0])))
    assert counts == {'correct': 2, 'total': 3, 'classes': {'0': [1, 2], '1': [1, 2]}}


def test_unscored_points_leave_no_entry():
    frame = FrameCounts('1', '', ('rgb',))
    labels = np.zeros((2, 2), np.uint8)
    frame.add(('rgb',), labels, matrix_of(labels, labels), ConfusionMatrix(5, 255))
    assert set(frame.row()['scores']['rgb']) == {'labels', 'pixels'}


def test_a_digest_tells_bytes_size_and_type_apart():
    labels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    others = [labels.T, labels.reshape(3, 2), labels.astype(np.uint16), labels + 1]
    assert labels_digest(labels[:, ::-1][:, ::-1]) == labels_digest(labels)
    assert len({labels_digest(image) for image in (labels, *others)}) == 5
