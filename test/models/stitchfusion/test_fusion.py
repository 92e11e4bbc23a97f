"""Which tokens the adapters read, and what follows for the order of the modalities."""

import pytest
import torch

from mmseg_models import create_model

MODALITIES = ('rgb', 'depth', 'lidar')
ORDER = [2, 0, 1]


def build(**options):
    torch.manual_seed(0)
    options = {'adapter': 'shared', 'decoder_dim': 16, **options}
    model = create_model(
        'stitchfusion', encoder='mit_tiny_test', modalities=MODALITIES, num_classes=4, **options
    )
    for name, parameter in model.named_parameters():
        if '.fusion.' in name and parameter.ndim == 2:
            torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


@pytest.fixture
def images(tiny_encoders):
    return torch.randn(1, 3, 3, 64, 64, generator=torch.Generator().manual_seed(3))


def logits(model, images):
    with torch.inference_mode():
        return model(images)


@pytest.mark.parametrize('source', ['simultaneous', 'pre_attention'])
def test_shared_adapter_and_sum_do_not_know_the_order(images, source):
    model = build(source=source)
    torch.testing.assert_close(
        logits(model, images[:, ORDER]), logits(model, images), rtol=1e-4, atol=1e-5
    )


def test_sequential_source_depends_on_the_order(images):
    model = build(source='sequential')
    difference = (logits(model, images[:, ORDER]) - logits(model, images)).abs().max()
    assert difference > 1e-3


def test_pairwise_adapters_belong_to_their_pair(images):
    model = build(source='simultaneous', adapter='unidirectional')
    difference = (logits(model, images[:, ORDER]) - logits(model, images)).abs().max()
    assert difference > 1e-3


def test_sources_differ(images):
    results = [
        logits(build(source=source), images)
        for source in ('sequential', 'simultaneous', 'pre_attention')
    ]
    assert (results[0] - results[1]).abs().max() > 1e-3
    assert (results[1] - results[2]).abs().max() > 1e-3


def test_two_modalities_share_or_pair_alike(tiny_encoders):
    options = {'encoder': 'mit_tiny_test', 'modalities': ('a', 'b'), 'decoder_dim': 16}
    shared = create_model('stitchfusion', adapter='shared', **options).eval()
    paired = create_model('stitchfusion', adapter='bidirectional', **options).eval()
    state = shared.state_dict()
    paired.load_state_dict({k.replace('adapters.shared', 'adapters.0_1'): state[k] for k in state})
    images = torch.randn(1, 2, 3, 32, 32)
    assert torch.equal(logits(shared, images), logits(paired, images))


def test_stages_can_be_left_out(images):
    model = build(adapter=('none', 'none', 'none', 'bidirectional'))
    stages = {name.split('.')[2] for name, _ in model.named_parameters() if '.fusion.' in name}
    assert stages == {'3'}


def test_dropout_acts_in_training_only(images):
    model = build(adapter_dropout=0.5, drop_path=0.0)
    model.head.eval()
    assert torch.equal(logits(model, images), logits(model, images))
    for module in model.modules():
        if type(module).__name__ in ('Adapter', 'AdapterBank', 'Dropout'):
            module.train()
    assert not torch.equal(logits(model, images), logits(model, images))


def test_frozen_encoder_gets_no_gradient(images):
    model = build(freeze_encoder=True)
    model(images).sum().backward()
    for name, parameter in model.encoder.named_parameters():
        assert (parameter.grad is not None) == ('.fusion.' in name), name
