"""The estimate of a step's memory counts what a step really holds."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from mmseg_models.training import memory
from mmseg_models.training.config import DataConfig, Recipe
from mmseg_models.training.memory import estimate_memory
from mmseg_models.training.run_config import OptimizerConfig

MIB = 2**20
LAYERS, CHANNELS = 8, 512


class Chain(nn.Module):
    """Layers of 1 MiB, each of whose results is kept for the backward pass."""

    def __init__(self, frozen=0):
        super().__init__()
        layers = [nn.Linear(CHANNELS, CHANNELS, bias=False) for _ in range(LAYERS)]
        self.layers = nn.ModuleList(layers)
        for layer in layers[:frozen]:
            layer.requires_grad_(False)

    def training_terms(self, images_BMCHW, available_BM):
        assert available_BM is None
        x = images_BMCHW[:, 0, 0]
        for layer in self.layers:
            x = layer(x).sigmoid()
        return [torch.stack([x, -x], 1)], None


@pytest.fixture(autouse=True)
def _chain(monkeypatch):
    monkeypatch.setattr(memory, 'build_model', lambda *_: Chain())


@pytest.fixture
def recipe():
    """Return a recipe whose images are 1 MiB per channel."""
    data = DataConfig(root='set', modalities=['rgb'], height=512, width=CHANNELS)
    return Recipe(
        run_dir='out', batch_size=1, data=data, optimizer=OptimizerConfig(warmup_steps=0)
    )


def test_weights_optimizer_and_kept_values_are_counted(recipe):
    found = estimate_memory(replace(recipe, batch_size=16))
    assert (found.parameters, found.trainable) == (LAYERS * CHANNELS * CHANNELS,) * 2
    # Weights, their average and AdamW's two moments.
    assert found.held == pytest.approx(4 * LAYERS * MIB, rel=0.01)
    # Images of three channels, labels of 8 bytes, the result of each layer; logits and the loss.
    kept = 16 * (3 + 2 + LAYERS) * MIB
    assert kept < found.peak - found.held < kept + 16 * 10 * MIB


def test_what_is_kept_grows_with_batch_and_image(recipe):
    four, eight, sixteen = (
        estimate_memory(replace(recipe, batch_size=count)) for count in (4, 8, 16)
    )
    assert four.held == eight.held == sixteen.held
    assert sixteen.peak - eight.peak == pytest.approx(2 * (eight.peak - four.peak), rel=0.01)
    tall = replace(recipe, batch_size=4, data=replace(recipe.data, height=1024))
    assert estimate_memory(tall).peak == eight.peak


def test_bf16_keeps_less(recipe):
    full = estimate_memory(replace(recipe, batch_size=16))
    half = estimate_memory(replace(recipe, batch_size=16, precision='bf16'))
    assert half.held == full.held
    assert half.peak < full.peak - 16 * 3 * MIB


def test_what_does_not_learn_has_no_gradient_and_no_moments(recipe, monkeypatch):
    free = estimate_memory(recipe)
    monkeypatch.setattr(memory, 'build_model', lambda *_: Chain(frozen=6))
    frozen = estimate_memory(recipe)
    assert frozen.trainable == free.trainable // 4
    assert free.held - frozen.held == pytest.approx(2 * 6 * MIB, rel=0.01)
    assert free.peak - frozen.peak > (2 * 6 + 4) * MIB


def test_any_step_can_be_asked_on_any_machine(recipe):
    huge = estimate_memory(replace(recipe, batch_size=65536))
    assert huge.peak > 10**12
    assert 'GiB estimated for a step of 65536' in huge.text()
