"""Recipes: ranges, contradictions, files and overrides."""

from pathlib import Path

import pytest
import yaml

from mmseg_models.registry import create_model
from mmseg_models.training.config import DataConfig, Recipe
from mmseg_models.training.legs import leg_recipes
from mmseg_models.training.recipe_parser import (
    is_referring,
    parse_recipe,
    parse_referring_recipe,
)
from mmseg_models.training.run_config import OptimizerConfig
from mmseg_models.training.segmentation_setup import build_augmentation, build_model
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.labels import load_label_space

ALL_RECIPES = sorted((Path(__file__).parents[3] / 'models' / 'recipes').glob('*.yaml'))
REFERRING = [path for path in ALL_RECIPES if is_referring(str(path))]
RECIPES = [path for path in ALL_RECIPES if path not in REFERRING]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / 'recipe.yaml'
    path.write_text('run_dir: out\nsteps: 300\ndata: {root: set, modalities: [rgb, event]}\n')
    return str(path)


def test_file_fills_in_defaults(file):
    recipe = parse_recipe(['--config', file])
    assert recipe.steps == 300
    assert recipe.data.modalities == ['rgb', 'event']
    assert recipe.data.height == DataConfig(root='x').height
    assert recipe.optimizer == OptimizerConfig()


def test_overrides_win_over_the_file(file):
    overrides = ['--steps', '40', '--optimizer.warmup_steps=7', '--data.height', '96']
    options = ['--model.options', '{encoder: mit_b1}']
    recipe = parse_recipe(['--config', file, *overrides, *options])
    assert (recipe.steps, recipe.optimizer.warmup_steps, recipe.data.height) == (40, 7, 96)
    assert recipe.data.modalities == ['rgb', 'event']
    assert recipe.model.options == {'encoder': 'mit_b1'}


def test_resolved_recipe_is_a_recipe_again(file, tmp_path):
    recipe = parse_recipe(['--config', file, '--seed', '5'])
    again = tmp_path / 'again.yaml'
    again.write_text(yaml.safe_dump(recipe.to_dict()))
    assert parse_recipe(['--config', str(again)]) == recipe


def test_print_config_shows_every_block(file, capsys):
    with pytest.raises(SystemExit) as stop:
        parse_recipe(['--config', file, '--print_config'])
    assert stop.value.code == 0
    shown = yaml.safe_load(capsys.readouterr().out)
    assert shown['steps'] == 300
    assert shown['loss']['name'] == 'ohem'


@pytest.mark.parametrize('wrong', [['--stepps', '3'], ['--steps', 'many'], ['--data.rooot', 'x']])
def test_unknown_name_or_type_is_wrong_usage(file, wrong):
    with pytest.raises(SystemExit) as stop:
        parse_recipe(['--config', file, *wrong])
    assert stop.value.code == 2


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (['--steps', '0'], 'steps'),
        (['--optimizer.warmup_steps', '300'], 'warmup_steps'),
        (['--augmentation.scale_min', '3'], 'scale_min'),
        (['--run_dir', ''], 'run_dir'),
        (['--data.modalities', '[rgb, thermal]'], 'thermal'),
        (['--loss.name', 'focal'], 'cross_entropy'),
        (['--loss.terms', '{focal: 1}'], 'focal'),
        (['--loss.terms', '{dice: -1}'], 'dice: -1'),
        (['--loss.class_weights', 'rare'], 'from_frequencies'),
        (['--loss.class_weights', '[1, -2]'], 'at least 0'),
        (['--loss.class_weights', '[1, 2]', '--loss.rarity_power', '0.5'], 'rarity_power'),
        (['--accumulate', '0'], 'accumulate'),
        (['--optimizer.layer_decay', '1.5'], 'layer_decay'),
        (['--validation.best_by', 'iou'], 'accuracy'),
    ],
)
def test_bad_value_is_named(file, wrong, message):
    with pytest.raises(ConfigError, match=message):
        parse_recipe(['--config', file, *wrong])


def test_recipe_without_data_is_rejected():
    with pytest.raises(ConfigError, match=r'data\.root'):
        Recipe(run_dir='x')


def test_there_are_recipes():
    assert {path.stem for path in RECIPES} >= {'smoke', 'stitchfusion_b0_sim'}


@pytest.mark.parametrize('path', RECIPES, ids=lambda path: path.stem)
def test_shipped_recipe_builds_its_network(path):
    legs = leg_recipes(parse_recipe(['--config', str(path)]))
    for recipe in legs:
        model = build_model(recipe, load_label_space(recipe.data.label_space))
        assert model.num_classes == 25
        assert list(model.modalities) == recipe.data.modalities


@pytest.mark.parametrize('path', REFERRING, ids=lambda path: path.stem)
def test_shipped_referring_recipe_builds_its_network(path):
    recipe = parse_referring_recipe(['--config', str(path)])
    assert create_model(recipe.model, vocabulary_size=81, **recipe.options).task == 'referring'


def test_task_is_read_from_the_file(tmp_path, file):
    assert {path.stem for path in REFERRING} >= {'crossvlt_small_sim'}
    assert not is_referring(file)
    assert not is_referring(None)
    assert not is_referring(str(tmp_path / 'absent.yaml'))
    (tmp_path / 'broken.yaml').write_text('task: [')
    assert not is_referring(str(tmp_path / 'broken.yaml'))


def test_ages_and_misalignments_reach_the_augmentation(file):
    given = ['--augmentation.age_probability', '0.3', '--augmentation.misalign_px', '1.5']
    recipe = parse_recipe(['--config', file, *given])
    timing = build_augmentation(recipe, 255).live_timing
    assert (timing.age_probability, timing.misalign_px) == (0.3, 1.5)
    assert timing.encodings['event'] == 'polarity'
    assert build_augmentation(parse_recipe(['--config', file]), 255).live_timing.is_off
