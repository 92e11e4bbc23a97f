"""SIGTERM, SIGINT, early stop, a full disk, and runs that are made longer."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from mmseg_models.training import checkpoint, engine
from mmseg_models.training.checkpoint import latest_checkpoint
from mmseg_models.training.engine import fit, train, training_step
from mmseg_models.training.optimization import warmup_poly
from mmseg_models.training.setup import setup
from mmseg_models.training.task import Scores
from mmseg_ros.core.errors import OutputError, StoppedError, TrainingError


def signal_at(monkeypatch, step, number):
    def interrupted(run, batch):
        if run.step == step:
            signal.raise_signal(number)
        return training_step(run, batch)

    monkeypatch.setattr(engine, 'training_step', interrupted)


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_the_step_at_hand_and_the_run_goes_on_from_it(
    recipe, with_fields, tmp_path, monkeypatch, number
):
    train(recipe)
    before = signal.getsignal(number)
    other = with_fields(recipe, run_dir=str(tmp_path / 'other'), resume='auto')
    with monkeypatch.context() as patch:
        signal_at(patch, 3, number)  # step 4, which is no step of a checkpoint
        with pytest.raises(StoppedError, match=r'step 4 of 6.*--resume auto') as stopped:
            train(other)
    assert stopped.value.number == number
    assert signal.getsignal(number) == before
    assert latest_checkpoint(Path(other.run_dir)).name == 'step_00000004'
    train(other)
    first, second = (
        load_file(latest_checkpoint(Path(r.run_dir)) / 'model.safetensors')
        for r in (recipe, other)
    )
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.slow
def test_the_command_ends_with_a_line_and_the_status_of_the_signal(recipe, with_fields):
    path = Path(recipe.run_dir).parent / 'recipe.yaml'
    long = with_fields(recipe, steps=100_000, checkpoint_every=100_000, log_every=1)
    path.write_text(yaml.safe_dump(long.to_dict()))
    command = [sys.executable, '-m', 'mmseg_ros', 'train', '--config', str(path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    log = Path(recipe.run_dir) / 'log.jsonl'
    deadline_s = time.monotonic() + 300
    while not log.exists() and process.poll() is None and time.monotonic() < deadline_s:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, text = process.communicate(timeout=300)
    assert process.returncode == 128 + signal.SIGTERM
    newest = latest_checkpoint(Path(recipe.run_dir))
    assert newest is not None
    assert f'SIGTERM ended the run after step {int(newest.name[5:])} of 100000' in text
    assert 'Traceback' not in text


def scored(monkeypatch, values):
    """Let the validations of a run give these scores, one after the other."""
    remaining = iter(values)

    def score(self, average, final):
        value = 0.0 if final else next(remaining)
        return Scores({'rgb': {'miou': value}}, value)

    monkeypatch.setattr('mmseg_models.training.segmentation.SegmentationTask.score', score)


@pytest.mark.parametrize('stopped_at', [None, 2])
def test_a_run_ends_when_patience_is_out(recipe, with_fields, monkeypatch, stopped_at):
    recipe = with_fields(recipe, steps=20, patience=2, validation__every=1, resume='auto')
    values = [0.1, 0.5, 0.4, 0.5, 0.9]  # an equal score is no better one
    if stopped_at:
        scored(monkeypatch, values[:stopped_at])
        with monkeypatch.context() as patch:
            signal_at(patch, stopped_at - 1, signal.SIGTERM)
            with pytest.raises(StoppedError):
                fit(setup(recipe))
    scored(monkeypatch, values[stopped_at or 0 :])
    run = setup(recipe)
    fit(run)
    assert (run.step, run.best_score, run.stale) == (4, 0.5, 2)
    assert latest_checkpoint(run.run_dir).name == 'step_00000004'
    again = setup(recipe)
    fit(again)  # it stays ended
    assert again.step == 4


def test_a_longer_run_follows_the_schedule_of_its_new_length(recipe, with_fields):
    train(recipe)
    longer = with_fields(recipe, steps=12, resume='auto')
    run = setup(longer)
    assert run.step == 6
    factor = warmup_poly(6, total=12, warmup=2, ratio=0.1, power=0.9)
    assert run.trainables.optimizer.param_groups[0]['lr'] == pytest.approx(1e-3 * factor)
    fit(run)
    assert run.step == 12
    assert run.trainables.optimizer.param_groups[0]['lr'] == 0.0
    with pytest.raises(TrainingError, match='has 12 steps, more than the 6'):
        setup(with_fields(recipe, resume='auto'))


@pytest.mark.parametrize('fails_at', ['weights', 'state'])
def test_a_full_disk_never_costs_the_last_checkpoint(recipe, with_fields, monkeypatch, fails_at):
    def full(path, *arguments):
        Path(path).write_bytes(b'half')
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    real = checkpoint.save_checkpoint

    def save(run_dir, trainables, position, recipe):
        if position.step < 6:
            return real(run_dir, trainables, position, recipe)
        name = 'save_weights' if fails_at == 'weights' else 'write_bytes'
        with monkeypatch.context() as patch:
            patch.setattr(checkpoint, name, full)
            return real(run_dir, trainables, position, recipe)

    with monkeypatch.context() as patch:
        patch.setattr(engine, 'save_checkpoint', save)
        with pytest.raises(
            OutputError, match=r'step_00000006 cannot be written: the disk is full'
        ):
            train(recipe)
    newest = latest_checkpoint(Path(recipe.run_dir))
    assert newest.name == 'step_00000003'
    assert [path.name for path in newest.parent.iterdir()] == ['step_00000003']
    train(with_fields(recipe, resume='auto'))
    assert latest_checkpoint(Path(recipe.run_dir)).name == 'step_00000006'
