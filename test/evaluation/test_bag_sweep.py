"""Robustness of a bag: the share kept is exact, and an interrupted sweep ends like a whole one."""

import json

import numpy as np
import pytest

from mmseg_ros.bag.faults import Fault
from mmseg_ros.bag.inject import inject_faults
from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.errors import EvaluationError
from mmseg_ros.core.model_config import ModelConfig
from mmseg_ros.evaluation.bag_sweep import BagSweep
from mmseg_ros.evaluation.bags import evaluate
from mmseg_ros.evaluation.network import loaded_network
from mmseg_ros.evaluation.options import EvaluationOptions
from mmseg_ros.evaluation.stopping import never
from mmseg_ros.evaluation.sweep import PROTOCOLS, UNDISTURBED, SweepOptions, sweep_rows
from mmseg_ros.evaluation.sweep_parts import PartStore, run_parts

MODALITIES = ('rgb', 'depth', 'event', 'lidar')


def silent(done, total):
    """Take progress and show nothing."""


def swept(bag, bundle, folder, options=None, stopped=never, resume=False):
    """Return the sweep and the results of its parts."""
    options = options or SweepOptions(quick=True, no_protocols='not asked for')
    with loaded_network(bundle, ModelConfig()) as backend:
        sweep = BagSweep(bag, bundle, backend, EvaluationOptions(), options, stopped)
        store = PartStore(folder, 'key', resume)
        return sweep, run_parts(sweep.parts(), store, silent, stopped)


def test_the_share_kept_follows_from_the_labels(bag_path, bundle, tmp_path):
    sweep, results = swept(bag_path, bundle, tmp_path / 'parts')
    rows = sweep_rows(sweep.cases, results)
    assert len(results) == 1 + 6 * 4 + 5
    given = {row['level']: row for row in rows if row['fault'] == 'given'}
    assert len(given) == 15
    for subset, row in given.items():
        right = 'rgb' in subset.split('+')
        assert (row['miou'], row['kept']) == ((1.0, 1.0) if right else (0.25, 0.25)), subset
    faults = [row for row in rows if row['fault'] != 'given']
    assert {row['sensor'] for row in faults} == set(MODALITIES)
    assert all(not row['problem'] for row in faults)
    for row in faults:  # the network looks at nothing but whether there is a camera
        if row['sensor'] != 'rgb' or row['fault'] not in ('delay', 'clock offset', 'rate cut'):
            assert row['kept'] == 1.0, row
    assert sweep.not_run == {'EMM, RMM, NM': 'not asked for'}


@pytest.mark.parametrize(
    ('name', 'fault'),
    [
        ('delay', Fault(kind='delay', topic='/rgb/image_raw', delay_s=0.2)),
        ('clock offset', Fault(kind='clock_offset', topic='/rgb/image_raw', offset_s=0.1)),
        ('rate cut', Fault(kind='rate_cut', topic='/rgb/image_raw', keep_every=5)),
    ],
)
def test_a_fault_in_the_sweep_is_the_fault_in_a_bag(name, fault, bag_path, bundle, tmp_path):
    for _ in inject_faults(bag_path, tmp_path / 'faulty', [fault]):
        pass
    faulty = evaluate(tmp_path / 'faulty', bundle, EvaluationOptions('none')).metrics
    with loaded_network(bundle, ModelConfig()) as backend:
        options = SweepOptions(no_protocols='-')
        sweep = BagSweep(bag_path, bundle, backend, EvaluationOptions(), options, never)
        level = {'delay': '0.2s', 'clock offset': '0.1s', 'rate cut': '1of5'}[name]
        wanted = f'{name.replace(" ", "")}_{level}_rgb'
        part = next(part for part in sweep.parts() if part.name == wanted)
        result = part.compute(silent)
    assert result['miou'] == faulty['recorded'][0]['miou']
    assert name == 'clock offset' or result['miou'] < 1.0
    scored = [f for f in faulty['frames'] if 'pixels' in f['scores'][f['available']]]
    assert result['frames'] == len(scored)


def test_an_interrupted_sweep_goes_on_and_ends_like_a_whole_one(bag_path, bundle, tmp_path):
    asked = []

    def stop_later():
        asked.append(0)
        return len(asked) > 40

    whole = swept(bag_path, bundle, tmp_path / 'whole')[1]
    part = swept(bag_path, bundle, tmp_path / 'parts', stopped=stop_later)[1]
    assert 0 < len(part) < len(whole)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / 'parts').iterdir()}
    assert len(kept) == len(part), 'a part that was not finished leaves nothing'
    again = swept(bag_path, bundle, tmp_path / 'parts', resume=True)[1]
    assert json.dumps(again) == json.dumps(whole)
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in kept.items())
    for path in (tmp_path / 'whole').iterdir():
        assert (tmp_path / 'parts' / path.name).read_bytes() == path.read_bytes()


def test_results_of_another_run_are_not_taken(tmp_path):
    store = PartStore(tmp_path, 'one', resume=False)
    store.save('a b', {'miou': 0.5})
    assert PartStore(tmp_path, 'one', resume=True).load('a b') == {'miou': 0.5}
    assert PartStore(tmp_path, 'other', resume=True).load('a b') is None
    (tmp_path / 'a_b.json').write_text('{"key": "one", "resu')
    assert PartStore(tmp_path, 'one', resume=True).load('a b') is None
    PartStore(tmp_path, 'one', resume=False)
    assert not tmp_path.exists()


def test_protocols_get_frames_with_all_sensors(bag_path, bundle, tmp_path):
    taken = []

    def protocols(bundle, frames, names, told, *, rates, levels, stopped):
        taken.append((frames, names, rates, levels))
        table = {'missing': {'none': 80.0, 'rgb': 20.0, 'rgb+depth': 10.0}, 'average': 40.0}
        return {'emm': table, 'rmm': {'0.5': table}, 'nm': {'mid': 60.0}}

    options = SweepOptions(quick=True, protocols=protocols)
    sweep, results = swept(bag_path, bundle, tmp_path / 'parts', options)
    (frames, names, rates, levels) = taken[0]
    assert (names, rates, levels) == (('emm', 'rmm', 'nm'), (0.5,), ('mid',))
    assert len(frames) == results[PROTOCOLS]['frames'] == 4
    assert frames[0].images.shape == (4, 32, 48, 3)
    assert frames[0].images.any(axis=(1, 2, 3)).all()
    truth = np.zeros((32, 48), np.uint8)
    truth[:, 24:] = 1
    assert np.array_equal(frames[0].labels[1:], truth[1:])
    rows = {
        (row['fault'], row['level'], row['sensor'], row['detail']): row['kept']
        for row in sweep_rows(sweep.cases, results)
    }
    for head in (('EMM', ''), ('RMM', '0.5')):
        head = head if head[0] == 'EMM' else ('RMM', 'r = 0.5')
        assert rows[(*head, 'rgb', '')] == 0.25
        assert rows[(*head, 'all', 'missing: rgb+depth')] == 0.125
        assert rows[(*head, 'all', '')] == 0.5
    assert rows['NM', 'mid', 'all', ''] == 0.75


def test_a_bag_without_truth_says_what_is_missing(tmp_path, bundle, rig, sensor_samples):
    with BagWriter(tmp_path / 'b') as bag:
        bag.write_calibration(0, rig)
        bag.write_sample(sensor_samples[0])
    with pytest.raises(EvaluationError, match='holds no true label image'):
        swept(tmp_path / 'b', bundle, tmp_path / 'parts')


def test_without_a_score_there_is_no_share():
    with pytest.raises(EvaluationError, match='no topic of it'):
        sweep_rows([], {UNDISTURBED: {'fault': 'no topic of it'}})
    with pytest.raises(EvaluationError, match='no frame has ground truth'):
        sweep_rows([], {UNDISTURBED: {'miou': None}})
