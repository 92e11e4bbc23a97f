"""The estimate of a step's memory counts what a step really holds."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from mmseg_models.training import memory
from mmseg_models.training.config import DataConfig, ModelConfig, Recipe
from mmseg_models.training.memory import estimate_memory
from mmseg_models.training.referring_config import ReferringData, ReferringRecipe
from mmseg_models.training.run_config import OptimizerConfig

MIB = 2**20


@pytest.fixture
def recipe():
    return Recipe(
        run_dir='out',
        batch_size=2,
        data=DataConfig(root='set', modalities=['rgb', 'depth'], height=64, width=64),
        model=ModelConfig(name='stitchfusion', options={'encoder': 'mit_b0', 'decoder_dim': 16}),
        optimizer=OptimizerConfig(warmup_steps=0),
    )


class Chain(nn.Module):
    """Eight layers of 1 MiB, each of whose results is kept for the backward pass."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(*(nn.Linear(512, 512, bias=False) for _ in range(8)))

    def training_terms(self, images, available):
        x = images.reshape(-1)[: 1024 * 512].reshape(1024, 512)
        for layer in self.layers:
            x = layer(x).sigmoid()
        return [x.reshape(1, 1, 1024, 512).repeat(1, 2, 1, 1)], None


def test_weights_optimizer_and_kept_values_are_counted(monkeypatch, recipe):
    monkeypatch.setattr(memory, 'build_model', lambda *_: Chain())
    one = replace(recipe, batch_size=1, data=replace(recipe.data, height=1024, width=512))
    found = estimate_memory(one)
    assert (found.parameters, found.trainable) == (8 * 512 * 512,) * 2
    # Weights, average and AdamW's two moments: 4 x 8 MiB, and a counter per tensor.
    assert found.held == pytest.approx(32 * MIB, rel=0.01)
    # Image 12 MiB for two modalities, results of eight layers 2 MiB each, then the loss.
    assert found.peak > found.held + 12 * MIB + 8 * 2 * MIB
    assert found.peak < found.held + 12 * MIB + 8 * 2 * MIB + 40 * MIB


def test_larger_batches_and_images_take_more(recipe):
    data = replace(recipe.data, height=256, width=256)
    two, four, eight = (
        estimate_memory(replace(recipe, data=data, batch_size=count)) for count in (2, 4, 8)
    )
    assert two.held == four.held == eight.held
    assert eight.peak - four.peak == pytest.approx(2 * (four.peak - two.peak), rel=0.02)
    wide = estimate_memory(replace(recipe, data=replace(data, width=512)))
    assert wide.peak == pytest.approx(four.peak, rel=0.05)


def test_bf16_takes_less(recipe):
    wide = replace(recipe, data=replace(recipe.data, height=256, width=256))
    full = estimate_memory(wide)
    half = estimate_memory(replace(wide, precision='bf16'))
    assert half.held == full.held
    assert half.peak - half.held < 0.85 * (full.peak - full.held)


def test_what_does_not_learn_has_no_gradient(recipe):
    model = ModelConfig(name='mle_sam', options={'encoder': 'hiera_tiny', 'rank': 4})
    frozen = estimate_memory(replace(recipe, model=model))
    trained = replace(model, options={**model.options, 'train_base': True})
    free = estimate_memory(replace(recipe, model=trained))
    assert frozen.trainable < frozen.parameters == free.trainable
    moments = 8 * (free.trainable - frozen.trainable)
    assert free.held - frozen.held == pytest.approx(moments, rel=0.01)


def test_text_prompts_count_too():
    options = {
        'encoder': 'mit_b0', 'text': 'bert_short', 'depths': [1, 0, 0, 0], 'align_dim': 16,
        'head_dim': 16, 'decoder_dim': 16,
    }  # fmt: skip
    recipe = ReferringRecipe(
        run_dir='out',
        options=options,
        data=ReferringData(roots=['set'], height=64, width=64, images=2, sentences=1),
    )
    one = estimate_memory(recipe)
    three = estimate_memory(replace(recipe, data=replace(recipe.data, sentences=3)))
    assert one.held == three.held
    assert three.peak > one.peak


def test_nothing_is_computed(recipe):
    """A step of a terabyte is estimated on any machine."""
    huge = replace(recipe, batch_size=4096, data=replace(recipe.data, height=512, width=512))
    assert estimate_memory(huge).peak > 10**12
    assert torch.zeros(1).item() == 0.0
