"""Objects of rare classes go into other frames."""

import numpy as np

from mmseg_models.training.copy_paste import CopyPaste, rare_classes
from mmseg_ros.datasets.frame import LabelledFrame

POLE = 7


def frame(name, value, labels):
    labels = np.array(labels, np.uint8)
    return LabelledFrame(
        name, ('rgb', 'lidar'), np.full((2, *labels.shape, 3), value, np.uint8), labels
    )


ROAD = frame('road', 10, [[0, 0, 255], [0, 0, 0]])
STREET = frame('street', 200, [[0, POLE, 0], [255, POLE, 0]])


def test_classes_below_a_hundredth_of_the_pixels_are_rare():
    is_rare = rare_classes(np.array([9_800, 150, 50, 0]))
    assert np.flatnonzero(is_rare).tolist() == [2]
    assert len(is_rare) == 256


def test_rare_objects_are_pasted_into_every_modality_at_their_place():
    paste = CopyPaste([STREET], np.arange(256) == POLE, 1.0)
    made = paste(ROAD, np.random.default_rng(0))
    assert made.labels.tolist() == [[0, POLE, 255], [0, POLE, 0]]
    is_pole = made.labels == POLE
    assert (made.images[:, is_pole] == 200).all()
    assert (made.images[:, ~is_pole] == 10).all()
    assert (ROAD.images == 10).all()
    assert made.name == 'road'


def test_the_probability_is_the_share_of_frames_that_get_any():
    paste = CopyPaste([STREET], np.arange(256) == POLE, 0.3)
    rng = np.random.default_rng(0)
    changed = sum(bool((paste(ROAD, rng).labels == POLE).any()) for _ in range(1000))
    assert 250 < changed < 350


def test_a_frame_of_another_size_gives_nothing():
    paste = CopyPaste([frame('wide', 1, [[POLE] * 4])], np.arange(256) == POLE, 1.0)
    assert paste(ROAD, np.random.default_rng(0)) is ROAD
