"""Whatever step of its work a process is killed at, nothing half-made can be loaded."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mmseg_ros.bag.reader import BagReader
from mmseg_ros.bag.repair import rescue
from mmseg_ros.core.errors import BagError, BundleError
from mmseg_ros.inference.bundle import load_bundle
from mmseg_ros.projection.extrinsics import Rig


def killed_at_every_step(kind, folder):
    """Return what a kill at each step left behind, and the folder of the run that ended well."""
    works = Path(__file__).with_name('works.py')
    done = subprocess.run(
        [sys.executable, works, kind, folder],
        env={'OMP_NUM_THREADS': '1', 'PATH': '/usr/bin:/bin', 'HOME': str(folder)},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    *killed, whole = sorted(path for path in folder.iterdir() if path.name.isdigit())
    assert len(killed) >= 4
    return killed, whole


def visible(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith('.'))


@pytest.mark.slow
def test_a_killed_export_leaves_nothing_that_can_be_loaded(tmp_path):
    pytest.importorskip('torch')
    killed, whole = killed_at_every_step('export', tmp_path)
    assert load_bundle(whole / 'bundle').manifest.name == 'small'
    assert visible(whole) == ['bundle']
    sealed = 0
    for left in killed:
        assert visible(left) in ([], ['bundle'])
        for folder in (path for path in left.rglob('*') if path.is_dir()):
            if not (folder / 'manifest.json').is_file():
                with pytest.raises(BundleError):
                    load_bundle(folder)
                continue
            # The manifest comes after the card, which comes after the parity check.
            sealed += 1
            assert (folder / 'README.md').is_file()
            load_bundle(folder)
    assert 0 < sealed < len(killed) / 2


def test_a_killed_recording_keeps_its_whole_messages(tmp_path):
    killed, whole = killed_at_every_step('record', tmp_path)
    with BagReader(whole / 'bag') as bag:
        assert sum(1 for _ in bag.raw()) == 8
    for left in killed:
        try:
            with BagReader(left / 'bag') as bag:
                assert sum(1 for _ in bag.raw()) == 8
        except BagError:
            try:
                assert rescue(left / 'bag', left / 'rescued').messages == 8
            except BagError:
                assert visible(left) in ([], ['bag'])


def test_a_killed_simulation_leaves_no_bag(tmp_path):
    killed, whole = killed_at_every_step('simulate', tmp_path)
    complete = 0
    for left in [*killed, whole]:
        assert visible(left) in ([], ['bag'])
        if visible(left):
            complete += 1
            with BagReader(left / 'bag') as bag:
                assert sum(1 for _ in bag.raw()) == 8
    assert complete < len(killed)


@pytest.mark.slow
def test_a_killed_training_goes_on_from_a_whole_checkpoint(tmp_path):
    pytest.importorskip('torch')
    from safetensors.torch import load_file
    from torch import nn

    from mmseg_models.training.checkpoint import Trainables, latest_checkpoint, load_checkpoint
    from mmseg_models.training.run_config import OptimizerConfig
    from mmseg_models.training.run_log import RunLog

    trainables = Trainables.of(nn.Linear(3, 2), OptimizerConfig(warmup_steps=1), 9)
    killed, whole = killed_at_every_step('train', tmp_path)
    steps = []
    for left in [*killed, whole]:
        newest = latest_checkpoint(left)
        steps.append(0 if newest is None else int(newest.name.removeprefix('step_')))
        if newest is not None:
            assert load_checkpoint(newest, trainables, {'steps': 9}).step == steps[-1]
        if (left / 'best.safetensors').exists():
            assert set(load_file(left / 'best.safetensors')) == {'weight', 'bias'}
        RunLog(left, steps[-1], 9)
        for line in (left / 'log.jsonl').read_text().splitlines() if steps[-1] else ():
            assert json.loads(line)['step'] <= steps[-1]
    assert steps == sorted(steps)
    assert set(steps) == {0, 1, 2}


def test_a_killed_evaluation_leaves_old_or_new_results(tmp_path):
    killed, whole = killed_at_every_step('evaluate', tmp_path)
    seen = set()
    for left in [*killed, whole]:
        metrics, page = left / 'metrics.json', left / 'report.html'
        seen.add(json.loads(metrics.read_text())['run'] if metrics.exists() else None)
        assert not page.exists() or page.read_text().rstrip().endswith('</html>')
    assert seen == {None, 'first', 'second'}


def test_a_killed_calibration_leaves_the_old_or_the_new_file(tmp_path):
    killed, whole = killed_at_every_step('calibrate', tmp_path)
    notes = set()
    for left in [*killed, whole]:
        file = left / 'calibration.yaml'
        if file.exists():
            data = yaml.safe_load(file.read_text())
            notes.add(data.pop('note'))
            Rig.from_dict(data)
    assert notes == {'old', 'new'}
