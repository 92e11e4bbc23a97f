"""Label colors."""

import numpy as np

from mmseg_ros.labelling import colorize, overlay


def test_colors_are_those_of_the_label_space(label_space):
    labels = np.array([[0, 7], [24, 255]], np.uint8)
    expected = label_space.palette()[labels]
    np.testing.assert_array_equal(colorize(labels, label_space), expected)
    np.testing.assert_array_equal(colorize(labels.astype(np.uint16), label_space), expected)
    assert not colorize(np.full((1, 1), 300, np.uint16), label_space).any()


def test_overlay_blends_and_keeps_ignored_pixels(label_space):
    rgb = np.full((4, 4, 3), 100, np.uint8)
    labels = np.full((4, 4), 3, np.uint8)
    labels[0] = 255
    image = overlay(rgb, labels, label_space, alpha=0.25)
    expected = 75 + 0.25 * np.array(label_space.classes[3].color)
    assert np.abs(image[2, 2] - expected).max() <= 1
    np.testing.assert_array_equal(image[0], rgb[0])
    assert (rgb == 100).all()


def test_overlay_scales_the_labels_to_the_image(label_space):
    labels = np.array([[1, 2]], np.uint8)
    image = overlay(np.zeros((10, 20, 3), np.uint8), labels, label_space, alpha=1.0)
    np.testing.assert_array_equal(image[5, 9], label_space.classes[1].color)
    np.testing.assert_array_equal(image[5, 10], label_space.classes[2].color)
