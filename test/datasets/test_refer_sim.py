"""Synthetic referring data, and its text prompts in other words."""

import json
import shutil

import numpy as np
import pytest

from mmseg_models.training.paraphrase import FRAME_WORDS, mirrored, rephrased, wordings
from mmseg_ros.core.errors import DatasetError
from mmseg_ros.datasets.refer import REGION, THING
from mmseg_ros.datasets.refer_sim import REGIONS, SimulatedReferring


def test_sentences_about_one_object_are_one_sample(referring_root):
    data = SimulatedReferring(referring_root, 'train')
    assert len(data) == 12
    first, second = data[0], data[1]
    assert first.sentences == ('the red car', 'the car on the left')
    assert first.kind == THING
    assert first.mask.sum() == 24 * 28
    assert (first.image[first.mask] == (200, 0, 0)).all()
    assert first.image_name == second.image_name != data[2].image_name
    assert not (first.mask & second.mask).any()


def test_regions_come_from_the_labels(referring_root):
    data = SimulatedReferring(referring_root, 'val', regions=True)
    regions = [s for s in map(data.__getitem__, range(len(data))) if s.kind == REGION]
    assert [s.sentences for s in regions] == 2 * [('the road',), ('all cars',)]
    road, cars = regions[:2]
    assert np.array_equal(road.mask, ~cars.mask)
    assert cars.mask.sum() == 2 * 24 * 28


def test_classes_of_regions_exist():
    from mmseg_ros.core.labels import load_label_space

    names = {item.name for item in load_label_space().classes}
    assert {name for classes in REGIONS.values() for name in classes} <= names


@pytest.mark.slow
def test_data_set_of_the_simulator_is_read(tmp_path):
    from mmseg_ros.sim.dataset import DatasetConfig, write_dataset

    config = DatasetConfig(out=tmp_path, scenes=1, frames=1, split='train', seed=3, referring=True)
    list(write_dataset(config))
    data = SimulatedReferring(tmp_path, 'train', regions=True)
    samples = [data[index] for index in range(len(data))]
    assert {s.kind for s in samples} == {THING, REGION}
    assert all(s.mask.shape == s.image.shape[:2] == (192, 320) for s in samples)
    assert all(len(s.sentences) >= 1 for s in samples)


def test_nothing_there_is_said(tmp_path, referring_root):
    with pytest.raises(DatasetError, match=r'simulate --referring'):
        SimulatedReferring(tmp_path, 'train')
    with pytest.raises(DatasetError, match='train, val, test'):
        SimulatedReferring(referring_root, 'testA')


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda data: {'expressions': []}, 'no image with text prompts'),
        (lambda data: [], 'no image with text prompts'),
        (lambda data: {**data, 'expressions': 'x'}, 'no image with text prompts'),
        (lambda data: {**data, 'image': 'img/none.png'}, 'no readable image'),
    ],
)
def test_damaged_files_are_named(referring_root, tmp_path, change, words):
    root = tmp_path / 'copy'
    shutil.copytree(referring_root, root)
    file = next(root.glob('referring/*/val/*/*.json'))
    file.write_text(json.dumps(change(json.loads(file.read_text()))))
    with pytest.raises(DatasetError, match=words):
        SimulatedReferring(root, 'val')[0]


def test_mirror_swaps_left_and_right_alone():
    assert mirrored('the car right of the van on the left') == (
        'the car left of the van on the right'
    )
    assert mirrored('the leftmost bright car') == 'the leftmost bright car'


def test_rephrased_means_the_same():
    rng = np.random.default_rng(0)
    assert rephrased('the closest person on the left', rng, 0.0) == (
        'the closest person on the left'
    )
    said = {rephrased('the closest person on the left', rng, 0.7) for _ in range(200)}
    assert 'the nearest pedestrian on the left side' in said
    assert all('left' in text and 'right' not in text for text in said)


def test_wordings_hold_every_word_that_training_says():
    rng = np.random.default_rng(0)
    sentence = 'the farthest bin right of the bus'
    known = {word for text in wordings(sentence) for word in text.split()}
    for _ in range(100):
        said = mirrored(sentence) if rng.random() < 0.5 else sentence
        assert set(rephrased(said, rng, 0.5).split()) <= known


@pytest.mark.parametrize(
    ('sentence', 'speaks'),
    [('the red car', False), ('the car behind the bus', True), ('the tree in the middle', True)],
)
def test_sentences_about_the_frame_are_known(sentence, speaks):
    assert bool(FRAME_WORDS.search(sentence)) is speaks
