"""A recipe of several legs: each starts from the one before, and a stopped row is taken up."""

from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file

from mmseg_models.training import legs
from mmseg_models.training.checkpoint import latest_checkpoint, step_of
from mmseg_models.training.engine import train
from mmseg_models.training.legs import leg_recipes, train_legs
from mmseg_models.training.recipe_parser import parse_recipe
from mmseg_ros.core.errors import ConfigError

LEGS = [
    {'steps': 3, 'seed': 1},
    {'steps': 4, 'optimizer': {'learning_rate': 5e-4}},
]


@pytest.fixture
def recipe_of_legs(recipe):
    return replace(recipe, legs=LEGS)


def test_recipe_without_legs_is_its_only_leg(recipe):
    assert leg_recipes(recipe) == [recipe]


def test_leg_keeps_what_it_does_not_change(recipe_of_legs):
    first, second = leg_recipes(recipe_of_legs)
    assert (first.steps, first.seed, first.legs) == (3, 1, [])
    assert (second.steps, second.seed) == (4, recipe_of_legs.seed)
    assert second.optimizer == replace(recipe_of_legs.optimizer, learning_rate=5e-4)
    assert first.optimizer == recipe_of_legs.optimizer
    assert second.data == recipe_of_legs.data


def test_legs_follow_each_other_and_the_last_one_owns_the_run_folder(recipe_of_legs):
    root = Path(recipe_of_legs.run_dir)
    first, second = leg_recipes(recipe_of_legs)
    assert (first.run_dir, first.init_from) == (str(root / 'leg_1'), recipe_of_legs.init_from)
    assert (second.run_dir, second.init_from) == (
        str(root), str(root / 'leg_1' / 'best.safetensors')
    )  # fmt: skip


def test_legs_in_a_row_equal_the_same_runs_by_hand(recipe_of_legs, with_fields, tmp_path):
    scores = train_legs(recipe_of_legs)

    by_hand = with_fields(recipe_of_legs, legs=[], steps=3, seed=1, run_dir=str(tmp_path / 'a'))
    train(by_hand)
    then = with_fields(recipe_of_legs, legs=[], steps=4, optimizer__learning_rate=5e-4)
    then = with_fields(then, run_dir=str(tmp_path / 'b'), init_from=str(tmp_path / 'a'))
    assert train(then) == scores
    ours = load_file(Path(recipe_of_legs.run_dir) / 'best.safetensors')
    theirs = load_file(tmp_path / 'b' / 'best.safetensors')
    assert ours.keys() == theirs.keys()
    assert all(ours[name].equal(theirs[name]) for name in ours)


def test_stopped_row_resumes_in_the_leg_where_it_stopped(recipe_of_legs, monkeypatch):
    recipe = replace(recipe_of_legs, resume='auto')
    first, _ = leg_recipes(recipe)
    train(first)
    trained = []
    monkeypatch.setattr(legs, 'train', lambda leg: trained.append(leg.run_dir) or {})
    train_legs(recipe)
    assert trained == [recipe.run_dir]


def test_unfinished_leg_is_not_skipped(recipe_of_legs, monkeypatch):
    recipe = replace(recipe_of_legs, resume='auto')
    first, _ = leg_recipes(recipe)
    train(replace(first, steps=3))
    assert step_of(latest_checkpoint(Path(first.run_dir))) == 3
    longer = replace(recipe, legs=[{**LEGS[0], 'steps': 5}, LEGS[1]])
    trained = []
    monkeypatch.setattr(legs, 'train', lambda leg: trained.append(leg.run_dir) or {})
    train_legs(longer)
    assert trained == [first.run_dir, recipe.run_dir]


@pytest.mark.parametrize('name', ['run_dir', 'init_from', 'resume', 'legs'])
def test_leg_cannot_set_what_follows_from_its_place(recipe, name):
    with pytest.raises(ConfigError, match=f'Leg 1 sets {name}'):
        leg_recipes(replace(recipe, legs=[{name: 'x'}]))


@pytest.mark.parametrize(
    'leg', [{'stepz': 3}, {'steps': 'many'}, {'optimizer': {'rate': 1}}, {'steps': 0}]
)
def test_wrong_field_of_a_leg_is_named(recipe, leg):
    with pytest.raises(ConfigError):
        leg_recipes(replace(recipe, legs=[leg]))


def test_file_with_legs_is_a_recipe(tmp_path):
    file = tmp_path / 'recipe.yaml'
    file.write_text(
        'run_dir: out\ndata: {root: set}\noptimizer: {warmup_steps: 2}\n'
        'legs:\n- {steps: 30}\n- {steps: 40, loss: {name: cross_entropy}}\n'
    )
    first, second = leg_recipes(parse_recipe(['--config', str(file)]))
    assert (first.steps, first.loss.name) == (30, 'ohem')
    assert (second.steps, second.loss.name) == (40, 'cross_entropy')
