"""Parts of a batch: their losses and gradients add up to those of the whole."""

from pathlib import Path

import pytest
import torch

from mmseg_models.training.checkpoint import latest_checkpoint
from mmseg_models.training.config import DistillationConfig
from mmseg_models.training.engine import train, training_step
from mmseg_models.training.parts import part_rows
from mmseg_models.training.setup import setup
from mmseg_ros.core.errors import ConfigError

PLAIN = {'encoder': 'mit_b0', 'adapter': 'shared', 'fuse': 'sum', 'decoder_dim': 16}
STILL = {**PLAIN, 'drop_path': 0.0, 'adapter_dropout': 0.0}


@pytest.fixture
def whole(recipe, with_fields):
    """Return a recipe without anything that a part of a batch does differently."""
    return with_fields(
        recipe,
        batch_size=4,
        model__options=STILL,
        model__batch_norm='running',
        loss__name='cross_entropy',
        modality_dropout__per='sample',
        modality_dropout__probability=0.7,
    )


def one_step(recipe, ignored):
    """Return the loss of the first step, its gradients and the step's batch."""
    run = setup(recipe)
    batch = next(iter(run.batches))
    batch.labels[0, : int(ignored * batch.labels.shape[1])] = 255
    gradients = {}
    run.wrapped_optimizer.zero_grad = lambda: gradients.update(
        (name, p.grad.clone())
        for name, p in run.trainables.model.named_parameters()
        if p.grad is not None
    )
    loss, norm = training_step(run, batch)
    return float(loss), float(norm), gradients


@pytest.mark.parametrize(
    'changes',
    [
        {},
        {'loss__rarity_power': 0.5},
        {'loss__name': 'lovasz', 'loss__class_weights': 'from_frequencies'},
        {'loss__terms': {'cross_entropy': 1.0, 'dice': 0.5}},
        {'distillation': DistillationConfig(logits=0.5)},
    ],
)
@pytest.mark.parametrize('accumulate', [2, 4])
def test_accumulated_gradients_are_those_of_the_whole_batch(
    whole, with_fields, tmp_path, changes, accumulate
):
    recipe = with_fields(whole, **changes)
    parts = with_fields(recipe, accumulate=accumulate, run_dir=str(tmp_path / 'parts'))
    expected_loss, expected_norm, expected = one_step(recipe, ignored=0.75)
    loss, norm, gradients = one_step(parts, ignored=0.75)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert norm == pytest.approx(expected_norm, rel=1e-4)
    assert gradients.keys() == expected.keys()
    for name, gradient in gradients.items():
        scale = float(expected[name].abs().max()) + 1e-6
        assert torch.allclose(gradient / scale, expected[name] / scale, atol=2e-4), name


def test_without_weighing_uneven_parts_would_differ(whole, with_fields, tmp_path, monkeypatch):
    monkeypatch.setattr(
        'mmseg_models.training.segmentation.shares_of_parts',
        lambda fabric, loss, labels, rows: [torch.tensor([1.0 / len(rows)]) for _ in rows],
    )
    expected, _, _ = one_step(whole, ignored=1.0)
    parts = with_fields(whole, accumulate=2, run_dir=str(tmp_path / 'parts'))
    loss, _, _ = one_step(parts, ignored=1.0)
    assert loss != pytest.approx(expected, rel=1e-5)


def test_accumulated_run_writes_checkpoints_and_scores(whole, with_fields):
    scores = train(with_fields(whole, accumulate=4, steps=3))
    assert set(scores) == {'rgb+lidar', 'rgb', 'lidar'}
    assert latest_checkpoint(Path(whole.run_dir)).name == 'step_00000003'


def test_parts_are_equal_or_the_recipe_is_rejected(whole, with_fields):
    assert part_rows(6, 3) == [slice(0, 2), slice(2, 4), slice(4, 6)]
    with pytest.raises(ConfigError, match=r'multiple of accumulate.*4, 3 and 1'):
        setup(with_fields(whole, accumulate=3))
