"""What is drawn of images with text prompts, and how it is varied."""

from dataclasses import replace

import numpy as np
import pytest

from mmseg_models.training.referring_config import ReferringAugmentation
from mmseg_models.training.referring_data import PictureVariation, load_pictures
from mmseg_ros.datasets.refer_sim import SimulatedReferring


def vary(picture, rng, **changes):
    augmentation = ReferringAugmentation(
        jitter_probability=0.0, rephrase_probability=0.0, region_share=0.0
    )
    return PictureVariation(64, 96, 2, replace(augmentation, **changes))(picture, rng)


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('crop', [0.0, 1.0])
def test_sentences_are_true_of_what_is_drawn(pictures, seed, crop):
    drawn = vary(pictures[seed], np.random.default_rng(seed), crop_probability=crop)
    assert drawn.image.shape == (64, 96, 3)
    assert drawn.masks.shape == (2, 64, 96)
    for mask, sentence in zip(drawn.masks, drawn.sentences, strict=True):
        red, _, blue = drawn.image[mask].mean(0)
        assert np.isin(drawn.labels[mask], 9).all()
        if 'red' in sentence or 'blue' in sentence:
            assert bool(red > blue) == ('red' in sentence)
        else:
            middle = np.flatnonzero(mask.any(0)).mean()
            assert bool(middle < 48) == ('left' in sentence)


def test_mirrored_images_keep_true_sentences(pictures):
    sides = set()
    for seed in range(16):
        rng = np.random.default_rng(seed)
        drawn = vary(pictures[seed % 6], rng, flip_probability=1.0, crop_probability=0.0)
        for mask, sentence in zip(drawn.masks, drawn.sentences, strict=True):
            if 'on the' in sentence:
                columns = np.flatnonzero(mask.any(0))
                sides.add((sentence, bool(columns.mean() > 48)))
    assert sides == {('the car on the right', True)}


def test_a_part_shows_its_object_larger_and_whole(pictures):
    sizes = []
    for seed in range(24):
        drawn = vary(pictures[seed % 6], np.random.default_rng(seed), crop_probability=1.0)
        sizes += [int(mask.sum()) for mask in drawn.masks]
    assert min(sizes) >= 0.95 * 24 * 28
    assert max(sizes) > 24 * 28


def test_small_targets_are_left_out(referring_root):
    source = [SimulatedReferring(referring_root, 'train', regions=True)]
    kept = load_pictures(source, 0.5)
    assert all(target.sentences == ('the road',) for item in kept for target in item.targets)
    assert load_pictures(source, 0.99) == []
