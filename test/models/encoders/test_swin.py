"""Swin Transformer: windows, masks, and weights of the authors' files."""

import pytest
import torch

from mmseg_models import create_model
from mmseg_models.encoders.swin_keys import official_swin_key
from mmseg_models.encoders.windows import join_windows, position_index, shift_mask, split_windows
from mmseg_models.reference_weights import load_pretrained_encoder
from mmseg_ros.core.errors import ConfigError


@pytest.mark.parametrize('grid', [(6, 9), (5, 7), (2, 3)])
@pytest.mark.parametrize('shift', [0, 1])
def test_joining_undoes_splitting(grid, shift):
    x_SHWC = torch.randn(2, *grid, 4)
    windows, padded = split_windows(x_SHWC, 3, shift)
    assert windows.shape == (2, padded[0] * padded[1] // 9, 9, 4)
    assert torch.equal(join_windows(windows, 3, shift, padded, grid), x_SHWC)


def test_bias_depends_on_the_offset_alone():
    index = position_index(3)
    place = [(token // 3, token % 3) for token in range(9)]
    rows = {}
    for i, (row_i, column_i) in enumerate(place):
        for j, (row_j, column_j) in enumerate(place):
            offset = (row_i - row_j, column_i - column_j)
            assert rows.setdefault(offset, int(index[i, j])) == int(index[i, j])
    assert sorted(rows.values()) == list(range(25))


def test_mask_separates_tokens_that_are_not_neighbors():
    grid, window, shift = (6, 6), 3, 1
    position = torch.arange(36.0).reshape(1, 6, 6, 1)
    windows, _ = split_windows(position, window, shift)
    mask_WLL = shift_mask(grid, window, shift, position)
    for tokens, mask_LL in zip(windows[0, :, :, 0].long(), mask_WLL, strict=True):
        rows, columns = tokens // 6, tokens % 6
        near = (rows[:, None] - rows[None]).abs() < window
        near &= (columns[:, None] - columns[None]).abs() < window
        assert torch.equal(mask_LL == 0, near)


def official_file(path, window=3):
    """Write weights as Swin's authors do, for a model of another window side."""
    from mmseg_models.encoders.swin import SWIN_CONFIGS, SwinConfig

    SWIN_CONFIGS['swin_other_test'] = SwinConfig(16, (2, 1, 1, 1), (1, 2, 4, 8), window)
    try:
        source = create_model('stitchfusion', encoder='swin_other_test', modalities=('rgb',))
    finally:
        del SWIN_CONFIGS['swin_other_test']
    tensors = {official_swin_key(k): v for k, v in source.encoder.state_dict().items()}
    tensors = {k: v for k, v in tensors.items() if not k.startswith('norm')}
    tensors |= {'norm.weight': torch.ones(128), 'head.weight': torch.zeros(10, 128)}
    tensors['layers.0.blocks.1.attn_mask'] = torch.zeros(4, 9, 9)
    torch.save({'model': tensors}, path)
    return tensors


def test_official_file_is_loaded(tiny_encoders, tmp_path):
    tensors = official_file(tmp_path / 'swin.pth')
    model = create_model('geminifusion', encoder='swin_tiny_test', modalities=('a', 'b'))
    load_pretrained_encoder(model, tmp_path / 'swin.pth')
    block = model.encoder.stages[0].blocks[1]
    assert torch.equal(block.attention.query_key_value.weight, tensors[KEY + 'qkv.weight'])
    assert torch.equal(
        model.encoder.stages[2].embedding.reduction.weight,
        tensors['layers.1.downsample.reduction.weight'],
    )
    for norm in model.encoder.stages[0].embedding.norm.norms:
        assert torch.equal(norm.weight, tensors['patch_embed.norm.weight'])


KEY = 'layers.0.blocks.1.attn.'


def test_position_bias_is_resized_to_another_window(tiny_encoders, tmp_path):
    tensors = official_file(tmp_path / 'swin.pth', window=4)
    model = create_model('stitchfusion', encoder='swin_tiny_test', modalities=('rgb',))
    load_pretrained_encoder(model, tmp_path / 'swin.pth')
    bias = model.encoder.stages[0].blocks[1].attention.position_bias
    assert bias.shape == (25, 1)
    centre = tensors[KEY + 'relative_position_bias_table'][24, 0]
    assert bias[12, 0].item() == pytest.approx(centre.item(), abs=1e-6)


def test_file_of_another_encoder_is_rejected(tiny_encoders, tmp_path):
    official_file(tmp_path / 'swin.pth')
    model = create_model('stitchfusion', encoder='mit_tiny_test', modalities=('rgb',))
    with pytest.raises(ConfigError, match='Mix Transformer'):
        load_pretrained_encoder(model, tmp_path / 'swin.pth')
