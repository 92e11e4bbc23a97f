import numpy as np
import pytest
import torch

from mmseg_models.export.onnx_graph import Answer, Normalization


def test_confidence_is_the_softmax_at_its_maximum():
    logits = torch.randn(1, 7, 6, 9, generator=torch.Generator().manual_seed(1)) * 4
    labels, confidence = Answer(6, 9)(logits)
    expected = logits.softmax(dim=1).max(dim=1)
    assert torch.equal(labels.long(), expected.indices)
    assert torch.equal(confidence.float(), (255 * expected.values).round())


def test_the_answer_comes_at_the_size_asked_for_by_bilinear_logits():
    logits = torch.randn(1, 7, 6, 9, generator=torch.Generator().manual_seed(1))
    labels, _ = Answer(24, 36)(logits)
    up = torch.nn.functional.interpolate(logits, size=(24, 36), mode='bilinear')
    assert torch.equal(labels.long(), up.argmax(dim=1))


@pytest.mark.parametrize('bad', [float('nan'), float('inf')])
def test_scores_that_are_no_numbers_have_confidence_zero_and_others_never(bad):
    logits = torch.randn(1, 25, 4, 5, generator=torch.Generator().manual_seed(1))
    logits[0, 3, 1, 2] = bad
    _, confidence = Answer(4, 5)(logits)
    assert confidence[0, 1, 2] == 0
    assert (confidence == 0).sum() == 1
    _, flat = Answer(4, 5)(torch.zeros(1, 255, 4, 5))
    assert (flat == 1).all()


def test_normalization_takes_the_statistics_of_the_images_it_gets():
    mean = torch.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]])
    std = mean / 2
    images = torch.randint(0, 256, (1, 3, 4, 5, 3), dtype=torch.uint8)
    whole = Normalization(mean, std)(images)
    expected = (images.numpy() / 255 - mean.numpy()[None, :, None, None]) / std.numpy()[
        None, :, None, None
    ]
    np.testing.assert_allclose(whole.numpy(), expected.transpose(0, 1, 4, 2, 3), atol=1e-5)
    part = Normalization(mean, std)(images[:, [0, 2]], torch.tensor([0, 2]))
    assert torch.equal(part, whole[:, [0, 2]])
