"""Scores per sensor subset, against a network whose answers are known."""

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import nn
from torchmetrics.classification import MulticlassJaccardIndex

from mmseg_models.fitted import labels_on_image
from mmseg_models.training.loading import Batch
from mmseg_models.training.normalization import Normalization
from mmseg_models.training.validation import Score, SubsetScorer, best_subset, decisive
from mmseg_models.training.views import Views
from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.labels import LabelClass, LabelSpace
from mmseg_ros.datasets.statistics import ChannelStatistics
from mmseg_ros.encoding.resize import fitted_images
from mmseg_ros.projection.fit import Fit

SPACE = LabelSpace(
    'three', tuple(LabelClass(i, name, (i, i, i), '') for i, name in enumerate('abc')), 255
)
PLAIN = ChannelStatistics((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255))
MODALITIES = ('rgb', 'lidar')


class FirstAvailable(nn.Module):
    """The label is the pixel value of the first modality that is there, at a given size."""

    def forward(self, images_BMCHW, available_BM):
        first = available_BM.int().argmax(dim=1)
        values_BHW = images_BMCHW[torch.arange(len(first)), first, 0]
        return torch.stack([-(values_BHW - k).abs() for k in range(3)], dim=1)


def plain(normalization):
    return Views(normalization, ('rgb', 'rgb'), divisor=1)


@pytest.fixture
def scorer():
    normalization = Normalization(dict.fromkeys(MODALITIES, PLAIN))
    return SubsetScorer(Fabric(accelerator='cpu'), plain(normalization), SPACE, MODALITIES)


@pytest.fixture
def batches():
    rng = np.random.default_rng(0)
    made = []
    for _ in range(3):
        truth = rng.integers(0, 3, (2, 8, 12))
        images = np.zeros((2, 2, 8, 12, 3), np.uint8)
        images[:, 0] = truth[..., None]
        images[:, 1] = rng.integers(0, 3, (2, 8, 12))[..., None]
        truth[rng.random(truth.shape) < 0.1] = 255
        made.append(Batch(torch.from_numpy(images), torch.from_numpy(truth), ['x', 'y']))
    return made


def test_scores_follow_what_is_available(scorer, batches):
    scores = scorer(FirstAvailable(), batches, [('rgb', 'lidar'), ('rgb',), ('lidar',)])
    assert list(scores) == ['rgb+lidar', 'rgb', 'lidar']
    assert scores['rgb'] == scores['rgb+lidar']
    assert scores['rgb'].miou == scores['rgb'].accuracy == 1.0
    assert scores['rgb'].iou == {'a': 1.0, 'b': 1.0, 'c': 1.0}
    reference = MulticlassJaccardIndex(3, ignore_index=255)
    for batch in batches:
        reference.update(batch.images[:, 1, ..., 0].long(), batch.labels)
    assert scores['lidar'].miou == pytest.approx(float(reference.compute()), abs=1e-6)
    assert decisive(scores) == pytest.approx((2 + scores['lidar'].miou) / 3)


def test_logits_are_brought_to_the_size_of_the_labels(scorer):
    labels = torch.zeros(1, 16, 24, dtype=torch.long)
    labels[:, :, 12:] = 2
    images = torch.zeros(1, 2, 8, 12, 3, dtype=torch.uint8)
    images[:, 0, :, 6:] = 2
    scores = scorer(FirstAvailable(), [Batch(images, labels, ['x'])], [('rgb',)])
    assert scores['rgb'].accuracy > 0.9
    assert scores['rgb'].iou['b'] is None or scores['rgb'].iou['b'] == 0.0


def test_absent_class_is_none(scorer):
    images = torch.zeros(1, 2, 8, 12, 3, dtype=torch.uint8)
    batch = Batch(images, torch.zeros(1, 8, 12, dtype=torch.long), ['x'])
    score = scorer(FirstAvailable(), [batch], [('rgb',)])['rgb']
    assert score == Score(miou=1.0, accuracy=1.0, iou={'a': 1.0, 'b': None, 'c': None})


def test_normalization_is_mean_and_deviation():
    statistics = {
        'rgb': ChannelStatistics((0.5, 0.4, 0.3), (0.1, 0.2, 0.3)),
        'lidar': ChannelStatistics((0.0, 0.1, 0.2), (1.0, 0.5, 0.25)),
    }
    images = torch.randint(0, 256, (2, 2, 4, 5, 3), dtype=torch.uint8)
    result = Normalization(statistics)(images)
    assert result.shape == (2, 2, 3, 4, 5)
    for m, item in enumerate(statistics.values()):
        for c in range(3):
            expected = (images[:, m, ..., c] / 255.0 - item.mean[c]) / item.std[c]
            assert torch.allclose(result[:, m, c], expected, atol=1e-5)


@pytest.mark.parametrize(('aspect', 'ignored'), [('auto', 0), ('letterbox', 0), ('crop', 48)])
def test_wide_images_are_compared_where_they_lie(aspect, ignored):
    normalization = Normalization(dict.fromkeys(MODALITIES, PLAIN))
    scorer = SubsetScorer(
        Fabric(accelerator='cpu'), plain(normalization), SPACE, MODALITIES, aspect
    )
    truth = np.tile(np.repeat([0, 2, 1, 2], 24), (16, 1))
    pixels = np.repeat(np.repeat(truth[..., None], 3, axis=-1)[None], 2, axis=0).astype(np.uint8)
    fit = Fit.of((16, 96), (8, 24), aspect)
    # Nearest for all: the label is the value of the pixel, and values must not be mixed.
    images = fitted_images(pixels, ('hha', 'hha'), fit)[None]
    images = torch.from_numpy(images)
    labels = scorer.predict(FirstAvailable(), images, MODALITIES, (16, 96))[0]
    assert int((labels == 255).any(dim=0).sum()) == ignored
    seen = labels != 255
    assert (labels.numpy() == truth)[seen.numpy()].mean() > 0.9


def test_logits_on_padding_are_dropped():
    fit = Fit.of((10, 60), (20, 30))
    logits = torch.zeros(1, 2, 20, 30)
    row = fit.offset[0]
    logits[:, 1] = 5.0
    logits[:, 1, row : row + fit.scaled_height] = -5.0
    assert not labels_on_image(logits, fit, 255).any()


SCORES = {
    'rgb+lidar': Score(0.9, 0.8, {}, 0.5),
    'rgb': Score(0.5, 0.9, {}, 0.25),
    'lidar': Score(0.1, 0.4, {}, 1.5),
}


@pytest.mark.parametrize(
    ('best_by', 'best_of', 'expected'),
    [
        ('miou', '', 0.5),
        ('miou', 'rgb+lidar', 0.9),
        ('accuracy', '', 0.7),
        ('accuracy', 'lidar', 0.4),
        ('loss', '', -0.75),
        ('loss', 'rgb', -0.25),
    ],
)
def test_what_decides_is_the_metric_asked_for(best_by, best_of, expected):
    assert decisive(SCORES, best_by, best_of) == pytest.approx(expected)


def test_the_subset_that_decides_is_scored_or_the_recipe_is_rejected():
    scored = [('rgb', 'lidar'), ('rgb',)]
    assert best_subset('lidar+rgb', scored, MODALITIES) == 'rgb+lidar'
    assert best_subset('', scored, MODALITIES) == ''
    with pytest.raises(ConfigError, match=r'best_of is lidar.*rgb\+lidar, rgb'):
        best_subset('lidar', scored, MODALITIES)


def test_the_loss_is_the_mean_over_the_frames(batches):
    normalization = Normalization(dict.fromkeys(MODALITIES, PLAIN))
    loss = nn.CrossEntropyLoss(ignore_index=255)
    scorer = SubsetScorer(
        Fabric(accelerator='cpu'), plain(normalization), SPACE, MODALITIES, loss=loss
    )
    short = Batch(batches[0].images[:1], batches[0].labels[:1], ['z'])
    scores = scorer(FirstAvailable(), [short, batches[1]], [('rgb',)])
    model, row = FirstAvailable(), torch.tensor([[True, False]])
    each = [
        float(loss(model(normalization(b.images), row.repeat(len(b.labels), 1)), b.labels))
        for b in (short, batches[1])
    ]
    assert scores['rgb'].loss == pytest.approx((each[0] + 2 * each[1]) / 3, rel=1e-5)
    assert 'loss' in scores['rgb'].to_dict()
    assert 'loss' not in Score(0.5, 0.5, {}).to_dict()
