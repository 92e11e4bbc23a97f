"""Rows, images and the run's environment on disk."""

import json
import logging

import cv2
import numpy as np

from mmseg_models.training.pictures import write_picture
from mmseg_models.training.run_log import COLUMNS, RunLog, git_revision
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.projection.fit import Fit


def row(step):
    return dict.fromkeys(COLUMNS, 0.5) | {'step': step}


def test_rows_of_steps_done_again_are_removed(tmp_path):
    with RunLog(tmp_path, 0, 10) as log:
        for step in (2, 4, 6):
            log.training_row(row(step))
        log.validation_row(6, {'rgb': {'miou': 0.5}}, final=False)
    with RunLog(tmp_path, 4, 10) as log:
        log.training_row(row(6))
    steps = [
        json.loads(line)['step'] for line in (tmp_path / 'log.jsonl').read_text().splitlines()
    ]
    assert steps == [2, 4, 6]
    table = (tmp_path / 'train.csv').read_text().splitlines()
    assert table[0] == ','.join(COLUMNS)
    assert [line.split(',')[0] for line in table[1:]] == ['2', '4', '6']


def test_plain_lines_without_a_terminal(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    with RunLog(tmp_path, 0, 10) as log:
        log.training_row(row(2))
        log.validation_row(2, {'rgb': {'miou': 0.25}}, final=True)
    assert 'step 2/10  loss 0.5000' in caplog.text
    assert 'rgb 0.250' in caplog.text


def test_other_processes_write_nothing(tmp_path):
    with RunLog(None, 0, 10) as log:
        log.training_row(row(2))
        log.validation_row(2, {}, final=False)
    assert not list(tmp_path.iterdir())


def test_git_revision_is_a_commit_or_unknown():
    revision = git_revision()
    assert revision == 'unknown' or len(revision.removesuffix('-dirty')) == 40


def test_picture_shows_planes_truth_and_labels(tmp_path):
    space = load_label_space('deliver')
    planes = np.zeros((4, 8, 12, 3), np.uint8)
    planes[1] = 77
    truth, labels = np.full((8, 12), 6), np.full((8, 12), 12)
    truth[0, 0] = 255
    path = tmp_path / 'new' / 'picture.png'
    write_picture(path, planes, truth, labels, space, Fit.of((8, 12), (8, 12)))
    image = cv2.imread(str(path))[..., ::-1]
    assert image.shape == (16, 48, 3)
    assert np.all(image[:8, 12:24] == 77)
    assert image[8, 0].tolist() == [0, 0, 0]
    assert image[12, 5].tolist() == list(space.classes[6].color)
    assert image[12, 17].tolist() == list(space.classes[12].color)
