"""SAM 2's published files are read strictly: every tensor is used or known to be of no use."""

import pytest
import torch

from mmseg_models import create_model
from mmseg_models.mle_sam.merging import merge_experts
from mmseg_models.mle_sam.sam2_checkpoint import UNUSED, base_tensors, is_base
from mmseg_models.reference_weights import (
    export_reference,
    import_reference,
    load_pretrained_encoder,
    read_tensors,
)
from mmseg_ros.core.errors import ConfigError


@pytest.fixture(scope='module')
def file(sam2_file, tmp_path_factory):
    path = tmp_path_factory.mktemp('sam2') / 'sam2.1_hiera_tiny.pt'
    torch.save(
        {'model': {k: torch.rand_like(v) for k, v in sam2_file('hiera_tiny').items()}}, path
    )
    return path


@pytest.fixture(scope='module')
def model():
    return create_model('mle_sam', encoder='hiera_tiny', modalities=('rgb', 'lidar'), rank=2)


def test_every_base_tensor_comes_from_the_file_and_no_other_changes(model, file):
    before = {key: value.clone() for key, value in model.state_dict().items()}
    load_pretrained_encoder(model, file)
    published = read_tensors(file)
    for key, value in model.state_dict().items():
        if is_base(key):
            assert torch.equal(value, published[model.reference_key(key)]), key
        else:
            assert torch.equal(value, before[key]), key


@pytest.mark.parametrize('version', ['2.0', '2.1'])
def test_used_and_unused_tensors_are_the_whole_file(model, sam2_file, version):
    used = set(base_tensors(model))
    unused = {key for key in sam2_file('hiera_tiny', version, 'meta') if key.startswith(UNUSED)}
    assert used | unused == set(sam2_file('hiera_tiny', version, 'meta'))
    assert not used & unused


@pytest.mark.parametrize('size', ['hiera_small', 'hiera_base_plus', 'hiera_large'])
def test_names_and_shapes_of_the_other_sizes(size, sam2_file):
    published = sam2_file(size, device='meta')
    with torch.device('meta'):
        model = create_model('mle_sam', encoder=size, rank=1)
    for key, value in base_tensors(model).items():
        assert published[key].shape == value.shape, key


def test_a_tensor_more_or_less_is_named(model, file, tmp_path):
    tensors = read_tensors(file)
    tensors['image_encoder.trunk.surplus'] = torch.zeros(1)
    del tensors['image_encoder.trunk.blocks.3.attn.qkv.bias']
    torch.save({'model': tensors}, tmp_path / 'other.pt')
    with pytest.raises(ConfigError) as caught:
        load_pretrained_encoder(model, tmp_path / 'other.pt')
    assert 'missing image_encoder.trunk.blocks.3.attn.qkv.bias' in str(caught.value)
    assert 'unexpected image_encoder.trunk.surplus' in str(caught.value)


def test_the_file_of_another_size_is_rejected(file):
    model = create_model('mle_sam', encoder='hiera_small', modalities=('rgb',), rank=0)
    with pytest.raises(ConfigError, match=r'missing image_encoder\.trunk\.blocks\.12'):
        load_pretrained_encoder(model, file)


def test_base_of_one_model_is_the_start_of_another(build, tmp_path):
    source, target = build(modalities=('rgb',)), build(spread=False)
    torch.save(base_tensors(source), tmp_path / 'base.pt')
    load_pretrained_encoder(target, tmp_path / 'base.pt')
    assert torch.equal(target.encoder.trunk.patch.weight, source.encoder.trunk.patch.weight)
    assert not target.encoder.trunk.blocks[0].qkv.up_MRC.any()


@pytest.mark.parametrize('merged', [False, True])
def test_the_whole_model_goes_out_and_comes_back(build, merged):
    source = build()
    source = merge_experts(source) if merged else source
    tensors = export_reference(source)
    assert len(tensors) == len(source.state_dict())
    assert 'image_encoder.trunk.blocks.0.attn.proj.weight' in tensors
    target = create_model('mle_sam', **source.options)
    import_reference(target, {'model': tensors})
    for key, value in source.state_dict().items():
        assert torch.equal(target.state_dict()[key], value), key
