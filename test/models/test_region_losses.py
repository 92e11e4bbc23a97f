"""Dice and Lovasz-softmax by their definitions."""

from itertools import permutations

import pytest
import torch

from mmseg_models.region_losses import DiceLoss, LovaszSoftmax, jaccard_gains

LOSSES = (DiceLoss, LovaszSoftmax)


def logits_of(probabilities):
    return torch.tensor(probabilities).log()


def certain(labels, classes=3):
    return 60.0 * torch.nn.functional.one_hot(labels, classes).movedim(-1, 1).float()


@pytest.mark.parametrize('kind', LOSSES)
def test_right_is_zero_and_wrong_is_one(kind):
    labels = torch.tensor([[[0, 1], [2, 2]]])
    assert float(kind()(certain(labels), labels)) == pytest.approx(0.0, abs=1e-6)
    assert float(kind()(certain((labels + 1) % 3), labels)) == pytest.approx(1.0, abs=1e-6)


def test_dice_by_hand():
    probabilities = [[[[0.8, 0.6, 0.3]], [[0.2, 0.4, 0.7]]]]
    loss = DiceLoss()(logits_of(probabilities), torch.tensor([[[0, 0, 1]]]))
    first = 1 - 2 * 1.4 / (1.7 + 2)
    second = 1 - 2 * 0.7 / (1.3 + 1)
    assert float(loss) == pytest.approx((first + second) / 2, rel=1e-5)


def test_at_hard_labels_lovasz_is_one_minus_iou():
    labels = torch.tensor([[[0, 0, 0, 1, 1, 1, 1, 1]]])
    found = torch.tensor([[[0, 1, 1, 1, 1, 1, 1, 0]]])
    expected = ((1 - 1 / 4) + (1 - 4 / 7)) / 2
    assert float(LovaszSoftmax()(certain(found, 2), labels)) == pytest.approx(expected, rel=1e-5)


def test_lovasz_is_the_largest_over_all_orders():
    """The extension of a submodular function is the greatest of the sums over permutations."""
    truth = torch.tensor([1.0, 0.0, 1.0, 0.0, 0.0])
    probabilities = torch.tensor([0.9, 0.4, 0.2, 0.7, 0.1])
    errors = (truth - probabilities).abs()
    value = LovaszSoftmax().of_classes(probabilities[None], truth[None])
    sums = []
    for order in permutations(range(5)):
        chosen = list(order)
        sums.append(float((errors[chosen] * jaccard_gains(truth[None, chosen])[0]).sum()))
    assert float(value) == pytest.approx(max(sums), rel=1e-5)


@pytest.mark.parametrize('kind', LOSSES)
def test_small_and_large_classes_count_alike_unless_weighted(kind):
    labels = torch.zeros(1, 1, 20, dtype=torch.long)
    labels[0, 0, 0] = 1  # one pixel, missed
    found = certain(torch.zeros_like(labels), 2)
    half = float(kind()(found, labels))
    assert 0.5 < half < 0.55
    rare = float(kind(255, torch.tensor([1.0, 9.0]))(found, labels))
    assert 0.9 < rare < 0.92


@pytest.mark.parametrize('kind', LOSSES)
def test_gradient_descent_reaches_the_labels(kind):
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(2, 3, 4, 4, generator=generator, requires_grad=True)
    labels = torch.randint(0, 3, (2, 4, 4), generator=generator)
    labels[0, 0] = 255
    optimizer = torch.optim.Adam([logits], lr=0.3)
    for _ in range(60):
        optimizer.zero_grad()
        kind()(logits, labels).backward()
        optimizer.step()
    right = (logits.argmax(dim=1) == labels)[labels != 255]
    assert right.all()


@pytest.mark.parametrize('kind', LOSSES)
def test_half_precision_logits_are_scored_in_float32(kind):
    logits = torch.randn(1, 2, 3, 3, generator=torch.Generator().manual_seed(3)).bfloat16()
    labels = torch.tensor([[[0, 1, 0], [1, 1, 255], [0, 0, 0]]])
    with torch.autocast('cpu', dtype=torch.bfloat16):
        value = kind()(logits, labels)
    assert value.dtype == torch.float32
    assert torch.equal(value, kind()(logits.float(), labels))
