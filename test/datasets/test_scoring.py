"""Scores of a bundle on a data set: per condition, per subset, and as a command."""

import csv
import json
import shutil

import numpy as np
import pytest
import yaml

from mmseg_ros.cli import main
from mmseg_ros.core.errors import DatasetError
from mmseg_ros.datasets.deliver import DeliverDataset
from mmseg_ros.datasets.frame import LabelledFrame
from mmseg_ros.datasets.label_png import read_label_png
from mmseg_ros.evaluation.data_set_studies import DataSetStudies
from mmseg_ros.evaluation.data_sets import ALL, DatasetScores, score_dataset
from mmseg_ros.evaluation.mask_folder import mask_folder
from mmseg_ros.inference.backend import Prediction
from mmseg_ros.metrics.frame_counts import totals
from mmseg_ros.metrics.metrics import ConfusionMatrix

MODALITIES = ('rgb', 'depth', 'event', 'lidar')


@pytest.fixture
def two_conditions(root):
    """Return the data set with its validation frame also under night, dark there."""
    for folder in ('img', 'hha', 'event', 'lidar', 'semantic'):
        shutil.copytree(root / folder / 'sun', root / folder / 'night')
    return root


class _RoadWhereDark:
    """Labels road everywhere, and sky where the first image is bright; notes what it was given."""

    def __init__(self):
        self.given = []

    def infer(self, images, available):
        self.given.append((images.copy(), available.copy()))
        labels = np.where(images[0].mean(axis=2) > 110, 12, 6).astype(np.uint8)
        return Prediction(labels, np.full(labels.shape, 204, np.uint8))


def test_matches_a_confusion_matrix_by_hand(two_conditions, label_space, make_bundle):
    bundle = make_bundle(MODALITIES, height=32, width=48)
    frames = DeliverDataset(two_conditions, 'val', MODALITIES, label_space)
    backend = _RoadWhereDark()
    scores = score_dataset(bundle, backend, frames, [MODALITIES, ('depth',)])
    expected = ConfusionMatrix(25, 255)
    for frame in (frames[0], frames[1]):
        labels = np.where(frame.images[0].mean(axis=2) > 110, 12, 6)
        expected.update(labels, frame.labels)
    assert np.array_equal(scores.matrices[ALL, MODALITIES].counts, expected.counts)
    assert scores.frames == {ALL: 2, 'night': 1, 'sun': 1}
    rows = {(row['condition'], '+'.join(row['available'])): row for row in scores.rows()}
    assert rows[ALL, '+'.join(MODALITIES)]['miou'] == pytest.approx(expected.miou(), abs=1e-6)
    assert list(rows)[:2] == [(ALL, '+'.join(MODALITIES)), (ALL, 'depth')]
    assert len(rows) == 6
    assert [frame['name'] for frame in scores.per_frame] == [frames[0].name, frames[1].name]
    assert {frame['condition'] for frame in scores.per_frame} == {'night', 'sun'}
    classes, correct = totals(scores.per_frame, '', 25)
    assert np.array_equal(classes.sum(0)[:, 0], np.diag(expected.counts))
    assert np.array_equal(classes.sum(0)[:, 1], expected.unions())
    assert correct.sum(0).tolist() == [np.trace(expected.counts), expected.pixels]
    assert totals(scores.per_frame, 'depth', 25)[1].any()
    gap = abs(expected.accuracy() - 204 / 255)
    assert scores.reliability()['ece'] == pytest.approx(gap, abs=1e-6)
    assert rows[ALL, '+'.join(MODALITIES)]['ece'] == scores.reliability()['ece']


def test_a_data_set_is_studied(two_conditions, label_space, make_bundle):
    bundle = make_bundle(MODALITIES, height=32, width=48)
    frames = DeliverDataset(two_conditions, 'val', MODALITIES, label_space)
    studies = DataSetStudies(label_space)
    subsets = [MODALITIES, ('depth',)]
    scores = score_dataset(bundle, _RoadWhereDark(), frames, subsets, studies=studies)
    plain = studies.plain()
    rows = scores.rows()
    counted = sum(row['count'] for row in plain['object_size'])
    assert counted == scores.matrices[ALL, MODALITIES].pixels
    right = sum(row['count'] * (row['accuracy'] or 0) for row in plain['object_size'])
    assert right / counted == pytest.approx(rows[0]['pixel_accuracy'], abs=1e-5)
    with_rgb = [np.where(f.images[0].mean(axis=2) > 110, 12, 6) for f in (frames[0], frames[1])]
    same = np.mean([labels == 6 for labels in with_rgb])
    assert plain['agreement']['depth'] == pytest.approx(same, abs=1e-5)
    assert plain['agreement']['+'.join(MODALITIES)] == 1.0
    assert [row['name'] for row in plain['worst']] == [
        frame.name for frame in (frames[0], frames[1])
    ]
    assert [len(figure.pictures) for figure in studies.worst.figures()] == [7, 7]


def test_withheld_sensors_are_zero_and_unavailable(root, label_space, make_bundle):
    bundle = make_bundle(MODALITIES, height=32, width=48)
    frames = DeliverDataset(root, 'val', MODALITIES, label_space)
    backend = _RoadWhereDark()
    score_dataset(bundle, backend, frames, [MODALITIES, ('depth',)])
    (_, everything), (images, available) = backend.given
    assert everything.all()
    assert available.tolist() == [False, True, False, False]
    assert not images[[0, 2, 3]].any()
    assert np.array_equal(images[1], frames[0].images[1])


def test_frames_are_resized_to_the_network_and_labels_back(root, label_space, make_bundle):
    bundle = make_bundle(MODALITIES, height=16, width=24, name='half')
    frames = DeliverDataset(root, 'val', MODALITIES, label_space)
    backend = _RoadWhereDark()
    scores = score_dataset(bundle, backend, frames, [MODALITIES])
    assert backend.given[0][0].shape == (4, 16, 24, 3)
    assert scores.matrices[ALL, MODALITIES].pixels == 32 * 48


def test_another_encoding_is_rejected(root, label_space, make_bundle):
    (root / 'dataset.yaml').write_text(yaml.safe_dump({'encodings': {'depth': 'inverse_depth'}}))
    frames = DeliverDataset(root, 'val', MODALITIES, label_space)
    with pytest.raises(DatasetError, match=r"depth was written as 'inverse_depth'.*'hha'"):
        score_dataset(make_bundle(MODALITIES), _RoadWhereDark(), frames, [MODALITIES])


def test_command_prints_conditions_and_writes_metrics(
    two_conditions, make_bundle, tmp_path, capsys
):
    bundle = make_bundle(MODALITIES, height=32, width=48)
    arguments = ['evaluate', str(two_conditions), '--bundle', str(bundle.path), '--subsets', 'all',
                 '--output', str(tmp_path / 'out')]  # fmt: skip
    assert main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ['mIoU', 'all', 'night', 'sun']
    assert lines[1].split() == ['frames', '2', '1', '1']
    assert lines[2].startswith('rgb+depth+event+lidar')
    metrics = json.loads((tmp_path / 'out' / 'metrics.json').read_text())
    assert len(metrics['scores']) == 3 * 15
    assert metrics['dataset'] == {'name': 'img_rgb', 'split': 'val', 'frames': 2}


def test_command_takes_one_condition(two_conditions, make_bundle, tmp_path, capsys):
    bundle = make_bundle(MODALITIES, height=32, width=48)
    arguments = ['evaluate', str(two_conditions), '--bundle', str(bundle.path), '--subsets',
                 'none', '--condition', 'night', '--output', str(tmp_path / 'out')]  # fmt: skip
    assert main(arguments) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ['mIoU', 'all', 'night']


def test_command_scores_a_bundle_that_reads(
    referring_root, make_referring_bundle, tmp_path, capsys
):
    bundle = make_referring_bundle(height=64, width=96)
    command = ['evaluate', str(referring_root), '--bundle', str(bundle.path), '--split', 'val']
    assert main([*command, '--output', str(tmp_path / 'out')]) == 0
    scores = json.loads((tmp_path / 'out' / 'metrics.json').read_text())['scores']
    assert scores['thing']['count'] == 6  # the red car, the blue car, the car on the left: twice
    assert scores['thing']['miou'] == pytest.approx(4 / 6, abs=0.01)  # it knows colors only
    assert 'text prompts shuffled' in capsys.readouterr().out


@pytest.mark.parametrize('option', [('--every', '2'), ('--calibration', 'rig.yaml')])
def test_options_of_bags_are_rejected(root, option, capsys):
    assert main(['evaluate', str(root), *option]) != 0
    assert 'for bags' in capsys.readouterr().err


def test_masks_of_a_data_set_appear_whole_or_not_at_all(root, label_space, make_bundle, tmp_path):
    frames = DeliverDataset(root, 'val', MODALITIES, label_space)
    bundle = make_bundle(MODALITIES)
    space = bundle.manifest.label_space
    with mask_folder(tmp_path / 'cut', space) as masks:
        score_dataset(
            bundle, _RoadWhereDark(), frames, [MODALITIES], stopped=lambda: True, masks=masks
        )
    assert not (tmp_path / 'cut').exists()
    with mask_folder(tmp_path / 'masks', space) as masks:
        score_dataset(bundle, _RoadWhereDark(), frames, [MODALITIES], masks=masks)
    rows = list(csv.DictReader((tmp_path / 'masks/frames.csv').open()))
    assert [row['name'] for row in rows] == [frames[i].name for i in range(len(frames))]
    assert not (tmp_path / 'masks/stamps.csv').exists()
    labels = read_label_png(tmp_path / 'masks' / rows[0]['file'])
    assert labels.shape == frames[0].labels.shape


class _LabelsOfTheBlueChannel:
    """Answers with the values of the second image, which is resampled nearest."""

    def infer(self, images, available):
        return Prediction(images[1, ..., 2].copy(), np.full(images.shape[1:3], 255, np.uint8))


@pytest.mark.parametrize(
    ('aspect', 'missed', 'right'),
    [('auto', 0, 0.95), ('letterbox', 0, 0.95), ('stretch', 0, 0.95), ('crop', 32 * 96, 0.35)],
)
def test_wide_frames_come_back_to_their_own_size(make_bundle, label_space, aspect, missed, right):
    bundle = make_bundle(MODALITIES, height=32, width=48)
    labels = np.tile(np.repeat(np.arange(6, dtype=np.uint8), 24), (32, 1))
    plane = np.repeat(labels[..., None], 3, axis=-1)
    frame = LabelledFrame('wide', MODALITIES, np.stack([plane] * 4), labels)
    scores = DatasetScores(bundle, _LabelsOfTheBlueChannel(), [MODALITIES], aspect=aspect)
    scores.add(frame)
    matrix = scores.matrices[ALL, MODALITIES]
    assert matrix.pixels == labels.size
    # What a crop leaves out is wrong, and no class gets the blame.
    assert matrix.missed.sum() == missed
    assert right - 0.05 <= np.trace(matrix.counts) / labels.size <= right + 0.05
