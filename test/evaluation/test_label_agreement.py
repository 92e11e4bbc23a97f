"""Two bundles on the same frames, compared by their label images."""

import numpy as np
import pytest

from mmseg_ros.core.errors import DatasetError, EvaluationError
from mmseg_ros.core.labels import LabelClass, LabelSpace
from mmseg_ros.evaluation.label_agreement import label_agreement
from mmseg_ros.evaluation.mask_folder import mask_folder

CLASSES = (LabelClass(0, 'a', (1, 0, 0), ''), LabelClass(1, 'b', (0, 1, 0), ''))
TWO = LabelSpace('two', CLASSES, 255)
OTHER = LabelSpace('other', (CLASSES[0], LabelClass(1, 'c', (0, 1, 0), '')), 255)


def write(path, images, space=TWO):
    with mask_folder(path, space) as masks:
        for stamp, image in images.items():
            masks.add(np.array(image, np.uint8), stamp_ns=stamp)
    return path


def test_common_frames_are_compared_by_their_stamps(tmp_path):
    a = write(tmp_path / 'a', {1: [[0, 0], [1, 1]], 2: [[1, 1], [1, 1]]})
    b = write(tmp_path / 'b', {2: [[1, 1], [1, 0]], 3: [[0, 0], [0, 0]]})
    assert label_agreement(a, b) == {
        'frames': 1, 'agreement': 0.75, 'class_iou': {'a': 0.0, 'b': 0.75},
    }  # fmt: skip
    assert label_agreement(a, a)['agreement'] == 1.0


def test_what_does_not_compare_is_named(tmp_path):
    a = write(tmp_path / 'a', {1: [[0, 1]]})
    with pytest.raises(EvaluationError, match='no frame in common'):
        label_agreement(a, write(tmp_path / 'b', {2: [[0, 1]]}))
    with pytest.raises(EvaluationError, match='other classes'):
        label_agreement(a, write(tmp_path / 'c', {1: [[0, 1]]}, OTHER))
    with pytest.raises(EvaluationError, match='differ in size'):
        label_agreement(a, write(tmp_path / 'd', {1: [[0, 1, 1]]}))
    (a / 'frames.csv').unlink()
    with pytest.raises(DatasetError, match=r'frames\.csv'):
        label_agreement(a, a)
