"""How often classes occur, and what their pixels count for that."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mmseg_models.training.rarity import class_pixels, class_weights, frame_chances
from mmseg_ros.core.labels import load_label_space

SPACE = load_label_space('deliver')


def frames(*label_images):
    return [SimpleNamespace(labels=np.array(labels, np.uint8)) for labels in label_images]


def test_pixels_are_counted_without_the_ignored_ones():
    counts = class_pixels(frames([[0, 0, 255]], [[2, 0, 24]]), SPACE)
    assert len(counts) == SPACE.num_classes
    assert (counts[0], counts[2], counts[24], counts.sum()) == (3, 1, 1, 5)


def test_one_labelled_frame_among_many_is_found():
    many = frames(*[[[255]]] * 999, [[7]])
    many[500], many[999] = many[999], many[500]
    assert class_pixels(many, SPACE)[7] == 1


def test_weights_follow_the_shares_and_average_to_one_over_the_pixels():
    weights = class_weights(np.array([900, 100, 0]), 0.5)
    assert weights[1] / weights[0] == pytest.approx(3.0, rel=1e-5)
    assert weights[0] * 0.9 + weights[1] * 0.1 == pytest.approx(1.0, rel=1e-5)
    assert torch.isfinite(weights).all()
    assert weights[2] > weights[1]


def test_power_zero_counts_all_pixels_alike():
    assert class_weights(np.array([900, 100]), 0.0).tolist() == [1.0, 1.0]


def test_frames_that_show_rare_classes_are_drawn_more_often():
    common, rare, specks = [[0] * 100], [[0] * 70 + [7] * 30], [[0] * 90 + [7] * 10]
    chances = frame_chances(frames(*[common] * 8, rare, specks), SPACE)
    assert chances.sum() == pytest.approx(1.0)
    assert chances[8] > 3 * chances[0]
    # Too few pixels to show the class.
    assert chances[9] == pytest.approx(chances[0])


def test_a_frame_without_labels_can_still_be_drawn():
    assert (frame_chances(frames([[0] * 50], [[255] * 50]), SPACE) > 0).all()
