"""A data set is opened by the name of its format or by what its folder looks like."""

import cv2
import numpy as np
import pytest

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.datasets.camvid import CamVidDataset
from mmseg_ros.datasets.deliver import DeliverDataset
from mmseg_ros.datasets.reader import find_reader, open_dataset, readers

FOUR = ('rgb', 'depth', 'event', 'lidar')


@pytest.fixture
def camvid(tmp_path):
    for folder in ('test', 'testannot'):
        (tmp_path / 'camvid' / folder).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / 'camvid' / folder / '1.png'), np.ones((8, 8, 3), np.uint8))
    return tmp_path / 'camvid'


def test_every_reader_has_a_name_of_its_own():
    assert {'deliver', 'camvid'} <= set(readers())
    assert all(name == reader.format for name, reader in readers().items())


def test_the_folder_tells(root, camvid, label_space):
    assert isinstance(open_dataset(root, 'train', FOUR, label_space), DeliverDataset)
    assert isinstance(open_dataset(camvid, 'test', ('rgb',), label_space), CamVidDataset)


def test_a_name_wins_over_the_looks(root, label_space):
    with pytest.raises(DatasetError, match='No images'):
        open_dataset(root, 'train', FOUR, label_space, data_format='camvid')


def test_what_cannot_be_found_is_said(tmp_path, camvid):
    with pytest.raises(DatasetError, match='no folder'):
        find_reader(tmp_path / 'nowhere')
    with pytest.raises(DatasetError, match='deliver'):
        find_reader(camvid, 'bdd')
    (tmp_path / 'mine').mkdir()
    with pytest.raises(DatasetError, match=r'no known data set.*holds nothing'):
        find_reader(tmp_path / 'mine')
    for folder in ('img', 'semantic'):
        (camvid / folder).mkdir()
    with pytest.raises(DatasetError, match='camvid and deliver'):
        find_reader(camvid)


def test_conditions_are_for_formats_that_have_some(camvid, label_space):
    with pytest.raises(DatasetError, match='no conditions'):
        open_dataset(camvid, 'test', ('rgb',), label_space, ['sun'])
