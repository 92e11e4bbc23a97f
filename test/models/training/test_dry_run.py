"""Published recipes build, learn two steps on generated data and say what they would take."""

import inspect
from pathlib import Path

import pytest
import yaml

from mmseg_models.crossvlt import CrossVLT
from mmseg_models.encoders.bert import BERT_CONFIGS
from mmseg_models.training.dry_run import dry_run
from mmseg_models.training.recipe_parser import is_referring, parse_any_recipe
from mmseg_ros.cli import main
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.datasets.reader import readers
from mmseg_ros.datasets.refer_coco import SPLITS

FOLDER = Path(__file__).parents[3] / 'models' / 'recipes' / 'published'
RECIPES = sorted(FOLDER.glob('*.yaml'))
ROWS = {
    'stitchfusion_deliver', 'stitchfusion_mcubes', 'stitchfusion_fmb', 'stitchfusion_mfnet',
    'stitchfusion_pst900', 'stitchfusion_nyu', 'geminifusion_nyu', 'geminifusion_sunrgbd',
    'geminifusion_deliver', 'mle_sam_deliver', 'mle_sam_muses', 'mle_sam_mcubes',
    'crossvlt_refcoco', 'crossvlt_refcoco_plus', 'crossvlt_refcocog',
}  # fmt: skip
SMALL = ['--data.height', '64', '--data.width', '64', '--batch_size', '2']
"""The recipes' own sizes take gigabytes and minutes on a CPU."""


SMALL_PROMPTS = ['--data.height', '64', '--data.width', '64', '--data.images', '2']
LIGHT = {
    'encoder': 'mit_b0', 'text': 'bert_short', 'depths': [1, 0, 0, 0], 'align_dim': 16,
    'head_dim': 16, 'decoder_dim': 16,
}  # fmt: skip
REFERRING = [path for path in RECIPES if is_referring(str(path))]
SEGMENTATION = [path for path in RECIPES if path not in REFERRING]


def of(path, *overrides):
    return parse_any_recipe(str(path), ['--config', str(path), *overrides])


@pytest.fixture(params=SEGMENTATION, ids=[path.stem for path in SEGMENTATION])
def path(request):
    return request.param


@pytest.fixture(params=REFERRING, ids=[path.stem for path in REFERRING])
def referring_path(request):
    return request.param


def test_every_row_has_a_recipe():
    assert {path.stem for path in RECIPES} == ROWS


def test_a_recipe_says_what_it_repeats_and_fits_its_data_set(path):
    recipe = of(path)
    assert set(recipe.published) == {'score', 'source', 'memory'}
    assert (
        f'GiB for a step of {recipe.batch_size} on one device, est' in recipe.published['memory']
    )
    reader = readers()[recipe.data.format]
    assert reader.label_space == recipe.data.label_space
    assert set(recipe.data.modalities) <= set(reader.modalities or recipe.data.modalities)
    assert {recipe.data.train_split, recipe.data.val_split} <= set(reader.splits)
    for name in recipe.data.modalities:
        encoding = reader.encodings.get(name)
        assert encoding in (None, recipe.data.encodings[name])
    assert recipe.data.height % 32 == 0
    assert recipe.data.width % 32 == 0


def test_a_recipe_of_text_prompts_says_what_it_repeats(referring_path):
    recipe = of(referring_path)
    assert set(recipe.published) == {'score', 'source', 'memory'}
    assert f'GiB for a step of {recipe.data.images} on one device' in recipe.published['memory']
    name = Path(recipe.data.roots[0]).name
    assert {'train', 'val'} <= set(SPLITS[name][recipe.data.split_by])
    assert (recipe.data.height, recipe.data.width, recipe.data.max_tokens) == (480, 480, 21)
    assert recipe.data.images * recipe.data.sentences == 12
    # The network of the authors, whose size test_golden.py compares.
    options = inspect.signature(CrossVLT).parameters
    given = recipe.options | {'vocabulary_size': None}
    assert given == {name: options[name].default for name in given}
    assert recipe.options['vocabulary_size'] == BERT_CONFIGS['bert_base'].vocabulary_size


@pytest.mark.parametrize(
    ('name', 'parameters'),
    [
        ('stitchfusion_deliver', 26_498_713),  # the paper's code, measured: fusion in stages 3, 4
        ('geminifusion_nyu', 74_551_274),
        ('geminifusion_deliver', 42_183_659 - 4 * (22_544 // 16)),  # without four unused nets
    ],
)
def test_networks_are_as_large_as_the_published_ones(name, parameters):
    from mmseg_models.training.segmentation_setup import build_model

    path = FOLDER / f'{name}.yaml'
    recipe = of(path)
    model = build_model(recipe, load_label_space(recipe.data.label_space))
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(parameters, rel=3e-4)


@pytest.mark.slow
def test_two_steps_of_every_recipe(path):
    recipe = of(path, *SMALL)
    done = dry_run(recipe)
    assert len(done.losses) == 2
    assert all(loss > 0 for loss in done.losses)
    assert done.steps == recipe.steps
    assert done.parameters > 1_000_000
    is_adapted = recipe.model.name == 'mle_sam'
    assert (done.trainable < done.parameters / 2) == is_adapted
    assert done.memory_mb > 100


def test_two_steps_of_every_recipe_of_text_prompts(referring_path, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = yaml.safe_load(referring_path.read_text())
    recipe['options'] = LIGHT | {'vocabulary_size': 40}
    smaller = tmp_path / 'recipe.yaml'
    smaller.write_text(yaml.safe_dump(recipe))
    assert main(['train', '--config', str(smaller), '--dry-run', *SMALL_PROMPTS]) == 0
    printed = capsys.readouterr().out
    assert recipe['published']['score'] in printed
    assert 'estimated for a step of 2' in printed
    assert f'{recipe["steps"]:,} steps' in printed
    assert sorted(path.name for path in tmp_path.iterdir()) == ['recipe.yaml']


def test_the_command_prints_what_it_would_take(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = FOLDER / 'stitchfusion_fmb.yaml'
    recipe = yaml.safe_load(path.read_text())
    recipe['model']['options'] |= {'encoder': 'mit_b0', 'decoder_dim': 16}
    smaller = tmp_path / 'recipe.yaml'
    smaller.write_text(yaml.safe_dump(recipe))
    assert main(['train', '--config', str(smaller), '--dry-run', *SMALL]) == 0
    printed = capsys.readouterr().out
    assert '64.85 mIoU' in printed
    assert 'parameters' in printed
    assert '12,120 steps' in printed
    assert 'measured' in printed
    assert 'FMB (data.root); the training needs it' in printed
    assert sorted(path.name for path in tmp_path.iterdir()) == ['recipe.yaml']
