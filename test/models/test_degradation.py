"""How the input is degraded for EMM, RMM and NM."""

import pytest
import torch

from mmseg_models.degradation import (
    NOISE_LEVELS,
    with_noise,
    without_elements,
    without_modalities,
)

NAMES = ('rgb', 'depth', 'event', 'lidar')


@pytest.fixture
def images():
    return 1.0 + torch.rand((2, 4, 3, 40, 50), generator=torch.Generator().manual_seed(0))


def _generator():
    return torch.Generator().manual_seed(1)


def test_missing_modalities_are_zero_and_the_others_untouched(images):
    degraded = without_modalities(images, [1, 3])
    assert not degraded[:, [1, 3]].any()
    assert torch.equal(degraded[:, [0, 2]], images[:, [0, 2]])
    assert images.min() > 0
    assert torch.equal(without_modalities(images, []), images)


@pytest.mark.parametrize('rate', [0.25, 0.75])
def test_elements_are_zeroed_one_by_one_at_the_rate(images, rate):
    degraded = without_elements(images, [2], rate, _generator())
    gone = degraded[:, 2] == 0
    assert gone.float().mean().item() == pytest.approx(rate, abs=0.02)
    assert torch.equal(degraded[:, 2][~gone], images[:, 2][~gone])
    assert torch.equal(degraded[:, [0, 1, 3]], images[:, [0, 1, 3]])
    # Per channel and pixel, not per pixel: channels disagree.
    assert (gone[:, 0] != gone[:, 1]).any()


def test_equal_generators_spoil_alike(images):
    a, b = (without_elements(images, [0], 0.5, _generator()) for _ in range(2))
    assert torch.equal(a, b)
    a, b = (with_noise(images, NAMES, 'mid', _generator()) for _ in range(2))
    assert torch.equal(a, b)


@pytest.mark.parametrize('level', NOISE_LEVELS)
def test_events_get_salt_and_pepper_and_no_gaussian_noise(images, level):
    density, deviation = NOISE_LEVELS[level]
    degraded = with_noise(images, NAMES, level, _generator())
    event = images[:, 2]
    changed = degraded[:, 2] != event
    assert set(degraded[:, 2][changed].tolist()) <= {event.max().item(), event.min().item()}
    # Places are drawn with replacement, and pepper falls on salt.
    assert 0.85 * density < changed.float().mean().item() <= density
    moved = degraded[:, 0] - images[:, 0]
    assert (moved != 0).float().mean() > 0.99
    assert moved.median().item() == pytest.approx(0.0, abs=0.05)
    assert moved.abs().median().item() > 0.5 * deviation
