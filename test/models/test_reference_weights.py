"""Import and export of the authors' weights are strict."""

import pytest
import torch
from safetensors.torch import save_file

from mmseg_models import create_model
from mmseg_models.reference_weights import export_reference, import_reference, read_tensors
from mmseg_ros.core.errors import ConfigError

SMALL = {'modalities': ('a', 'b'), 'decoder_dim': 16, 'num_classes': 3}
CASES = {
    'stitchfusion': ('stitchfusion', {'encoder': 'mit_tiny_test', 'fuse': 'ffm', **SMALL}, None),
    'gemini-deliver': ('geminifusion', {'encoder': 'mit_tiny_test', **SMALL}, 'deliver'),
    'gemini-main': ('geminifusion', {'encoder': 'swin_tiny_test', **SMALL}, 'main'),
}


@pytest.fixture(params=CASES)
def case(request, tiny_encoders):
    name, options, layout = CASES[request.param]
    torch.manual_seed(0)
    return create_model(name, **options), create_model(name, **options), layout


def test_round_trip(case):
    source, target, layout = case
    tensors = export_reference(source, layout)
    assert len(tensors) == len(source.state_dict())
    import_reference(target, tensors)
    for key, value in source.state_dict().items():
        assert torch.equal(target.state_dict()[key], value), key


def test_wrappers_and_parallel_prefix_are_taken_off(case):
    source, target, layout = case
    tensors = {f'module.{k}': v for k, v in export_reference(source, layout).items()}
    import_reference(target, {'segmenter': tensors, 'epoch_start': 3})
    key = next(iter(source.state_dict()))
    assert torch.equal(target.state_dict()[key], source.state_dict()[key])


def test_missing_unexpected_and_misshapen_are_named_and_nothing_changes(case):
    source, target, layout = case
    tensors = export_reference(source, layout)
    names = list(tensors)
    tensors.pop(names[0])
    tensors['backbone.surplus'] = torch.zeros(1)
    tensors[names[4]] = torch.zeros(7, 7)
    before = {key: value.clone() for key, value in target.state_dict().items()}
    with pytest.raises(ConfigError) as caught:
        import_reference(target, tensors)
    message = str(caught.value)
    assert f'missing {names[0]}' in message
    assert 'unexpected backbone.surplus' in message
    assert f'{names[4]} is (7, 7), not ' in message
    assert all(torch.equal(value, before[key]) for key, value in target.state_dict().items())


def test_unused_prefix_is_left_out_only_when_named(tiny_encoders):
    options = {'encoder': 'mit_tiny_test', **SMALL}
    tensors = export_reference(create_model('stitchfusion', fuse='ffm', **options))
    model = create_model('stitchfusion', fuse='sum', **options)
    with pytest.raises(ConfigError, match='feature_cross'):
        import_reference(model, tensors)
    import_reference(model, tensors, unused=('backbone.feature_cross.',))


def test_separate_decoders_have_no_reference(tiny_encoders):
    model = create_model('geminifusion', encoder='mit_tiny_test', decoder='separate', **SMALL)
    with pytest.raises(ConfigError, match='decoder=shared'):
        export_reference(model)


def test_unknown_layout_is_rejected(case):
    with pytest.raises(ConfigError, match='unknown layout'):
        export_reference(case[0], 'other')


def test_files_with_code_or_without_tensors_are_rejected(tmp_path):
    torch.save({'config': CASES, 'model': torch.nn.Linear(1, 1)}, tmp_path / 'code.pth')
    with pytest.raises(ConfigError, match='never pickled code'):
        read_tensors(tmp_path / 'code.pth')
    torch.save({'epoch': 3}, tmp_path / 'empty.pth')
    with pytest.raises(ConfigError, match='no tensors'):
        read_tensors(tmp_path / 'empty.pth')
    torch.save([1, 2], tmp_path / 'list.pth')
    with pytest.raises(ConfigError, match='list'):
        read_tensors(tmp_path / 'list.pth')
    with pytest.raises(ConfigError, match='no checkpoint'):
        read_tensors(tmp_path / 'absent.pth')
    (tmp_path / 'cut.safetensors').write_bytes(b'\x08\x00')
    with pytest.raises(ConfigError, match='cannot be read'):
        read_tensors(tmp_path / 'cut.safetensors')


def test_safetensors_are_read(tmp_path):
    save_file({'a': torch.ones(2)}, tmp_path / 'a.safetensors')
    assert torch.equal(read_tensors(tmp_path / 'a.safetensors')['a'], torch.ones(2))
