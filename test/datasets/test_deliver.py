"""Reading the DeLiVER layout, and rejecting what is wrong in it."""

import shutil

import cv2
import numpy as np
import pytest

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.datasets.deliver import DeliverDataset

ALL = ('rgb', 'depth', 'event', 'lidar')
SCENE = 'sun/train/MAP_1_point1'


def write(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.asarray(image, np.uint8))


def test_shapes_order_and_names(root, label_space):
    frames = DeliverDataset(root, 'train', ('lidar', 'rgb'), label_space)
    assert len(frames) == 2
    frame = frames[1]
    assert frame.name == f'{SCENE}/000001_front'
    assert frame.modalities == ('lidar', 'rgb')
    assert frame.images.shape == (2, 32, 48, 3)
    assert frame.images.dtype == frame.labels.dtype == np.uint8
    assert set(np.unique(frame.labels)) == {6, 9, 12}


def test_planes_are_rgb_in_the_order_asked_for(root, label_space):
    for number, (folder, word) in enumerate(
        [('img', 'rgb'), ('hha', 'depth'), ('event', 'event'), ('lidar', 'lidar')]
    ):
        image = np.zeros((32, 48, 3))
        image[..., 2] = 200 + number  # red, as OpenCV writes it
        write(root / folder / SCENE / f'000000_{word}_front.png', image)
    frame = DeliverDataset(root, 'train', ALL, label_space)[0]
    assert frame.images[:, 0, 0].tolist() == [[200 + i, 0, 0] for i in range(4)]


def test_raw_ids_become_class_ids(root, label_space):
    raw = np.arange(32 * 48).reshape(32, 48) % 26
    raw[0, 0] = 255
    for image in (raw, np.dstack([raw * 0, raw * 0, raw, np.full_like(raw, 255)])):
        write(root / 'semantic' / SCENE / '000000_semantic_front.png', image)
        labels = DeliverDataset(root, 'train', ALL, label_space)[0].labels
        assert labels[0, 0] == 255
        assert np.all(labels[raw == 0] == 255)
        valid = (raw > 0) & (raw < 255)
        assert np.array_equal(labels[valid], raw[valid] - 1)


@pytest.mark.parametrize('wrong', [26, 100, 254])
def test_label_outside_the_label_space_is_rejected(root, label_space, wrong):
    raw = np.full((32, 48), 7)
    raw[3, 4] = wrong
    write(root / 'semantic' / SCENE / '000000_semantic_front.png', raw)
    with pytest.raises(DatasetError, match=rf'000000_semantic_front.png.*\[{wrong}\].*1\.\.25'):
        DeliverDataset(root, 'train', ALL, label_space)[0]


def test_missing_file_is_named(root, label_space):
    (root / 'lidar' / SCENE / '000001_lidar_front.png').unlink()
    with pytest.raises(DatasetError, match=r'1 files are missing.*000001_lidar_front.png'):
        DeliverDataset(root, 'train', ALL, label_space)
    assert len(DeliverDataset(root, 'train', ('rgb', 'event'), label_space)) == 2


def test_damaged_file_is_named(root, label_space):
    (root / 'img' / SCENE / '000000_rgb_front.png').write_bytes(b'no image')
    with pytest.raises(DatasetError, match=r'000000_rgb_front\.png'):
        DeliverDataset(root, 'train', ALL, label_space)[0]


def test_another_size_is_rejected_but_low_resolution_events_are_not(root, label_space):
    small = np.zeros((16, 24, 3))
    small[:, 12:] = 255
    write(root / 'event' / SCENE / '000000_event_front.png', small)
    frame = DeliverDataset(root, 'train', ALL, label_space)[0]
    assert np.all(frame.images[2, :, :24] == 0)
    assert np.all(frame.images[2, :, 24:] == 255)
    write(root / 'lidar' / SCENE / '000000_lidar_front.png', small)
    with pytest.raises(DatasetError, match='16 x 24'):
        DeliverDataset(root, 'train', ALL, label_space)[0]


def test_conditions_select_folders_and_not_parts_of_words(root, label_space):
    for folder in ('img', 'hha', 'event', 'lidar', 'semantic'):
        shutil.copytree(root / folder / 'sun', root / folder / 'rain')
    assert len(DeliverDataset(root, 'train', ALL, label_space)) == 4
    only = DeliverDataset(root, 'train', ALL, label_space, ['rain'])
    assert [frame.name.split('/')[0] for frame in (only[0], only[1])] == ['rain', 'rain']
    with pytest.raises(DatasetError, match='fog'):
        DeliverDataset(root, 'train', ALL, label_space, ['fog'])


def test_wrong_arguments_are_rejected(root, label_space, tmp_path):
    with pytest.raises(DatasetError, match='split'):
        DeliverDataset(root, 'training', ALL, label_space)
    with pytest.raises(DatasetError, match='thermal'):
        DeliverDataset(root, 'train', ('thermal',), label_space)
    with pytest.raises(DatasetError, match=r'data\.root'):
        DeliverDataset(tmp_path / 'nowhere', 'train', ALL, label_space)
    with pytest.raises(DatasetError, match='No frames'):
        DeliverDataset(root, 'test', ALL, label_space)
