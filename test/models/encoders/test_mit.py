"""The Mix Transformer agrees with the one in transformers."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from mmseg_models import create_model
from mmseg_models.encoders.mit import MIT_CONFIGS
from mmseg_models.encoders.mit_keys import official_mit_key
from mmseg_models.presence import Presence
from mmseg_models.reference_weights import load_pretrained_encoder
from mmseg_ros.core.errors import ConfigError

transformers = pytest.importorskip('transformers')
ENCODER = 'mit_b0'


@pytest.fixture(scope='module')
def reference(tmp_path_factory):
    """Return transformers' model with random weights, and the file it writes."""
    size = MIT_CONFIGS[ENCODER]
    config = transformers.SegformerConfig(
        depths=list(size.depths), hidden_sizes=list(size.channels), initializer_range=0.1
    )
    torch.manual_seed(0)
    model = transformers.SegformerForImageClassification(config).eval()
    for parameter in model.parameters():
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, mean=float(parameter[0] != 0), std=0.1)
    folder = tmp_path_factory.mktemp('reference')
    model.save_pretrained(folder)
    return model.segformer, folder / 'model.safetensors'


@pytest.fixture(scope='module')
def official_file(reference, tmp_path_factory):
    """Return the same weights in a file as SegFormer's authors publish it."""
    model = create_model('stitchfusion', encoder=ENCODER, modalities=('rgb',))
    load_pretrained_encoder(model, reference[1])
    tensors = {official_mit_key(k): v for k, v in model.encoder.state_dict().items()}
    tensors |= {'head.weight': torch.zeros(1000, 256), 'head.bias': torch.zeros(1000)}
    file = tmp_path_factory.mktemp('official') / 'mit_b0.pth'
    torch.save(tensors, file)
    return file


def features(encoder, image):
    with torch.inference_mode():
        return encoder(image, Presence((0,), 1))


def reference_features(model, image):
    with torch.inference_mode():
        return model(image, output_hidden_states=True).hidden_states


def test_features_agree_through_both_key_formats(reference, official_file):
    image = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(2))
    expected = reference_features(reference[0], image)[-4:]
    for file in (reference[1], official_file):
        model = create_model('stitchfusion', encoder=ENCODER, modalities=('rgb',)).eval()
        load_pretrained_encoder(model, file)
        for ours, theirs in zip(features(model.encoder, image), expected, strict=True):
            scale = theirs.abs().max().item()
            torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5 * max(scale, 1.0))


def test_every_tensor_is_loaded(reference, official_file):
    model = create_model('stitchfusion', encoder=ENCODER, modalities=('rgb', 'depth'))
    before = {key: value.clone() for key, value in model.encoder.state_dict().items()}
    load_pretrained_encoder(model, official_file)
    for key, value in model.encoder.state_dict().items():
        assert torch.equal(value, before[key]) == ('.fusion.' in key), key


def test_norms_of_all_modalities_get_the_pretrained_one(official_file):
    model = create_model('geminifusion', encoder=ENCODER, modalities=('a', 'b', 'c'))
    load_pretrained_encoder(model, official_file)
    tensors = torch.load(official_file, weights_only=True)
    for norm in model.encoder.stages[0].embedding.norm.norms:
        assert torch.equal(norm.weight, tensors['patch_embed1.norm.weight'])
    for norm in model.encoder.stages[1].blocks[0].norm1.norms:
        assert torch.equal(norm.bias, tensors['block2.0.norm1.bias'])


def test_segmentation_checkpoint_of_the_authors_is_accepted(official_file, tmp_path):
    tensors = torch.load(official_file, weights_only=True)
    encoder = {f'backbone.{k}': v for k, v in tensors.items() if not k.startswith('head.')}
    wrapped = {'state_dict': encoder | {'decode_head.conv_seg.weight': torch.zeros(1)}, 'meta': {}}
    torch.save(wrapped, tmp_path / 'segformer.pth')
    model = create_model('stitchfusion', encoder=ENCODER, modalities=('rgb',))
    load_pretrained_encoder(model, tmp_path / 'segformer.pth')
    weight = model.encoder.stages[3].blocks[1].mlp.contract.weight
    assert torch.equal(weight, tensors['block4.1.mlp.fc2.weight'])


def test_safetensors_with_a_tensor_missing_is_rejected(reference, tmp_path):
    tensors = load_file(reference[1])
    del tensors['segformer.encoder.block.2.1.attention.self.key.bias']
    save_file(tensors, tmp_path / 'broken.safetensors')
    model = create_model('stitchfusion', encoder=ENCODER, modalities=('rgb',))
    with pytest.raises(ConfigError, match=r'missing block3\.1\.attn\.kv\.bias'):
        load_pretrained_encoder(model, tmp_path / 'broken.safetensors')
