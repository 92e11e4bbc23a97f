"""The mask decoder equals SAM 2's on stored values, and nothing gates its masks."""

import numpy as np
import pytest
import torch

from mmseg_models.mle_sam.mask_decoder import FourierPosition, MaskDecoder
from mmseg_models.mle_sam.reference import decoder_key

DIRECTIONS = 'sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix'
NO_MASK = 'sam_prompt_encoder.no_mask_embed.weight'


def wave(function, step, shape):
    values = function(step * np.arange(np.prod(shape)))
    return torch.from_numpy(values.astype(np.float32)).reshape(shape)


@pytest.fixture(scope='module')
def position(sam2_fill):
    module = FourierPosition(256)
    module.directions.copy_(sam2_fill(DIRECTIONS, module.directions))
    return module


@pytest.fixture(scope='module')
def decoded(sam2_fill, position):
    decoder = MaskDecoder(256, 4, with_scores=True).eval()
    for key, tensor in decoder.state_dict().items():
        tensor.copy_(sam2_fill(f'sam_mask_decoder.{decoder_key(key)}', tensor))
    coarse = wave(np.sin, 0.01, (1, 256, 64, 64))
    coarse = coarse + sam2_fill(NO_MASK, torch.zeros(1, 256))[..., None, None]
    fine, middle = wave(np.cos, 0.02, (1, 32, 256, 256)), wave(np.cos, 0.03, (1, 64, 128, 128))
    with torch.inference_mode():
        masks, tokens = decoder.decode(fine, middle, coarse, position(64, 64))
        return masks, decoder.scores(tokens)


def test_masks_equal_the_reference(decoded, sam2, check_values):
    check_values(decoded[0][:, 1:], sam2['masks'])


def test_scores_equal_the_reference(decoded, sam2):
    scores = decoded[1]
    assert scores.quality[0, 1:].tolist() == pytest.approx(sam2['quality'], abs=1e-4)
    assert scores.presence.item() == pytest.approx(sam2['presence'], abs=1e-4)


def test_masks_stay_where_no_object_is_predicted(decoded):
    masks, scores = decoded
    assert scores.presence.item() < 0
    assert masks.std() > 0.01


def test_position_equals_the_reference(position, sam2):
    first = position(64, 64)[0, 0, 0].item()
    assert first == pytest.approx(sam2['first_position'], abs=1e-5)


def test_positions_of_any_size_cover_the_same_range(position):
    whole, part = position(8, 12), position(4, 6)
    assert whole.shape == (1, 96, 256)
    # The middle of four pixels is the center of one of half as many: same direction in between.
    angle = torch.atan2(whole[..., :128], whole[..., 128:])
    assert angle.isfinite().all()
    flipped = position(8, 12).reshape(8, 12, 256).flip(0, 1)
    assert torch.allclose(flipped[..., :128], -whole.reshape(8, 12, 256)[..., :128], atol=1e-4)
    assert not torch.equal(part[0, 0], whole[0, 0])


def test_parameters_equal_the_published(sam2):
    for classes, parameters in sam2['decoder_parameters'].items():
        with torch.device('meta'):
            decoder = MaskDecoder(256, int(classes) + 1, with_scores=True)
        assert sum(p.numel() for p in decoder.parameters()) == parameters
