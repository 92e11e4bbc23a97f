"""Losses against reference values and by their definition."""

import numpy as np
import pytest
import torch

from mmseg_models.loss_sum import LossSum, create_loss
from mmseg_models.losses import CrossEntropy, OhemCrossEntropy
from mmseg_models.training.config import LOSSES
from mmseg_ros.core.errors import ConfigError


@pytest.fixture
def golden() -> tuple[torch.Tensor, torch.Tensor]:
    k = np.arange(1, 641, dtype=np.float64)
    u = np.modf(np.sin(12.9898 * k) * 43758.5453)[0] % 1.0
    labels = (7 * np.arange(128)) % 6
    labels[labels == 5] = 255
    logits = torch.from_numpy((6 * u - 3).reshape(2, 5, 8, 8)).float()
    return logits, torch.from_numpy(labels.reshape(2, 8, 8))


def test_reference_values(golden):
    logits, labels = golden
    assert int((labels != 255).sum()) == 107
    assert float(OhemCrossEntropy()(logits, labels)) == pytest.approx(2.785372, abs=1e-5)
    assert float(CrossEntropy()(logits, labels)) == pytest.approx(2.687948, abs=1e-5)


def test_reference_value_when_hardly_a_pixel_is_hard(golden):
    logits, labels = golden
    easy = 0.01 * logits
    valid = labels != 255
    easy[valid.unsqueeze(1).expand_as(easy) & one_hot(labels)] = 0.0
    easy += 8.0 * one_hot(labels) + 0.01 * logits * one_hot(labels)
    assert float(OhemCrossEntropy()(easy, labels)) == pytest.approx(0.00138862, abs=1e-6)


def one_hot(labels):
    return torch.stack([labels == k for k in range(5)], dim=1)


def test_ohem_takes_only_hard_pixels():
    logits = torch.zeros(1, 2, 1, 4)
    logits[0, 0] = torch.tensor([9.0, 9.0, -9.0, 0.0])
    loss = OhemCrossEntropy()(logits, torch.zeros(1, 1, 4, dtype=torch.long))
    assert float(loss) == pytest.approx((9.0 + np.log(2)) / 2, abs=1e-3)


@pytest.mark.parametrize('name', LOSSES)
def test_ignored_pixels_have_no_influence(name, golden):
    logits, labels = golden
    logits.requires_grad_()
    loss = create_loss(name, 255, 0.7)
    value = loss(logits, labels)
    value.backward()
    ignored = (labels == 255).unsqueeze(1).expand_as(logits)
    assert torch.all(logits.grad[ignored] == 0)
    changed = torch.where(ignored, torch.full_like(logits, 50.0), logits)
    assert torch.equal(loss(changed, labels), value)


@pytest.mark.parametrize('name', LOSSES)
def test_no_labelled_pixel_gives_zero(name, golden):
    logits, labels = golden
    logits.requires_grad_()
    value = create_loss(name, 255, 0.7)(logits, torch.full_like(labels, 255))
    value.backward()
    assert value.item() == 0.0
    assert torch.isfinite(logits.grad).all()


def test_bfloat16_logits_are_scored_in_float32(golden):
    logits, labels = golden
    value = CrossEntropy()(logits.bfloat16(), labels)
    assert value.dtype == torch.float32
    assert torch.equal(value, CrossEntropy()(logits.bfloat16().float(), labels))


def test_unknown_loss_and_threshold_are_rejected():
    with pytest.raises(ConfigError, match='cross_entropy'):
        create_loss('focal', 255, 0.7)
    with pytest.raises(ConfigError, match='threshold'):
        OhemCrossEntropy(threshold=1.0)


def test_class_weights_count_the_pixels_of_a_class_more():
    logits = torch.randn(1, 3, 1, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[[0, 1, 1, 255]]])
    weights = torch.tensor([3.0, 1.0, 7.0])
    each = -logits.log_softmax(dim=1)[0, :, 0]
    expected = (3 * each[0, 0] + each[1, 1] + each[1, 2]) / 5
    loss = create_loss('cross_entropy', 255, 0.7, weights)
    assert float(loss(logits, labels)) == pytest.approx(float(expected), rel=1e-5)


def test_weighted_loss_without_a_labelled_pixel_is_zero():
    loss = CrossEntropy(255, torch.tensor([2.0, 1.0]))
    assert float(loss(torch.randn(1, 2, 1, 2), torch.full((1, 1, 2), 255))) == 0.0


def test_hard_pixels_of_a_weighted_class_count_more():
    logits = torch.zeros(1, 2, 1, 4)
    logits[0, 0] = torch.tensor([9.0, -2.0, 1.0, 0.0])
    labels = torch.tensor([[[0, 0, 1, 255]]])
    each = -logits.log_softmax(dim=1)[0, :, 0]
    expected = (3.0 * each[0, 1] + 5.0 * each[1, 2]) / 8.0  # the first pixel is easy
    loss = OhemCrossEntropy(255, 0.7, torch.tensor([3.0, 5.0]))
    assert float(loss(logits, labels)) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize('name', ['cross_entropy', 'dice', 'lovasz'])
@pytest.mark.parametrize('weighted', [False, True])
def test_parts_of_a_batch_add_up_to_the_loss_of_the_whole(name, weighted):
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(4, 3, 5, 6, generator=generator)
    labels = torch.randint(0, 3, (4, 5, 6), generator=generator)
    labels[0, :4] = 255
    labels[3] = 255
    weights = torch.tensor([0.5, 1.0, 4.0]) if weighted else None
    loss = LossSum([(create_loss(name, 255, 0.7, weights), 2.0)])
    total = loss.amounts(labels)
    parts = [
        loss(logits[rows], labels[rows], loss.amounts(labels[rows]) / total)
        for rows in (slice(0, 1), slice(1, 4))
    ]
    assert float(sum(parts)) == pytest.approx(float(loss(logits, labels)), rel=1e-5)


def test_a_sum_weighs_its_losses(golden):
    logits, labels = golden
    both = LossSum([(create_loss(n, 255, 0.7), w) for n, w in (('dice', 0.5), ('ohem', 2.0))])
    expected = 0.5 * create_loss('dice', 255, 0.7)(logits, labels)
    expected += 2.0 * OhemCrossEntropy()(logits, labels)
    assert float(both(logits, labels)) == pytest.approx(float(expected), rel=1e-6)
