"""The options of an authors' checkpoint are read from its tensors."""

import pytest
import torch

from mmseg_models import create_model
from mmseg_models.checkpoint_kind import which_model
from mmseg_models.import_authors import authors_manifest, import_authors_model
from mmseg_models.reference_weights import export_reference
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.labels import load_label_space

NAMES = ('rgb', 'depth', 'lidar')
MIT = {'encoder': 'mit_tiny_test', 'decoder_dim': 16, 'num_classes': 25}
SWIN = {**MIT, 'encoder': 'swin_tiny_test'}
HIERA = {'encoder': 'hiera_tiny_test', 'num_classes': 20}
CASES = {
    'mle': ('mle_sam', NAMES, {**HIERA, 'rank': 4}),
    'mle-gates': ('mle_sam', NAMES[:2], {**HIERA, 'rank': 2, 'router': 'modality'}),
    'mle-one-gate': ('mle_sam', NAMES, {**HIERA, 'rank': 2, 'router': 'all'}),
    'mle-mean': (
        'mle_sam',
        NAMES,
        {**HIERA, 'rank': 2, 'router': 'mean', 'auxiliary': 'none'},
    ),
    'mle-merged': ('mle_sam', NAMES, {**HIERA, 'experts': 'merged'}),
    'shared': ('stitchfusion', NAMES, {**MIT, 'adapter': ['shared'] * 4}),
    'late': (
        'stitchfusion',
        NAMES,
        {**MIT, 'adapter': ['none', 'none', 'bidirectional', 'unidirectional'], 'rank': 4},
    ),
    'two-ways': ('stitchfusion', NAMES[:2], {**MIT, 'adapter': ['unidirectional'] * 4}),
    'ffm': ('stitchfusion', NAMES, {**MIT, 'adapter': ['none'] * 4, 'fuse': 'ffm'}),
    'gemini': ('geminifusion', NAMES[:2], MIT),
    'gemini-three': ('geminifusion', NAMES, {**MIT, 'unused_score_nets': True}),
    'gemini-swin': ('geminifusion', NAMES[:2], SWIN),
}


def save(tmp_path, name, modalities, options, layout=None):
    model = create_model(name, modalities=modalities, **options)
    torch.save({'state_dict': export_reference(model, layout)}, tmp_path / 'authors.pth')
    return model, tmp_path / 'authors.pth'


@pytest.mark.parametrize('case', CASES)
def test_options_and_weights_come_back(case, tiny_encoders, tmp_path):
    name, modalities, options = CASES[case]
    layout = 'main' if case == 'gemini-swin' else None
    source, file = save(tmp_path, name, modalities, options, layout)
    model = import_authors_model(file, name, modalities)
    assert {key: model.options[key] for key in options} == options
    for key, value in source.state_dict().items():
        assert torch.equal(model.state_dict()[key], value), key


def test_what_sam_2_saves_beside_mle_sam_is_left_out(tiny_encoders, tmp_path):
    model, file = save(tmp_path, 'mle_sam', NAMES[:2], {**HIERA, 'rank': 2})
    tensors = torch.load(file)['state_dict']
    beside = {'memory_encoder.out_proj.bias': torch.zeros(4), 'no_obj_ptr': torch.zeros(1, 4)}
    torch.save({'model': {**tensors, **beside}}, file)
    read = import_authors_model(file, 'mle_sam', NAMES[:2], top_k=1, auxiliary='weighted')
    assert (read.options['top_k'], read.options['auxiliary']) == (1, 'weighted')
    assert read.state_dict().keys() == model.state_dict().keys()
    with pytest.raises(ConfigError, match='trained with 2 modalities'):
        import_authors_model(file, 'mle_sam', NAMES)
    torch.save({**tensors, 'auxiliary_head.extra': torch.zeros(1)}, file)
    with pytest.raises(ConfigError, match=r'unexpected auxiliary_head\.extra'):
        import_authors_model(file, 'mle_sam', NAMES[:2])


def test_sam_2_alone_is_called_by_its_name(tiny_encoders, tmp_path):
    _, file = save(tmp_path, 'mle_sam', NAMES[:2], {**HIERA, 'rank': 2})
    added = ('auxiliary_head.', 'router.', 'sam_mask_decoder.mask_tokens.')
    tensors = {
        key: value
        for key, value in torch.load(file)['state_dict'].items()
        if not key.startswith(added) and '_MRC' not in key
    }
    torch.save({'model': tensors}, file)
    with pytest.raises(ConfigError, match=r'no mle_sam checkpoint.*looks like SAM 2.*pretrained'):
        import_authors_model(file, 'mle_sam', NAMES[:2])


def test_sum_leaves_the_unused_fusion_module_out(tiny_encoders, tmp_path):
    _, file = save(tmp_path, 'stitchfusion', NAMES, {**MIT, 'fuse': 'ffm'})
    model = import_authors_model(file, 'stitchfusion', NAMES, fuse='sum')
    assert not [key for key in model.state_dict() if key.startswith('fuse.')]


def test_what_does_not_fit_is_named(tiny_encoders, tmp_path):
    _, file = save(tmp_path, 'stitchfusion', NAMES, {**MIT, 'fuse': 'ffm'})
    with pytest.raises(ConfigError, match='trained with 3 modalities'):
        import_authors_model(file, 'stitchfusion', NAMES[:2])
    with pytest.raises(ConfigError, match='cannot be imported'):
        import_authors_model(file, 'unet', NAMES)
    torch.save({'a': torch.zeros(1)}, tmp_path / 'other.pth')
    for name in ('stitchfusion', 'geminifusion'):
        with pytest.raises(ConfigError, match='no known Mix Transformer'):
            import_authors_model(tmp_path / 'other.pth', name, NAMES)
    with pytest.raises(ConfigError, match='no mle_sam checkpoint'):
        import_authors_model(tmp_path / 'other.pth', 'mle_sam', NAMES)


def test_manifest_normalizes_as_the_authors_do(tiny_encoders):
    model = create_model('stitchfusion', modalities=('rgb', 'depth', 'thermal'), **MIT)
    labels = load_label_space()
    manifest = authors_manifest(model, 'stitchfusion', 'x', (512, 512), labels, 'MIT')
    rgb, depth, thermal = manifest.modalities
    assert rgb.mean == (0.485, 0.456, 0.406)
    assert depth.std == (1.0, 1.0, 1.0)
    assert (depth.encoding, thermal.encoding) == ('hha', 'rgb')
    other = create_model('stitchfusion', modalities=('rgb',), **{**MIT, 'num_classes': 40})
    with pytest.raises(ConfigError, match='40 classes'):
        authors_manifest(other, 'stitchfusion', 'x', (512, 512), labels, 'MIT')


def test_a_data_set_tells_encodings_and_normalization(tiny_encoders):
    model = create_model(
        'stitchfusion',
        modalities=('rgb', 'aolp', 'dolp', 'nir'),
        num_classes=20,
        encoder='mit_b0',
        adapter='none',
        decoder_dim=8,
    )
    space = load_label_space('mcubes')
    arguments = (model, 'stitchfusion', 'm', (64, 64), space, 'Apache-2.0')
    specs = {spec.name: spec for spec in authors_manifest(*arguments, 'mcubes').modalities}
    assert specs['aolp'].encoding == 'aolp_sincos'
    assert specs['nir'].encoding == 'grey'
    # Sine 1 is stored as 255 and reaches the network as 1; degree 0 as (0 + 0.55) / 2.
    assert (1.0 - specs['aolp'].mean[0]) / specs['aolp'].std[0] == pytest.approx(1.0)
    assert (0.0 - specs['dolp'].mean[0]) / specs['dolp'].std[0] == pytest.approx(0.275)


def test_a_checkpoint_of_another_model_is_called_by_its_name():
    assert which_model(['backbone.block1.0.cross_attn_0_to_1.in_proj_weight']) == 'geminifusion'
    assert which_model(['backbone.block1.0.adap_t_att12.adapter_up.bias']) == 'stitchfusion'
    assert which_model(['segformer.encoder.block.0.0.layer_norm_1.bias']) == 'segformer'
    assert which_model(['sam_mask_decoder.iou_token']).startswith('SAM 2')
    assert which_model(['bert.encoder.layer.0.attention.self.key.bias']).startswith('BERT')
    assert which_model(['layer.0.weight']) == ''


@pytest.mark.parametrize('case', ['shared', 'gemini', 'mle'])
@pytest.mark.parametrize('asked', ['stitchfusion', 'geminifusion', 'mle_sam'])
def test_every_model_knows_the_files_of_the_others(case, asked, tiny_encoders, tmp_path):
    name, modalities, options = CASES[case]
    _, file = save(tmp_path, name, modalities, options)
    assert which_model(torch.load(file)['state_dict']) == name
    if asked == name:
        return
    with pytest.raises(ConfigError, match=rf'looks like {name}|does not fit the model'):
        import_authors_model(file, asked, modalities)
