"""A dry run names what the training would not find."""

from mmseg_models.training.config import DataConfig, ModelConfig, Recipe
from mmseg_models.training.missing_inputs import missing_inputs, text_of_missing
from mmseg_models.training.referring_config import ReferringData, ReferringRecipe
from mmseg_models.training.simulated_data import SimulatedPart


def recipe(root, pretrained='', init_from='', simulate=()):
    return Recipe(
        run_dir='out',
        init_from=str(init_from),
        data=DataConfig(root=str(root), simulate=list(simulate)),
        model=ModelConfig(pretrained=str(pretrained)),
    )


def test_data_and_weights_that_are_not_there_are_named(tmp_path):
    asked = recipe(tmp_path / 'MUSES', tmp_path / 'sam2.pt', tmp_path / 'runs')
    assert missing_inputs(asked) == [
        ('data.root', str(tmp_path / 'MUSES')),
        ('init_from', str(tmp_path / 'runs')),
        ('model.pretrained', str(tmp_path / 'sam2.pt')),
    ]
    printed = text_of_missing(asked).splitlines()
    assert printed[2] == f'not found         {tmp_path}/sam2.pt (model.pretrained); ' + (
        'the training needs it'
    )


def test_nothing_is_said_of_what_is_there_or_made(tmp_path):
    (tmp_path / 'sam2.pt').touch()
    assert text_of_missing(recipe(tmp_path, tmp_path / 'sam2.pt')) == ''
    assert missing_inputs(recipe(tmp_path, 'imagenet')) == []
    part = SimulatedPart(split='train', scenes=1, frames=1, seed=1)
    assert missing_inputs(recipe(tmp_path / 'made', simulate=[part])) == []


def test_text_prompts_name_each_of_their_folders_and_files(tmp_path):
    data = ReferringData(roots=[str(tmp_path), str(tmp_path / 'b')], vocabulary='vocab.txt')
    asked = ReferringRecipe(
        run_dir='out', data=data, pretrained='swin.pth', pretrained_text='bert.bin'
    )
    names = dict(missing_inputs(asked))
    assert names == {
        'data.roots': str(tmp_path / 'b'),
        'pretrained': 'swin.pth',
        'pretrained_text': 'bert.bin',
        'data.vocabulary': 'vocab.txt',
    }
