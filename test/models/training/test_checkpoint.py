"""Checkpoints for going on: kept, complete, and rejected when damaged."""

import shutil

import pytest
import torch
from torch import nn

from mmseg_models.training.checkpoint import (
    Position,
    Trainables,
    generator_state,
    latest_checkpoint,
    load_checkpoint,
    restore_generators,
    save_checkpoint,
)
from mmseg_models.training.run_config import OptimizerConfig
from mmseg_ros.core.errors import TrainingError

RECIPE = {'steps': 9, 'data': {'root': 'x'}, 'threads': 1}


@pytest.fixture
def trainables():
    return Trainables.of(nn.Linear(3, 2), OptimizerConfig(warmup_steps=1), 9)


def at(step):
    return Position(step, 0.25, generator_state()[None])


def test_the_two_newest_are_kept(trainables, tmp_path):
    assert latest_checkpoint(tmp_path) is None
    for step in (9, 10, 100):
        save_checkpoint(tmp_path, trainables, at(step), RECIPE)
    names = sorted(path.name for path in (tmp_path / 'checkpoints').iterdir())
    assert names == ['step_00000010', 'step_00000100']
    assert latest_checkpoint(tmp_path).name == 'step_00000100'


def test_unfinished_checkpoint_is_not_seen(trainables, tmp_path):
    path = save_checkpoint(tmp_path, trainables, at(3), RECIPE)
    shutil.copytree(path, path.with_name('step_00000006.tmp'))
    assert latest_checkpoint(tmp_path) == path
    save_checkpoint(tmp_path, trainables, at(6), RECIPE)
    assert latest_checkpoint(tmp_path).name == 'step_00000006'


def test_position_comes_back(trainables, tmp_path):
    path = save_checkpoint(tmp_path, trainables, at(3), RECIPE)
    position = load_checkpoint(path, trainables, {**RECIPE, 'threads': 4})
    assert (position.step, position.best_score) == (3, 0.25)


def test_a_checkpoint_from_before_an_option_resumes_with_its_default(trainables, tmp_path):
    path = save_checkpoint(tmp_path, trainables, at(3), RECIPE)
    now = {**RECIPE, 'data': {'root': 'x', 'aspect': 'auto'}}
    assert load_checkpoint(path, trainables, now).step == 3
    with pytest.raises(TrainingError, match=r"'aspect': 'auto'.*'aspect': 'crop'"):
        load_checkpoint(path, trainables, {**RECIPE, 'data': {'root': 'x', 'aspect': 'crop'}})


def test_damaged_file_and_other_recipe_are_rejected(trainables, tmp_path):
    path = save_checkpoint(tmp_path, trainables, at(3), RECIPE)
    with pytest.raises(TrainingError, match=r"data was .'root': 'x'."):
        load_checkpoint(path, trainables, {**RECIPE, 'data': {'root': 'y'}})
    (path / 'state.pt').write_bytes(b'cut off')
    with pytest.raises(TrainingError, match='remove this folder'):
        load_checkpoint(path, trainables, RECIPE)


def test_generators_continue():
    state = generator_state()[None]
    expected = torch.rand(3)
    torch.rand(5)
    restore_generators(state, rank=0)
    assert torch.equal(torch.rand(3), expected)
    with pytest.raises(TrainingError, match='1 processes'):
        restore_generators(state, rank=1)


@pytest.mark.parametrize(
    'change',
    [
        {'step': 'three'},
        {'recipe': 'no json'},
        {'optimizer': {}},
        {'schedule': None},
        {'num_averaged': 'many'},
        {'generators': None, 'recipe': 7},
    ],
)
def test_a_whole_file_with_other_content_is_named(trainables, tmp_path, change):
    path = save_checkpoint(tmp_path, trainables, at(3), RECIPE)
    state = torch.load(path / 'state.pt', weights_only=True)
    torch.save({**state, **change}, path / 'state.pt')
    with pytest.raises(TrainingError, match='step_00000003'):
        load_checkpoint(path, trainables, RECIPE)


@pytest.mark.parametrize('content', [[], 5, {'step': 3}, None])
def test_a_state_of_another_kind_is_named(trainables, tmp_path, content):
    path = save_checkpoint(tmp_path, trainables, at(3), RECIPE)
    torch.save(content, path / 'state.pt')
    with pytest.raises(TrainingError, match='step_00000003'):
        load_checkpoint(path, trainables, RECIPE)
