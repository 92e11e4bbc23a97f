"""Crops, scales and mirrored images: what the network is shown and how its answers are joined."""

import numpy as np
import pytest
import torch

from mmseg_models.training.config import ValidationConfig
from mmseg_models.training.normalization import Normalization
from mmseg_models.training.views import Views, starts
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.datasets.statistics import ChannelStatistics
from mmseg_ros.encoding.resize import mirrored, resize_images

PLAIN = ChannelStatistics((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255))
ENCODINGS = ('rgb', 'range_intensity_height', 'aolp_sincos')


@pytest.fixture
def normalization():
    return Normalization(dict.fromkeys(('rgb', 'lidar', 'aolp'), PLAIN))


@pytest.fixture
def images():
    return torch.from_numpy(
        np.random.default_rng(5).integers(1, 256, (2, 3, 16, 24, 3)).astype(np.uint8)
    )


def first_channels(images_BMCHW):
    """Logits of three classes that are pixel values, so that no pixel depends on another."""
    return images_BMCHW[:, 0] / 64.0


@pytest.mark.parametrize(
    ('size', 'crop', 'stride'), [(10, 4, 0), (10, 4, 3), (10, 10, 0), (9, 4, 4)]
)
def test_crops_cover_a_side_and_end_at_its_end(size, crop, stride):
    first = starts(size, crop, stride)
    assert first[0] == 0
    assert first[-1] + crop == size
    assert set(range(size)) == {pixel for start in first for pixel in range(start, start + crop)}
    assert len(first) == len(set(first))


@pytest.mark.parametrize('stride', [0, 3])
def test_crops_of_a_network_without_context_change_nothing(normalization, images, stride):
    views = Views(normalization, ENCODINGS, crop=(8, 8), stride=stride, divisor=8)
    whole = Views(normalization, ENCODINGS, divisor=8)
    seen = []

    def watched(x):
        seen.append(tuple(x.shape[-2:]))
        return first_channels(x)

    found = views.logits(watched, views.looks(images))
    expected = whole.logits(first_channels, whole.looks(images))
    assert set(seen) == {(8, 8)}
    assert torch.allclose(found, expected, atol=1e-5)


def test_overlapping_crops_are_averaged(normalization, images):
    views = Views(normalization, ENCODINGS, crop=(16, 16), stride=8, divisor=8)
    answers = iter([0.0, 4.0])
    logits = views.logits(lambda x: torch.full((2, 1, 16, 16), next(answers)), views.looks(images))
    columns = logits[0, 0, 0].tolist()
    assert columns == [0.0] * 8 + [2.0] * 8 + [4.0] * 8


def test_a_mirrored_look_is_as_a_mirrored_camera_sees_it_and_turned_back(normalization, images):
    views = Views(normalization, ENCODINGS, flip=True, divisor=8)
    straight, turned = views.looks(images)
    assert turned.is_mirrored
    planes = images[0].numpy()
    expected = np.stack([mirrored(p, e) for p, e in zip(planes, ENCODINGS, strict=True)])
    assert torch.equal(turned.images[0], normalization(torch.from_numpy(expected)[None])[0])
    found = views.logits(first_channels, [straight, turned])
    assert torch.allclose(found.exp(), first_channels(straight.images).softmax(1), atol=1e-5)


def test_other_scales_are_made_by_encoding_and_fit_the_network(normalization, images):
    views = Views(normalization, ENCODINGS, scales=(1.0, 0.6, 2.0), divisor=8)
    looks = views.looks(images)
    assert [tuple(look.images.shape[-2:]) for look in looks] == [(16, 24), (8, 16), (32, 48)]
    expected = resize_images(images[1].numpy(), ENCODINGS, 8, 16)
    assert torch.equal(looks[1].images[1], normalization(torch.from_numpy(expected)[None])[0])


def test_probabilities_of_the_looks_are_averaged(normalization, images):
    views = Views(normalization, ENCODINGS, scales=(1.0, 2.0), divisor=8)
    answers = iter([torch.tensor([0.0, 2.0]), torch.tensor([3.0, 0.0])])

    def answer(x):
        return next(answers).view(1, 2, 1, 1).expand(2, 2, *x.shape[-2:])

    found = views.logits(answer, views.looks(images)).exp()[0, :, 3, 3]
    expected = torch.tensor([0.0, 2.0]).softmax(0) + torch.tensor([3.0, 0.0]).softmax(0)
    assert torch.allclose(found, expected / 2, atol=1e-6)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'crop_height': 48, 'crop_width': 64}, 'multiples of 32'),
        ({'crop_height': 64, 'crop_width': 32, 'stride': 40}, 'stride is 40'),
        ({'stride': 8}, 'stride is 8'),
    ],
)
def test_crops_that_cannot_be_are_rejected(normalization, changes, message):
    with pytest.raises(ConfigError, match=message):
        Views.of(ValidationConfig(**changes), normalization, ENCODINGS, 32)


def test_scales_out_of_range_are_rejected():
    with pytest.raises(ConfigError, match=r'validation.scales'):
        ValidationConfig(scales=[1.0, 0.0])
