"""Learning rate, weight decay and the weight average."""

import pytest
import torch
from torch import nn

from mmseg_models import create_model
from mmseg_models.training.optimization import (
    build_average,
    build_optimizer,
    build_schedule,
    warmup_poly,
)
from mmseg_models.training.run_config import OptimizerConfig
from mmseg_ros.core.errors import ConfigError


@pytest.mark.parametrize(
    ('step', 'rate'),
    [(0, 6e-6), (500, 3.3e-5), (1000, 6e-5), (10_000, 3.38151e-5), (19_999, 5.35933e-7)],
)
def test_reference_learning_rates(step, rate):
    factor = warmup_poly(step, total=201 * 100, warmup=1000, ratio=0.1, power=0.9)
    assert 6e-5 * factor == pytest.approx(rate, rel=1e-5)


def test_schedule_is_stepped_from_the_warm_up_to_zero():
    config = OptimizerConfig(learning_rate=0.1, warmup_steps=4, warmup_ratio=0.5)
    optimizer = build_optimizer(nn.Linear(2, 2), config)
    schedule = build_schedule(optimizer, config, steps=10)
    rates = []
    for _ in range(10):
        rates.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        schedule.step()
    assert rates[0] == pytest.approx(0.05)
    assert rates[4] == pytest.approx(0.1)
    assert rates == sorted(rates[:5]) + sorted(rates[5:], reverse=True)
    assert optimizer.param_groups[1]['lr'] == pytest.approx(0.0)


def test_norms_and_biases_do_not_decay():
    model = nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3), nn.Conv2d(3, 3, 1, bias=False))
    model[2].weight.requires_grad_(False)
    decayed, plain = build_optimizer(model, OptimizerConfig(weight_decay=0.02)).param_groups
    assert [p.ndim for p in decayed['params']] == [2]
    assert decayed['weight_decay'] == 0.02
    assert [p.ndim for p in plain['params']] == [1, 1, 1]
    assert plain['weight_decay'] == 0.0


def test_average_follows_weights_and_buffers():
    model = nn.BatchNorm1d(1)
    average = build_average(model, OptimizerConfig(ema_decay=0.75))
    average.update_parameters(model)
    with torch.no_grad():
        model.weight.fill_(5.0)
        model.running_mean.fill_(4.0)
    average.update_parameters(model)
    assert average.module.weight.item() == pytest.approx(0.75 * 1.0 + 0.25 * 5.0)
    assert average.module.running_mean.item() == pytest.approx(0.25 * 4.0)


def test_only_the_encoders_own_weights_learn_at_their_factor(tiny_encoders):
    model = create_model(
        'stitchfusion',
        encoder='efficientnet_lite_tiny_test',
        modalities=('rgb', 'lidar'),
        decoder_dim=16,
    )
    optimizer = build_optimizer(model, OptimizerConfig(learning_rate=0.1, encoder_factor=0.25))
    names = {id(p): name for name, p in model.named_parameters()}
    rates = {names[id(p)]: g['lr'] for g in optimizer.param_groups for p in g['params']}
    decays = {names[id(p)]: g['weight_decay'] for g in optimizer.param_groups for p in g['params']}
    assert rates.keys() == set(names.values())
    assert rates['encoder.stem.0.conv.weight'] == rates['encoder.stem.0.norm.bias'] == 0.025
    for name in ('head.filter.weight', 'fuse.0.mix.weight', 'encoder.input.scale_M3'):
        assert rates[name] == 0.1
    assert rates['encoder.stages.3.fusion.mlp.adapters.0_1.up.weight'] == 0.1
    assert decays['encoder.stages.0.norm.scale_MC'] == decays['encoder.input.shift_M3'] == 0.0
    assert decays['head.filter.weight'] > 0


def test_rates_fall_from_stage_to_stage_and_defaults_keep_the_groups(tiny_encoders):
    model = create_model(
        'stitchfusion',
        encoder='efficientnet_lite_tiny_test',
        modalities=('rgb', 'lidar'),
        decoder_dim=16,
    )
    config = OptimizerConfig(learning_rate=0.1, encoder_factor=0.5, layer_decay=0.8)
    optimizer = build_optimizer(model, config)
    names = {id(p): name for name, p in model.named_parameters()}
    rates = {names[id(p)]: g['lr'] for g in optimizer.param_groups for p in g['params']}
    assert rates.keys() == set(names.values())
    for stage in range(4):
        own = f'encoder.stages.{stage}.blocks.'
        found = {rate for name, rate in rates.items() if name.startswith(own)}
        assert list(found) == [pytest.approx(0.05 * 0.8 ** (3 - stage))]
    assert rates['encoder.stem.0.conv.weight'] == pytest.approx(0.05 * 0.8**4)
    assert rates['head.filter.weight'] == rates['encoder.stages.0.norm.scale_MC'] == 0.1
    plain = build_optimizer(model, OptimizerConfig(encoder_factor=0.5)).param_groups
    assert [(g['lr'], g['weight_decay'] > 0) for g in plain] == [
        (6e-5, True), (6e-5, False), (3e-5, True), (3e-5, False)
    ]  # fmt: skip


def test_an_encoder_without_stages_has_no_rates_per_stage(tiny_encoders):
    model = create_model('mle_sam', encoder='hiera_tiny_test', modalities=('rgb',), rank=2)
    with pytest.raises(ConfigError, match=r'layer_decay needs an encoder in stages'):
        build_optimizer(model, OptimizerConfig(layer_decay=0.9))
