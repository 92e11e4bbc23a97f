"""The average with all sensors teaches the subsets, and nothing else."""

import copy

import pytest
import torch

from mmseg_models import create_model
from mmseg_models.training.config import DistillationConfig
from mmseg_models.training.distillation import Distillation, feature_distance, logits_divergence

ALL = torch.ones(2, 3, dtype=torch.bool)
SOME = torch.tensor([[True, False, True]]).repeat(2, 1)


@pytest.fixture
def networks(tiny_encoders):
    torch.manual_seed(0)
    student = create_model(
        'stitchfusion',
        encoder='efficientnet_lite_tiny_test',
        modalities=('rgb', 'depth', 'lidar'),
        num_classes=5,
        decoder_dim=16,
    )
    return student.train(), copy.deepcopy(student)


@pytest.fixture
def images():
    return torch.randn(2, 3, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def loss_of(networks, config, images, available, step=10):
    student, teacher = networks
    distillation = Distillation(student, teacher, DistillationConfig(**config))
    outputs, _ = student.training_terms(images, available)
    return distillation(step, images, bool(available.all()), outputs)


def test_subset_is_pulled_and_the_teacher_is_not(networks, images):
    loss = loss_of(networks, {'logits': 1.0, 'features': 1.0}, images, SOME)
    assert loss > 0
    loss.backward()
    student, teacher = networks
    assert student.fuse[0].mix.weight.grad.any()
    assert all(p.grad is None for p in teacher.parameters())
    assert not teacher.training


@pytest.mark.parametrize(
    ('config', 'available', 'step'),
    [
        ({'logits': 1.0}, ALL, 10),
        ({'logits': 0.0}, SOME, 10),
        ({'logits': 1.0, 'start_step': 11}, SOME, 10),
    ],
)
def test_no_loss_where_there_is_nothing_to_teach(networks, images, config, available, step):
    assert loss_of(networks, config, images, available, step) is None


def test_both_weights_scale_their_losses(networks, images):
    networks[0].eval()
    found = [
        loss_of(networks, config, images, SOME).item()
        for config in (
            {'logits': 1.0},
            {'features': 1.0},
            {'logits': 2.0, 'features': 3.0},
        )
    ]
    assert found[2] == pytest.approx(2 * found[0] + 3 * found[1], rel=1e-4)


def test_forward_passes_of_the_teacher_elsewhere_leave_nothing_behind(networks, images):
    student, teacher = networks
    distillation = Distillation(student, teacher, DistillationConfig(features=1.0))
    losses = []
    for _ in range(2):
        teacher(images)  # as validation does
        outputs, _ = student.eval().training_terms(images, SOME)
        losses.append(distillation(0, images, False, outputs).item())
    assert losses[0] == losses[1] > 0


def test_equal_predictions_and_features_are_at_distance_zero():
    logits = torch.randn(1, 4, 8, 8)
    assert float(logits_divergence(logits, logits, 2.0)) == pytest.approx(0.0, abs=1e-6)
    assert float(feature_distance(logits, logits)) == 0.0


def test_divergence_by_its_definition():
    student, teacher = torch.tensor([0.0, 1.0]), torch.tensor([2.0, -1.0])
    p, q = (teacher / 2).softmax(0), (student / 2).softmax(0)
    expected = 4 * (p * (p / q).log()).sum()
    found = logits_divergence(student[None, :, None, None], teacher[None, :, None, None], 2.0)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_features_are_compared_relative_to_their_power():
    target = torch.full((1, 2, 2, 2), 10.0)
    assert float(feature_distance(target + 1, target)) == pytest.approx(0.01)
