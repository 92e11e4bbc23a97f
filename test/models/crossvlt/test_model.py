"""What CrossVLT promises whoever calls it."""

import pytest
import torch

from mmseg_models import list_models
from mmseg_models.crossvlt.losses import ReferringLoss, dice_loss
from mmseg_models.crossvlt.model import similarity
from mmseg_ros.core.errors import ConfigError


def test_it_is_the_referring_model():
    assert list_models('referring') == ['crossvlt']
    assert 'crossvlt' not in list_models('segmentation')
    assert 'crossvlt' in list_models()


@pytest.mark.parametrize('options', [{}, {'encoder': 'mit_tiny_test'}, {'coordinates': True}])
def test_logits_have_the_size_of_the_image(build, images, sentences, options):
    with torch.inference_mode():
        logits = build(**options)(images, *sentences)
    assert logits.shape == (2, 2, 64, 96)
    assert logits.isfinite().all()


def test_cached_text_gives_the_same_as_everything_at_once(build, images, sentences):
    model, (ids, mask) = build(), sentences
    with torch.inference_mode():
        text_NLC = model.encode_text(ids, mask)
        assert torch.equal(model.segment(images, text_NLC, mask), model(images, ids, mask))


def test_a_batch_gives_what_single_sentences_give(build, images, sentences):
    model, (ids, mask) = build(), sentences
    with torch.inference_mode():
        together = model(images, ids, mask)
        for n in range(2):
            alone = model(images[n : n + 1], ids[n : n + 1], mask[n : n + 1])
            torch.testing.assert_close(together[n : n + 1], alone, rtol=1e-3, atol=3e-3)


def test_several_sentences_about_one_image(build, images, sentences):
    model, (ids, mask) = build(), sentences
    with torch.inference_mode():
        shared = model(images[:1], ids, mask)
        repeated = model(images[:1].repeat(2, 1, 1, 1), ids, mask)
    torch.testing.assert_close(shared, repeated, rtol=1e-3, atol=3e-3)
    assert not torch.allclose(shared[0], shared[1], atol=1e-3)


@pytest.mark.parametrize('rubbish', [7, 39])
def test_padding_has_no_influence(build, images, sentences, rubbish):
    model, (ids, mask) = build(), sentences
    other = torch.where(mask, ids, rubbish)
    shorter = ids[:, :6], mask[:, :6]
    with torch.inference_mode():
        logits = model(images, ids, mask)
        torch.testing.assert_close(model(images, other, mask), logits, rtol=1e-3, atol=3e-3)
        torch.testing.assert_close(model(images, *shorter), logits, rtol=1e-3, atol=3e-3)


def test_image_and_words_both_count(build, images, sentences):
    model, (ids, mask) = build(), sentences
    changed = ids.clone()
    changed[:, 1] += 1
    with torch.inference_mode():
        logits = model(images, ids, mask)
        assert not torch.allclose(model(images, changed, mask), logits, atol=1e-3)
        assert not torch.allclose(model(images.flip(3), ids, mask), logits, atol=1e-3)


def test_words_hear_of_the_image(build, images, sentences):
    model = build()
    heard = []
    model.text_stages[2].register_forward_hook(lambda _, __, out: heard.append(out))
    with torch.inference_mode():
        model(images, *sentences)
        model(images.flip(3), *sentences)
    assert not torch.allclose(heard[0], heard[1], atol=1e-3)


def test_gradients_reach_every_tensor_also_the_temperature(build, images, sentences):
    model = build(coordinates=True, drop_path=0.0, dropout=0.0).train()
    masks = torch.zeros(2, 64, 96, dtype=torch.bool)
    masks[:, 10:30, 20:50] = True
    ReferringLoss()(model.read(images, *sentences), masks).backward()
    missed = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    # A bias before a normalization over the tokens, or of keys, changes nothing; what the last
    # gate adds is read by no further stage, in the reference as here.
    idle = ('query.bias', 'key.bias', 'output.bias', 'fusions.3.squeeze.weight',
            'fusions.3.excite.weight')  # fmt: skip
    missed = [n for n in missed if not n.endswith(idle)]
    assert not missed, missed


def test_temperature_is_learned(build, images, sentences):
    model = build().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    masks = torch.zeros(2, 64, 96, dtype=torch.bool)
    ReferringLoss()(model.read(images, *sentences), masks).backward()
    optimizer.step()
    assert (model.temperature != 1.0).all()


def test_similarity_is_a_cosine():
    sentence = torch.tensor([[3.0, 0.0]])
    pixels = torch.tensor([[[2.0, 0.0], [0.0, 5.0], [-1.0, 0.0], [1.0, 1.0]]])
    cosine = similarity(pixels, sentence, (2, 2))
    torch.testing.assert_close(cosine[0, 0], torch.tensor([[1.0, 0.0], [-1.0, 0.5**0.5]]))


def test_temperature_divides_the_similarities(build, images, sentences):
    model = build()
    with torch.inference_mode():
        before = model.read(images, *sentences)
        model.temperature.fill_(0.5)
        after = model.read(images, *sentences)
    for warm, cold in zip(before.similarities, after.similarities, strict=True):
        torch.testing.assert_close(2 * warm, cold)
    assert torch.equal(before.logits, after.logits)


def test_loss_is_that_of_the_formula(build, images, sentences):
    masks = torch.zeros(2, 64, 96, dtype=torch.bool)
    masks[0, :32] = True
    with torch.inference_mode():
        reading = build().read(images, *sentences)
        loss = ReferringLoss()(reading, masks)
        inside = reading.logits.log_softmax(1)[:, 1][masks].sum()
        outside = reading.logits.log_softmax(1)[:, 0][~masks].sum()
        weight = 1.1 * masks.sum() + 0.9 * (~masks).sum()
        expected = -2 * (1.1 * inside + 0.9 * outside) / weight
        for similar in reading.similarities:
            raised = torch.nn.functional.interpolate(
                similar, (64, 96), mode='bilinear', align_corners=True
            )[:, 0]
            chance = torch.where(masks, raised.sigmoid(), 1 - raised.sigmoid())
            expected = expected - chance.log().mean()
    torch.testing.assert_close(loss, expected)


def test_dice_is_zero_for_the_right_mask_and_one_for_the_wrong_one():
    truth = torch.zeros(1, 32, 32)
    truth[0, :16] = 1
    logits = torch.stack([-20 * truth + 10, 20 * truth - 10], dim=1)
    assert dice_loss(logits, truth).item() == pytest.approx(0, abs=1e-3)
    assert dice_loss(-logits, truth).item() == pytest.approx(1, abs=1e-2)


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'encoder': 'resnet'}, 'unknown encoder'),
        ({'text': 'gpt'}, 'unknown text .*bert_base'),
        ({'depths': (1, 1)}, '4 numbers'),
        ({'head_dim': 7}, 'must divide'),
        ({'vocabulary_size': 0}, 'at least one'),
    ],
)
def test_bad_options_are_named(build, options, words):
    with pytest.raises(ConfigError, match=words):
        build(**options)


def test_bad_input_is_named(build, images, sentences):
    model, (ids, mask) = build(), sentences
    with pytest.raises(ConfigError, match=r'63 x 96 pixels.* to 64 x 96'):
        model(images[:, :, :63], ids, mask)
    with pytest.raises(ConfigError, match='3 text prompts'):
        model(images, ids[[0, 1, 1]], mask[[0, 1, 1]])
    with pytest.raises(ConfigError, match='at most 12 tokens'):
        model(images, ids.repeat(1, 2), mask.repeat(1, 2))
    with pytest.raises(ConfigError, match='mask'):
        model(images, ids, mask[:, :4])
