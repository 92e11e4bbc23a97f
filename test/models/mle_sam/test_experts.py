"""Laws of the experts: nothing at the start, the same when merged, one set per modality."""

import pytest
import torch

from mmseg_models import create_model
from mmseg_models.encoders.hiera_blocks import Qkv
from mmseg_models.mle_sam.experts import LoraQkv
from mmseg_models.mle_sam.merging import merge_experts
from mmseg_models.presence import Presence
from mmseg_ros.core.errors import ConfigError


def pyramid(model, images):
    with torch.inference_mode():
        return model.encoder(*model.prepare(images, None))


def test_untrained_experts_leave_the_frozen_encoder_bit_for_bit(build, images):
    model = build(spread=False)
    plain = build(spread=False, rank=0)
    state = {k: v for k, v in model.state_dict().items() if not k.endswith('_MRC')}
    plain.load_state_dict(state)
    for found, expected in zip(pyramid(model, images), pyramid(plain, images), strict=True):
        assert torch.equal(found, expected)


def test_merged_weights_do_what_experts_do(build, images):
    model = build()
    merged = merge_experts(model)
    assert not [key for key in merged.state_dict() if key.endswith('_MRC')]
    for found, expected in zip(pyramid(merged, images), pyramid(model, images), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    with torch.inference_mode():
        torch.testing.assert_close(merged(images), model(images), rtol=0, atol=1e-5)


@pytest.mark.parametrize('window', [8, 0])
@pytest.mark.parametrize('dim_out', [16, 32])
def test_a_block_alone_does_the_same_when_merged(window, dim_out):
    # With dim_out = 32 the block begins a stage: its queries are pooled and the up-projections
    # are twice as wide as the down-projections.
    from mmseg_models.encoders.hiera_blocks import HieraBlock, HieraSite

    torch.manual_seed(0)
    site = HieraSite(16, dim_out, 2, window)
    block = HieraBlock(site, lambda dim, out: LoraQkv(dim, out, total=2, rank=3)).eval()
    torch.nn.init.normal_(block.qkv.up_MRC, std=0.3)
    plain = HieraBlock(site, Qkv).eval()
    x = torch.randn(4, 16, 24, 16)
    with torch.no_grad():
        both = block(x, Presence((0, 1), 2)).split(2)
        for modality in (0, 1):
            weight, bias = block.qkv.merged(modality)
            state = {k: v for k, v in block.state_dict().items() if not k.endswith('_MRC')}
            plain.load_state_dict({**state, 'qkv.weight': weight, 'qkv.bias': bias})
            part = x[2 * modality : 2 * modality + 2]
            expected = plain(part, Presence((0,), 1))
            torch.testing.assert_close(both[modality], expected, rtol=0, atol=1e-5)
            alone = block(part, Presence((modality,), 2))
            torch.testing.assert_close(alone, expected, rtol=0, atol=1e-5)


def test_experts_are_as_wide_as_the_stage_that_begins(sam2):
    for encoder, ranks in sam2['lora_parameters'].items():
        for rank, parameters in ranks.items():
            with torch.device('meta'):
                model = create_model(
                    'mle_sam', encoder=encoder, rank=int(rank), modalities=('rgb',)
                )
            counted = sum(p.numel() for n, p in model.named_parameters() if n.endswith('_MRC'))
            assert counted == parameters


def test_zero_stays_zero_under_an_expert():
    layer = LoraQkv(8, 8, total=1, rank=2)
    torch.nn.init.normal_(layer.up_MRC)
    q, _, v = layer.project(torch.zeros(1, 1, 4, 8), Presence((0,), 1))
    assert torch.equal(q, layer.bias[:8].expand_as(q))
    assert torch.equal(v, layer.bias[16:].expand_as(v))


def test_keys_have_no_expert(build):
    layer = build().encoder.trunk.blocks[1].qkv
    weight, _ = layer.merged(1)
    parts = layer.up_MRC.shape[2]
    pairs = zip(weight.split(parts), layer.weight.split(parts), strict=True)
    assert [not torch.equal(a, b) for a, b in pairs] == [True, False, True]


def test_what_cannot_be_merged_is_named(build):
    with pytest.raises(ConfigError, match='no experts'):
        merge_experts(build(rank=0))
    with pytest.raises(ConfigError, match='no experts'):
        merge_experts(merge_experts(build()))
