"""Images beside label images, and their scores through a class map."""

import json

import cv2
import numpy as np
import pytest

from mmseg_ros.cli import main
from mmseg_ros.core.class_map import load_class_map
from mmseg_ros.core.errors import DatasetError
from mmseg_ros.datasets.camvid import CamVidDataset, is_camvid
from mmseg_ros.evaluation.data_sets import ALL, score_dataset
from mmseg_ros.inference.backend import Prediction

MODALITIES = ('depth', 'rgb')
SPACE = load_class_map('camvid').target


@pytest.fixture
def camvid(tmp_path):
    """Two frames of 12 x 16: sky above road; the second has unlabeled pixels."""
    for folder in ('test', 'testannot'):
        (tmp_path / folder).mkdir()
    for number in range(2):
        image = np.zeros((12, 16, 3), np.uint8)
        image[..., 2] = 200  # red, in OpenCV's order
        labels = np.full((12, 16), 3, np.uint8)
        labels[:6] = 0
        if number:
            labels[:, :4] = 11
        cv2.imwrite(str(tmp_path / 'test' / f'seq_{number}.png'), image)
        cv2.imwrite(str(tmp_path / 'testannot' / f'seq_{number}.png'), labels)
    return tmp_path


def test_frames_hold_the_camera_alone(camvid):
    frames = CamVidDataset(camvid, 'test', MODALITIES, SPACE)
    assert len(frames) == 2
    frame = frames[1]
    assert frame.name == 'seq_1'
    assert not frame.images[0].any()
    assert frame.images[1, 0, 0].tolist() == [200, 0, 0]
    assert set(np.unique(frame.labels)) == {0, 3, 11}


def test_the_layout_is_recognized(camvid, tmp_path_factory):
    assert is_camvid(camvid)
    assert not is_camvid(tmp_path_factory.mktemp('empty'))


def test_what_is_wrong_is_named(camvid):
    with pytest.raises(DatasetError, match='test, testannot'):
        CamVidDataset(camvid, 'val', MODALITIES, SPACE)
    with pytest.raises(DatasetError, match='take a bundle with rgb'):
        CamVidDataset(camvid, 'test', ('depth',), SPACE)
    frames = CamVidDataset(camvid, 'test', MODALITIES, SPACE)
    path = camvid / 'testannot' / 'seq_0.png'
    cv2.imwrite(str(path), np.full((12, 16), 77, np.uint8))
    with pytest.raises(DatasetError, match='77'):
        frames[0]
    colors = np.zeros((12, 16, 3), np.uint8)
    colors[..., 1] = 128
    cv2.imwrite(str(path), colors)
    with pytest.raises(DatasetError, match='colors'):
        frames[0]
    cv2.imwrite(str(path), np.zeros((5, 5), np.uint8))
    with pytest.raises(DatasetError, match='5 x 5'):
        frames[0]
    path.write_bytes(b'no image')
    with pytest.raises(DatasetError, match='seq_0'):
        frames[0]
    path.unlink()
    with pytest.raises(DatasetError, match='no labels'):
        CamVidDataset(camvid, 'test', MODALITIES, SPACE)


class _Streets:
    """Answers road line everywhere but in the first row, which is water."""

    def infer(self, images, available):
        assert available.tolist() == [False, True]
        labels = np.full(images.shape[1:3], 5, np.uint8)
        labels[0] = 20
        return Prediction(labels, np.full(labels.shape, 204, np.uint8))


def test_predictions_go_through_the_class_map(camvid, make_bundle):
    bundle = make_bundle(MODALITIES, height=12, width=16)
    frames = CamVidDataset(camvid, 'test', MODALITIES, SPACE)
    scores = score_dataset(
        bundle, _Streets(), frames, [('rgb',)], class_map=load_class_map('camvid')
    )
    matrix = scores.matrices[ALL, ('rgb',)]
    road, sky = 6 * 16 + 6 * 12, 6 * 16 + 6 * 12
    assert matrix.pixels == road + sky
    assert matrix.counts[3, 3] == road
    assert matrix.counts[0, 3] == sky - 16 - 12
    assert matrix.missed[0] == 16 + 12
    (row,) = scores.rows()
    assert row['class_iou']['Road'] == pytest.approx(road / (road + sky - 28), abs=1e-6)
    assert row['class_iou']['Sky'] == 0.0
    assert row['class_iou']['Fence'] is None
    assert list(row['class_iou']) == list(SPACE.names)


def test_the_command_scores_the_camera_and_writes_metrics(camvid, make_bundle, tmp_path, capsys):
    bundle = make_bundle(MODALITIES, height=12, width=16)
    arguments = ['evaluate', str(camvid), '--bundle', str(bundle.path), '--split', 'test']
    assert main([*arguments, '--classes', 'camvid', '--output', str(tmp_path / 'out')]) == 0
    metrics = json.loads((tmp_path / 'out' / 'metrics.json').read_text())
    assert metrics['options']['classes'] == 'camvid'
    assert metrics['dataset']['frames'] == 2
    assert [row['available'] for row in metrics['scores']] == [['rgb']]
    assert 'Bicyclist' in capsys.readouterr().out
    assert main(arguments) != 0
    assert '--classes camvid' in capsys.readouterr().err
