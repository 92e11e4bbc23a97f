"""Frozen tensors stay as they are, and so do the statistics of their norms."""

import pytest
import torch
from torch import nn

from mmseg_models.training.engine import training_step
from mmseg_models.training.freezing import freeze
from mmseg_models.training.setup import setup
from mmseg_ros.core.errors import ConfigError


def test_frozen_groups_and_their_norms_stay_and_the_rest_learns(
    recipe, with_fields, tiny_encoders
):
    options = {'encoder': 'efficientnet_lite_tiny_test', 'decoder_dim': 16}
    frozen = ['encoder.stem.*', 'encoder.stages.0.blocks.*', 'head.norm.*']
    recipe = with_fields(recipe, model__options=options, optimizer__frozen=frozen)
    recipe = with_fields(recipe, modality_dropout__probability=0.0)
    run = setup(recipe)
    network = run.trainables.model
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    batches = iter(run.batches)
    for _ in range(2):
        training_step(run, next(batches))
    kept = ('encoder.stem.', 'encoder.stages.0.blocks.', 'head.norm.')
    for name, tensor in network.state_dict().items():
        if 'num_batches' in name:
            continue
        assert torch.equal(tensor, before[name]) == name.startswith(kept), name
    learning = {id(p) for g in run.trainables.optimizer.param_groups for p in g['params']}
    for name, parameter in network.named_parameters():
        assert (id(parameter) in learning) != name.startswith(kept)


def test_a_norm_that_still_learns_is_not_held():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.BatchNorm2d(4))
    assert freeze(network, ['1.*', '2.bias']) == [network[1]]
    assert network[2].weight.requires_grad


@pytest.mark.parametrize(
    ('patterns', 'message'),
    [(['encodr.*'], r"no tensor fits 'encodr\.\*'.*encoder.weight"), (['*'], 'nothing to learn')],
)
def test_patterns_that_fit_nothing_or_all_are_rejected(patterns, message):
    network = nn.ModuleDict({'encoder': nn.Linear(2, 2), 'head': nn.Linear(2, 2)})
    with pytest.raises(ConfigError, match=message):
        freeze(network, patterns)
