"""Robustness of a data set: exact shares, and what images cannot express is said."""

import numpy as np
import pytest

from mmseg_ros.datasets.deliver import DeliverDataset
from mmseg_ros.datasets.tiny import ROAD, SKY, write_tiny_dataset
from mmseg_ros.evaluation.data_set_sweep import DataSetSweep
from mmseg_ros.evaluation.stopping import never
from mmseg_ros.evaluation.sweep import PROTOCOLS, UNDISTURBED, SweepOptions, sweep_rows
from mmseg_ros.evaluation.sweep_parts import PartStore, run_parts
from mmseg_ros.inference.backend import Prediction
from mmseg_ros.metrics.metrics import ConfusionMatrix

MODALITIES = ('rgb', 'depth', 'event', 'lidar')


class DarkIsRoad:
    """Labels road where the camera is dark, else sky; without a camera everything is sky."""

    def infer(self, images, available):
        dark = images[0].mean(axis=2) < 60 if available[0] else np.zeros(images.shape[1:3], bool)
        labels = np.where(dark, ROAD, SKY).astype(np.uint8)
        return Prediction(labels, np.full(labels.shape, 204, np.uint8))


@pytest.fixture
def frames(tmp_path, label_space):
    write_tiny_dataset(tmp_path / 'set', {'val': 5}, height=32, width=48)
    return DeliverDataset(tmp_path / 'set', 'val', MODALITIES, label_space)


def miou(frames, change=lambda image: image):
    matrix = ConfusionMatrix(25, 255)
    for i in range(len(frames)):
        dark = change(frames[i].images[0]).mean(axis=2) < 60
        matrix.update(np.where(dark, ROAD, SKY), frames[i].labels)
    return matrix.miou()


def sweep_of(frames, make_bundle, options):
    bundle = make_bundle(MODALITIES, height=32, width=48)
    return DataSetSweep(frames, MODALITIES, bundle, DarkIsRoad(), options, never)


def test_shares_follow_from_the_images(frames, make_bundle, tmp_path):
    sweep = sweep_of(frames, make_bundle, SweepOptions(quick=True, no_protocols='no torch'))
    results = run_parts(sweep.parts(), PartStore(tmp_path / 'p', 'k', False), print, never)
    rows = {(r['fault'], r['level'], r['sensor']): r for r in sweep_rows(sweep.cases, results)}
    clean = miou(frames)
    assert results[UNDISTURBED]['miou'] == pytest.approx(clean, abs=1e-6)
    assert rows['given', 'rgb+lidar', 'all']['kept'] == 1.0
    blind = miou(frames, lambda image: np.full_like(image, 255))
    assert rows['given', 'lidar', 'all']['kept'] == pytest.approx(blind / clean, abs=1e-5)
    darker = miou(frames, lambda image: np.round(image * 0.15))
    brighter = miou(frames, lambda image: np.clip(image * 4.0, 0, 255))
    under, over = rows['under-exposure', '', 'rgb'], rows['over-exposure', '', 'rgb']
    assert under['kept'] == pytest.approx(darker / clean, abs=1e-5)
    assert over['kept'] == pytest.approx(brighter / clean, abs=1e-5)
    assert rows['LiDAR jitter', '', 'lidar']['kept'] == 1.0, 'the network looks at the camera'
    assert all(row['frames'] == 5 for row in rows.values())
    assert set(sweep.not_run) == {
        'delay', 'clock offset', 'turned', 'shifted', 'rate cut', 'EMM, RMM, NM',
    }  # fmt: skip
    assert 'sweep a bag' in sweep.not_run['delay']
    assert sweep.not_run['EMM, RMM, NM'] == 'no torch'


def test_a_stopped_part_has_no_result_and_protocols_get_the_frames(frames, make_bundle, tmp_path):
    taken = []

    def protocols(bundle, frames, names, told, *, stopped, aspect, **limits):
        taken.append((len(frames), limits))
        table = {'missing': {'none': 50.0}, 'average': 50.0}
        return {'emm': table, 'rmm': {}, 'nm': {}}

    options = SweepOptions(every=2, protocols=protocols)
    sweep = sweep_of(frames, make_bundle, options)
    parts = {part.name: part for part in sweep.parts()}
    assert sweep.moments == 3
    assert parts[PROTOCOLS].compute(print)['frames'] == 3
    assert taken == [(3, {})]
    bundle = make_bundle(MODALITIES, height=32, width=48, name='again')
    stopped = DataSetSweep(frames, MODALITIES, bundle, DarkIsRoad(), options, lambda: True)
    assert stopped.parts()[0].compute(print) is None
