"""Published recipes build, learn two steps on generated data and say what they would take."""

from pathlib import Path

import pytest
import yaml

from mmseg_models.training.dry_run import dry_run
from mmseg_models.training.recipe_parser import parse_any_recipe
from mmseg_ros.cli import main
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.datasets.reader import readers

FOLDER = Path(__file__).parents[3] / 'models' / 'recipes' / 'published'
RECIPES = sorted(FOLDER.glob('*.yaml'))
ROWS = {
    'stitchfusion_deliver', 'stitchfusion_mcubes', 'stitchfusion_fmb', 'stitchfusion_mfnet',
    'stitchfusion_pst900', 'stitchfusion_nyu', 'geminifusion_nyu', 'geminifusion_sunrgbd',
    'geminifusion_deliver', 'mle_sam_deliver', 'mle_sam_muses', 'mle_sam_mcubes',
}  # fmt: skip
SMALL = ['--data.height', '64', '--data.width', '64', '--batch_size', '2']
"""The recipes' own sizes take gigabytes and minutes on a CPU."""


@pytest.fixture(params=RECIPES, ids=[path.stem for path in RECIPES])
def path(request):
    return request.param


def test_every_row_has_a_recipe():
    assert {path.stem for path in RECIPES} == ROWS


def test_a_recipe_says_what_it_repeats_and_fits_its_data_set(path):
    recipe = parse_any_recipe(str(path), ['--config', str(path)])
    assert set(recipe.published) == {'score', 'source', 'memory'}
    reader = readers()[recipe.data.format]
    assert reader.label_space == recipe.data.label_space
    assert set(recipe.data.modalities) <= set(reader.modalities or recipe.data.modalities)
    assert {recipe.data.train_split, recipe.data.val_split} <= set(reader.splits)
    for name in recipe.data.modalities:
        encoding = reader.encodings.get(name)
        assert encoding in (None, recipe.data.encodings[name])
    assert recipe.data.height % 32 == 0
    assert recipe.data.width % 32 == 0


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
    recipe = parse_any_recipe(str(path), ['--config', str(path)])
    model = build_model(recipe, load_label_space(recipe.data.label_space))
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(parameters, rel=3e-4)


@pytest.mark.slow
def test_two_steps_of_every_recipe(path):
    recipe = parse_any_recipe(str(path), ['--config', str(path), *SMALL])
    done = dry_run(recipe)
    assert len(done.losses) == 2
    assert all(loss > 0 for loss in done.losses)
    assert done.steps == recipe.steps
    assert done.parameters > 1_000_000
    is_adapted = recipe.model.name == 'mle_sam'
    assert (done.trainable < done.parameters / 2) == is_adapted
    assert done.memory_mb > 100


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
    assert sorted(path.name for path in tmp_path.iterdir()) == ['recipe.yaml']
