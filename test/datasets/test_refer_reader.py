"""Data sets with text prompts are found by what their folder looks like."""

import shutil

import numpy as np
import pytest

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.datasets.refer_coco import SPLITS, RefCoco
from mmseg_ros.datasets.refer_reader import holds_prompts, open_referring
from mmseg_ros.datasets.refer_sim import SimulatedReferring


@pytest.mark.parametrize('name', list(SPLITS))
def test_the_refcoco_family_is_known_by_its_files(refcoco, name):
    source = open_referring(refcoco / name, 'train')
    assert holds_prompts(refcoco / name)
    assert isinstance(source, RefCoco)
    target = source.target(0)
    assert target.sentences == ('Left square!', 'red')
    assert np.array_equal(target.mask, source[0].mask)
    assert np.array_equal(source.image(target.image_name), source[0].image)
    assert source.labels(target.image_name) is None


def test_images_of_coco_may_lie_elsewhere(refcoco):
    shutil.move(refcoco / 'images', refcoco / 'elsewhere')
    with pytest.raises(DatasetError, match=r'000000000007\.jpg cannot be read'):
        open_referring(refcoco / 'refcoco', 'train')[0]
    images = str(refcoco / 'elsewhere/mscoco/images/train2014')
    assert open_referring(refcoco / 'refcoco', 'train', images=images)[0].image.shape == (
        20,
        30,
        3,
    )


def test_who_split_it_is_chosen(refcoco):
    assert len(open_referring(refcoco / 'refcocog', 'val', 'google')) == 1
    with pytest.raises(DatasetError, match='umd or google'):
        open_referring(refcoco / 'refcocog', 'val', 'unc')


def test_simulated_text_prompts_are_known_by_their_folder(referring_root):
    source = open_referring(referring_root, 'val')
    assert holds_prompts(referring_root)
    assert isinstance(source, SimulatedReferring)
    for index in range(len(source)):
        sample, target = source[index], source.target(index)
        assert np.array_equal(sample.mask, target.mask)
        assert np.array_equal(sample.image, source.image(target.image_name))
        assert (sample.sentences, sample.kind) == (target.sentences, target.kind)


def test_another_folder_is_named(tmp_path):
    assert not holds_prompts(tmp_path)
    with pytest.raises(DatasetError, match=r'holds no text prompts.*refcocog'):
        open_referring(tmp_path, 'train')
