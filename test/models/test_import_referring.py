"""CrossVLT of the authors: options are read from the tensors, the bundle answers text prompts."""

import numpy as np
import pytest
import torch
from PIL import Image

from mmseg_models import create_model
from mmseg_models.checkpoint_kind import which_model
from mmseg_models.encoders.bert import BERT_CONFIGS, BertConfig
from mmseg_models.encoders.swin import SWIN_CONFIGS, SwinConfig
from mmseg_models.import_referring import import_authors_referring, read_vocabulary
from mmseg_models.reference_weights import export_reference
from mmseg_ros.cli import main
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.referring.bundle import load_referring_bundle

OPTIONS = {
    'encoder': 'swin_authors_test',
    'text': 'bert_authors_test',
    'vocabulary_size': 13,
    'depths': [2, 1, 1, 1],
    'align_dim': 8,
    'decoder_dim': 8,
}
WORDS = ['the', 'red', 'blue', 'square', 'on', 'left', 'right', 'of', 'it']
TOKENS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', *WORDS]


@pytest.fixture(autouse=True)
def _small_encoders():
    # As in the authors' network, the channels can be split into heads of 64.
    SWIN_CONFIGS['swin_authors_test'] = SwinConfig(32, (2, 1, 1, 1), (1, 2, 4, 8), 3)
    BERT_CONFIGS['bert_authors_test'] = BertConfig(40, 24, 2, 48, 32)
    yield
    del BERT_CONFIGS['bert_authors_test'], SWIN_CONFIGS['swin_authors_test']


@pytest.fixture
def file(tmp_path):
    """Return a released file: plain tensors without temperature."""
    torch.manual_seed(0)
    tensors = export_reference(create_model('crossvlt', **OPTIONS))
    del tensors['temp']
    torch.save(tensors, tmp_path / 'authors.pth')
    return tmp_path / 'authors.pth'


@pytest.fixture
def vocabulary(tmp_path):
    (tmp_path / 'vocab.txt').write_text('\n'.join(TOKENS) + '\n')
    return tmp_path / 'vocab.txt'


def test_options_and_weights_come_back(file):
    model = import_authors_referring(file)
    assert {key: model.options[key] for key in OPTIONS} == OPTIONS
    source = torch.load(file)
    for key, value in export_reference(model).items():
        assert key == 'temp' or torch.equal(value, source[key]), key


def test_a_training_checkpoint_is_unwrapped(file):
    wrapped = {f'module.{key}': value for key, value in torch.load(file).items()}
    torch.save({'model': {**wrapped, 'module.temp': torch.full((4,), 0.5)}, 'epoch': 39}, file)
    assert (import_authors_referring(file).temperature == 0.5).all()


def test_the_bundle_answers_text_prompts(file, vocabulary, tmp_path, capsys):
    command = ['import-checkpoint', str(file), '--model', 'crossvlt']
    command += ['--height', '96', '--width', '96', '--output', str(tmp_path / 'bundle')]
    assert main([*command, '--vocabulary', str(vocabulary)]) == 0
    bundle = load_referring_bundle(tmp_path / 'bundle')
    assert bundle.manifest.max_tokens == 21
    assert bundle.manifest.mean == (0.485, 0.456, 0.406)
    assert (bundle.manifest.height, bundle.manifest.width) == (96, 96)
    assert 'Parity with torch' in (bundle.path / 'README.md').read_text()
    picture = tmp_path / 'picture.png'
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    Image.fromarray(pixels).save(picture)
    shown = ['segment-text', str(picture), 'the red square', '--bundle', str(bundle.path)]
    assert main([*shown, '--out', str(tmp_path / 'mask.png')]) == 0
    assert Image.open(tmp_path / 'mask.png').size == (64, 48)


def test_what_is_missing_or_does_not_fit_is_named(file, vocabulary, tmp_path, capsys):
    command = ['import-checkpoint', str(file), '--output', str(tmp_path / 'bundle')]
    crossvlt = [*command, '--model', 'crossvlt']
    with_words = [*crossvlt, '--vocabulary', str(vocabulary)]
    stitch = [*command, '--model', 'stitchfusion']
    for words, message in (
        (crossvlt, '--vocabulary vocab.txt'),
        ([*with_words, '--modalities', 'rgb', 'lidar'], 'reads the camera alone'),
        ([*with_words, '--fuse', 'sum'], '--fuse is for stitchfusion'),
        ([*stitch, '--modalities', 'rgb', '--top-k', '2'], '--top-k is for mle_sam'),
        (stitch, 'name the modalities'),
        ([*stitch, '--modalities', 'rgb'], 'it looks like crossvlt'),
    ):
        assert main(words) == 1, words
        assert message in capsys.readouterr().err
    vocabulary.write_text('\n'.join(TOKENS[:-1]) + '\n')
    with pytest.raises(ConfigError, match=r'has 12 tokens.*trained with 13'):
        read_vocabulary(vocabulary, import_authors_referring(file))
    assert not (tmp_path / 'bundle').exists()


def test_another_file_is_called_by_its_name(file, tmp_path):
    assert which_model(torch.load(file)) == 'crossvlt'
    for tensors, kind in (
        ({'sam_mask_decoder.iou_token.weight': torch.zeros(1, 4)}, 'SAM 2'),
        ({'bert.embeddings.word_embeddings.weight': torch.zeros(4, 4)}, 'BERT'),
        ({'layers.0.blocks.0.attn.relative_position_bias_table': torch.zeros(4, 4)}, 'an encoder'),
    ):
        torch.save(tensors, tmp_path / 'other.pth')
        with pytest.raises(ConfigError, match=f'no crossvlt checkpoint.*looks like {kind}'):
            import_authors_referring(tmp_path / 'other.pth')
    tensors = torch.load(file)
    key = 'backbone.2.layers.attn2.v_q.0.weight'
    torch.save({name: value for name, value in tensors.items() if name != key}, file)
    with pytest.raises(ConfigError, match=f'missing {key}'):
        import_authors_referring(file)
