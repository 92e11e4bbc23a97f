"""The pixel-wise attention equals torch's, written pixel by pixel; ensemble and branches."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from mmseg_models import create_model
from mmseg_models.encoders.contract import BlockSite
from mmseg_models.geminifusion.fusion import GeminiBlock
from mmseg_models.presence import Presence

DIM = 16


@pytest.fixture
def block():
    torch.manual_seed(0)
    block = GeminiBlock(BlockSite(0, DIM, 0.0))
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.4)
    return block.eval()


def by_pixel(block, a_2NC):
    """Follow the paper's equations with torch's own attention, one pixel at a time."""
    results = []
    for branch in (0, 1):
        ours = block.cross[branch]
        attention = nn.MultiheadAttention(DIM, 8).eval()
        attention.in_proj_weight.data = ours.inputs.weight.data
        attention.in_proj_bias.data = ours.inputs.bias.data
        attention.out_proj.load_state_dict(ours.output.state_dict())
        rows = []
        for own, other in zip(a_2NC[branch], a_2NC[1 - branch], strict=True):
            hidden = functional.gelu(block.relation.expand(torch.cat([own, other])))
            gate = block.relation.contract(hidden).softmax(dim=0)
            keys = torch.stack([own + block.key_noise[branch], own * gate])
            values = torch.stack([own + block.value_noise[branch], other])
            rows.append(own + attention(own[None], keys, values)[0][0])
        results.append(torch.stack(rows))
    return torch.stack(results)


def test_equals_attention_over_two_keys_per_pixel(block):
    a_2NC = torch.randn(2, 7, DIM)
    with torch.no_grad():
        ours = block.mix_attention(a_2NC, Presence((0, 1), 2))
        torch.testing.assert_close(ours, by_pixel(block, a_2NC), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('branch', [0, 1])
def test_branch_without_the_other_attends_to_itself(block, branch):
    a_2NC = torch.randn(2, 7, DIM)
    mask = torch.tensor([[branch == 0], [branch == 1]])
    with torch.inference_mode():
        masked = block.mix_attention(a_2NC, Presence((0, 1), 2, mask))[branch]
        skipped = block.mix_attention(a_2NC[branch : branch + 1], Presence((branch,), 2))[0]
    torch.testing.assert_close(masked, skipped, rtol=1e-5, atol=1e-5)


def build(**options):
    torch.manual_seed(0)
    options = {'modalities': ('rgb', 'depth', 'lidar'), 'num_classes': 4, **options}
    return create_model('geminifusion', encoder='mit_tiny_test', decoder_dim=16, **options).eval()


def test_ensemble_is_weighted_by_alpha(tiny_encoders):
    model = build()
    images = torch.randn(1, 3, 3, 32, 32)
    with torch.no_grad():
        model.alpha.copy_(torch.tensor([2.0, 0.0]))
        first, second, ensemble = model.training_logits(images)
        share = torch.tensor(2.0).sigmoid()
    torch.testing.assert_close(ensemble, share * first + (1 - share) * second)


def test_ensemble_loss_trains_alpha_alone_and_plain_logits_train_all(tiny_encoders):
    model = build()
    images = torch.randn(1, 3, 3, 32, 32)
    model.training_logits(images)[2].square().sum().backward()
    assert {name for name, p in model.named_parameters() if p.grad is not None} == {'alpha'}
    model(images).square().sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_sample_without_a_branch_trains_the_other_one(tiny_encoders):
    model = build()
    images = torch.randn(2, 3, 3, 32, 32)
    available = torch.tensor([[True, True, True], [False, True, False]])
    with torch.inference_mode():
        first, second, _ = model.training_logits(images, available)
    assert torch.equal(first[1], second[1])
    assert not torch.equal(first[0], second[0])


def test_quirks_of_the_reference_are_options(tiny_encoders):
    assert not build(train_alpha=False).alpha.requires_grad
    frozen = build(freeze_batch_norm=True).train()
    assert not frozen.heads[0].norm.training
    assert frozen.heads[0].training
    assert build().train().heads[0].norm.training
    extra = build(unused_score_nets=True)
    assert len(extra.encoder.selectors[0].nets) == len(build().encoder.selectors[0].nets) + 1


def test_separate_decoders_differ(tiny_encoders):
    model = build(decoder='separate')
    assert len(model.heads) == 2
    images = torch.randn(1, 3, 3, 32, 32)
    with torch.inference_mode():
        before = model(images)
        model.heads[1].classifier.bias += 1.0
        torch.testing.assert_close(model(images), before + 0.5)
