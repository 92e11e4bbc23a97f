"""The loop as a whole: it learns, stops on NaN, and goes on as if never interrupted."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file
from torch import nn

from mmseg_models import create_model
from mmseg_models.mle_sam.sam2_checkpoint import base_tensors
from mmseg_models.training import engine
from mmseg_models.training.checkpoint import latest_checkpoint
from mmseg_models.training.config import DistillationConfig
from mmseg_models.training.engine import fit, train, training_step
from mmseg_models.training.setup import setup
from mmseg_models.training.trained_weights import load_trained
from mmseg_ros.core.errors import ConfigError, TrainingError


class InterruptedRunError(Exception):
    """The process ends here."""


def interrupt_at(monkeypatch, step):
    def failing(run, batch):
        if run.step == step:
            raise InterruptedRunError
        return training_step(run, batch)

    monkeypatch.setattr(engine, 'training_step', failing)


def rows(run_dir):
    lines = (Path(run_dir) / 'log.jsonl').read_text().splitlines()
    drop = ('frames_per_s',)
    return [{k: v for k, v in json.loads(line).items() if k not in drop} for line in lines]


def same_tensors(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


@pytest.mark.parametrize('taught', [False, True])
def test_resumed_run_equals_the_uninterrupted_one_bit_for_bit(
    recipe, with_fields, tmp_path, monkeypatch, taught
):
    if taught:
        weights = DistillationConfig(logits=0.5, features=0.5)
        recipe = with_fields(recipe, distillation=weights, loss__rarity_power=0.25)
        recipe = with_fields(recipe, loss__name='cross_entropy', modality_dropout__probability=1.0)
    train(recipe)
    other = with_fields(recipe, run_dir=str(tmp_path / 'other'), resume='auto')
    with monkeypatch.context() as patch:
        interrupt_at(patch, 4)  # one step after the checkpoint of step 3
        with pytest.raises(InterruptedRunError):
            train(other)
    assert latest_checkpoint(Path(other.run_dir)).name == 'step_00000003'
    torch.manual_seed(99)  # whatever the new process has drawn
    train(other)

    paths = [latest_checkpoint(Path(r.run_dir)) for r in (recipe, other)]
    assert [path.name for path in paths] == ['step_00000006'] * 2
    for name in ('model.safetensors', 'average.safetensors'):
        assert same_tensors(*(load_file(path / name) for path in paths))
    states = [torch.load(path / 'state.pt', weights_only=True) for path in paths]
    for key in ('step', 'best_miou', 'schedule'):
        assert states[0][key] == states[1][key]
    assert torch.equal(states[0]['generators'], states[1]['generators'])
    moments = [state['optimizer']['state'] for state in states]
    assert moments[0].keys() == moments[1].keys()
    assert all(same_tensors(moments[0][key], moments[1][key]) for key in moments[0])
    assert rows(recipe.run_dir) == rows(other.run_dir)
    assert same_tensors(
        *(load_file(Path(r.run_dir) / 'best.safetensors') for r in (recipe, other))
    )


def test_run_folder_tells_the_whole_story(recipe):
    scores = train(recipe)
    run_dir = Path(recipe.run_dir)
    assert list(scores) == ['rgb+lidar', 'rgb', 'lidar']
    saved = yaml.safe_load((run_dir / 'recipe.yaml').read_text())
    assert saved == recipe.to_dict()
    environment = json.loads((run_dir / 'environment.json').read_text())
    assert environment['packages']['torch'].split('+')[0] == torch.__version__.split('+')[0]
    assert environment['git']
    with (run_dir / 'train.csv').open() as file:
        table = list(csv.DictReader(file))
    assert [int(row['step']) for row in table] == [3, 6]
    kinds = [row['kind'] for row in rows(run_dir)]
    assert kinds == ['train', 'validate', 'train', 'validate', 'final']
    assert len(list((run_dir / 'pictures' / 'step_000006').glob('*.png'))) == 2

    model, info = load_trained(run_dir)
    assert not model.training
    assert info.modalities == ('rgb', 'lidar')
    assert info.encodings == {'rgb': 'rgb', 'lidar': 'range_intensity_height'}
    assert info.mean['rgb'] == (0.485, 0.456, 0.406)
    assert set(info.metrics) == {'rgb+lidar', 'rgb', 'lidar'}
    assert info.metrics['rgb']['miou'] == pytest.approx(scores['rgb']['miou'])
    assert info.recipe == recipe.to_dict()
    assert info.step in (3, 6)


def test_loss_falls(recipe, with_fields):
    longer = with_fields(
        recipe,
        steps=30,
        log_every=5,
        checkpoint_every=30,
        validation__every=30,
        loss__name='cross_entropy',
        modality_dropout__probability=0.0,
    )
    run = setup(longer)
    fit(run)
    losses = [row['loss'] for row in rows(longer.run_dir) if row['kind'] == 'train']
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize('poisoned', ['images', 'gradient'])
def test_nan_stops_the_run_and_names_the_frames(recipe, poisoned):
    run = setup(recipe)
    batch = next(iter(run.batches))
    before = {k: v.clone() for k, v in run.trainables.model.state_dict().items() if 'num' not in k}
    if poisoned == 'images':
        run.task.normalization.scale.fill_(float('nan'))
    else:
        first = next(run.trainables.model.parameters())
        first.register_hook(lambda gradient: gradient * float('nan'))
    with pytest.raises(TrainingError, match=f'{batch.names[0]}.*availability'):
        training_step(run, batch)
    for name, parameter in run.trainables.model.named_parameters():
        assert torch.equal(parameter, before[name])


def test_used_run_folder_is_not_overwritten(recipe, with_fields):
    train(recipe)
    with pytest.raises(ConfigError, match='--resume auto'):
        train(recipe)
    with pytest.raises(TrainingError, match='batch_size was 2 and is 3'):
        train(with_fields(recipe, batch_size=3, resume='auto'))


def test_first_weights_and_their_statistics_come_from_another_run(recipe, with_fields, tmp_path):
    train(recipe)
    _, info = load_trained(recipe.run_dir)
    second = with_fields(recipe, run_dir=str(tmp_path / 'second'), init_from=recipe.run_dir)
    run = setup(second)
    assert same_tensors(
        dict(run.trainables.model.state_dict()),
        load_file(Path(recipe.run_dir) / 'best.safetensors'),
    )
    assert run.task.statistics == info.statistics
    wrong = with_fields(second, model__options={**recipe.model.options, 'decoder_dim': 32})
    with pytest.raises(ConfigError, match=r'does not fit.*head'):
        setup(wrong)


def test_the_encoder_starts_from_published_weights(recipe, with_fields, tmp_path, tiny_encoders):
    options = {'encoder': 'hiera_tiny_test', 'rank': 2, 'balance_weight': 0.1}
    base = create_model('mle_sam', modalities=('rgb',), **options)
    torch.save({'model': base_tensors(base)}, tmp_path / 'base.pt')
    run = setup(
        with_fields(
            recipe,
            model__name='mle_sam',
            model__options=options,
            model__pretrained=str(tmp_path / 'base.pt'),
        )
    )
    trunk = run.trainables.model.encoder.trunk
    assert torch.equal(trunk.patch.weight, base.encoder.trunk.patch.weight)
    loss, _ = training_step(run, next(iter(run.batches)))
    assert torch.isfinite(loss)
    assert torch.equal(trunk.patch.weight, base.encoder.trunk.patch.weight)


def test_bfloat16_trains(recipe, with_fields):
    run = setup(with_fields(recipe, precision='bf16'))
    loss, gradient_norm = training_step(run, next(iter(run.batches)))
    assert loss.dtype == torch.float32
    assert torch.isfinite(gradient_norm)


@pytest.mark.parametrize('batch_norm', ['batch', 'running'])
def test_running_statistics_stay_when_they_are_what_training_uses(recipe, with_fields, batch_norm):
    run = setup(with_fields(recipe, model__batch_norm=batch_norm))
    norms = [m for m in run.trainables.model.modules() if isinstance(m, nn.BatchNorm2d)]
    before = [norm.running_mean.clone() for norm in norms]
    training_step(run, next(iter(run.batches)))
    kept = [torch.equal(norm.running_mean, mean) for norm, mean in zip(norms, before, strict=True)]
    assert norms
    assert kept == [batch_norm == 'running'] * len(norms)
    assert all(torch.any(norm.weight != 1) for norm in norms)


@pytest.mark.slow
def test_two_processes_train(recipe, with_fields):
    path = Path(recipe.run_dir).parent / 'recipe.yaml'
    # Only subsets: the branches that are skipped must not stall the exchange of gradients.
    shared = with_fields(recipe, steps=3, modality_dropout__probability=1.0)
    path.write_text(yaml.safe_dump(shared.to_dict()))
    command = [sys.executable, '-m', 'torch.distributed.run', '--nproc-per-node', '2', '-m']
    command += ['mmseg_ros', 'train', '--config', str(path)]
    subprocess.run(command, check=True, env={**os.environ, 'OMP_NUM_THREADS': '1'})
    state = torch.load(latest_checkpoint(Path(shared.run_dir)) / 'state.pt', weights_only=True)
    assert state['step'] == 3
    assert len(state['generators']) == 2
    assert not torch.equal(*state['generators'])
    assert [row['kind'] for row in rows(shared.run_dir)] == ['train', 'validate', 'final']
