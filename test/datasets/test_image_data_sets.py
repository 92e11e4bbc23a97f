"""Data sets of images alone: which numbers are which classes, and which pixels count."""

import cv2
import numpy as np
import pytest
from miniatures import (
    cityscapes,
    classes,
    dsec,
    fmb,
    folder,
    mfnet,
    nyu,
    photo,
    sunrgbd,
    text,
    write,
)

from mmseg_ros.core.errors import ConfigError, DatasetError
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.datasets.options import ReadOptions
from mmseg_ros.datasets.reader import open_dataset


def frames_of(root, split, modalities, space, conditions=(), **options):
    read = ReadOptions(**options)
    return open_dataset(root, split, modalities, load_label_space(space), conditions, options=read)


def stripes(frame):
    return list(dict.fromkeys(frame.labels[0].tolist()))


def test_one_based_labels(tmp_path):
    for make, name, last in ((fmb, 'fmb', 13), (nyu, 'nyu', 39), (sunrgbd, 'sunrgbd', 36)):
        root = tmp_path / name
        mini = make(root)
        assert stripes(frames_of(root, 'train', mini.modalities, name)[0]) == [255, 0, last]


def test_label_zero_of_mfnet_is_a_class_and_its_file_has_four_channels(tmp_path):
    mfnet(tmp_path)
    frame = frames_of(tmp_path, 'train', ('rgb', 'thermal'), 'mfnet')[0]
    assert stripes(frame) == [0, 3, 8]
    stored = cv2.imread(str(tmp_path / 'images' / '00001D.png'), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(frame.images[0], stored[..., 2::-1])
    assert np.array_equal(frame.images[1], np.repeat(stored[..., 3:], 3, 2))
    assert len(frames_of(tmp_path, 'train', ('rgb',), 'mfnet', ['night'])) == 1
    write(tmp_path / 'images' / '00001D.png', photo())
    with pytest.raises(DatasetError, match='four 8-bit channels'):
        frames_of(tmp_path, 'train', ('rgb',), 'mfnet')[0]


def test_mfnet_in_separate_folders(tmp_path):
    text(tmp_path / 'train.txt', '00001D\n')
    write(tmp_path / 'img' / '00001D.png', photo())
    write(tmp_path / 'ther' / '00001D.png', photo()[..., 0])
    write(tmp_path / 'labels' / '00001D.png', classes((0, 8)))
    frame = frames_of(tmp_path, 'train', ('rgb', 'thermal'), 'mfnet')[0]
    assert frame.images[1].any()
    assert stripes(frame) == [0, 8]


def test_cityscapes_takes_training_ids_or_maps_ids(tmp_path):
    cityscapes(tmp_path)
    frames = frames_of(tmp_path, 'train', ('rgb',), 'cityscapes')
    assert set(np.unique(frames[0].labels)) == {0, 18, 255}  # 29 (caravan) and 255 (-1) ignored
    assert stripes(frames[1]) == [255, 0, 18]
    path = next(tmp_path.glob('gtFine/train/aachen/*labelIds.png'))
    write(path, classes((7, 77)))
    with pytest.raises(DatasetError, match=r'77 \('):
        frames[0]


def test_the_other_copy_of_nyu_has_zero_based_labels_and_raw_depth(tmp_path):
    text(tmp_path / 'train.txt', 'rgb/5.png\tmasks/5.png\tdepth/5.png\n')
    write(tmp_path / 'rgb' / '5.png', photo())
    write(tmp_path / 'depth' / '5.png', photo()[..., 0].astype(np.uint16) * 257)
    write(tmp_path / 'masks' / '5.png', classes((0, 39, 255)))
    frame = frames_of(tmp_path, 'train', ('rgb', 'depth'), 'nyu')[0]
    assert stripes(frame) == [0, 39, 255]
    assert frame.plane_encodings == ('rgb', 'grey')
    stored = cv2.imread(str(tmp_path / 'depth' / '5.png'), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(frame.images[1, ..., 0], stored // 257)


def test_images_keep_their_own_sizes(tmp_path):
    sunrgbd(tmp_path)
    frames = frames_of(tmp_path, 'train', ('rgb', 'depth'), 'sunrgbd')
    assert frames[0].labels.shape != frames[1].labels.shape


def test_legacy_sizes_are_those_of_the_published_tables(tmp_path):
    fmb(tmp_path)
    frames = frames_of(tmp_path, 'val', ('rgb', 'thermal'), 'fmb', protocol='legacy')
    assert frames[0].images.shape == (2, 800, 1088, 3)
    assert frames.split == 'test'
    with pytest.raises(DatasetError, match='train, test'):
        frames_of(tmp_path, 'val', ('rgb', 'thermal'), 'fmb')
    with pytest.raises(ConfigError, match='correct or legacy'):
        ReadOptions(protocol='old')


def test_events_before_the_label_through_the_rectification_map(tmp_path):
    dsec(tmp_path)
    frames = frames_of(tmp_path, 'train', ('event',), 'dsec11')
    assert len(frames) == 2  # the first label comes before there are 50 ms of events
    frame = frames[0]
    assert frame.labels.shape == (440, 640)
    end_us = int(frame.name.split('/')[1])
    import h5py

    with h5py.File(tmp_path / 'zurich_city_00_a' / 'events' / 'left' / 'events.h5') as file:
        t = file['events/t'][:].astype(np.int64) + int(file['t_offset'][()])
        part = (t >= end_us - 50_000) & (t < end_us)
        x, y = file['events/x'][:][part] + 3, file['events/y'][:][part].astype(int) - 2
        rises = file['events/p'][:][part] == 1
    inside = (x < 640) & (y >= 0) & (y < 440)
    expected = np.zeros((440, 640), bool)
    expected[y[inside & rises], x[inside & rises]] = True
    assert np.array_equal(frame.images[0, ..., 0] == 255, expected)
    voxels = frames_of(tmp_path, 'train', ('event',), 'dsec11', encodings={'event': 'voxel_grid'})
    assert voxels[0].plane_encodings == ('voxel_grid',)
    assert (voxels[0].images[0] == 128).mean() > 0.9


def test_a_described_folder(tmp_path):
    folder(tmp_path)
    frames = frames_of(tmp_path, 'train', ('rgb', 'thermal'), 'cityscapes')
    assert [frames[i].name for i in range(2)] == ['day/a', 'night/b']
    assert stripes(frames[0]) == [0, 18, 255]
    stored = cv2.imread(str(tmp_path / 'heat/train/day/a.png'), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(frames[0].images[1, ..., 0], stored // 100)
    (tmp_path / 'few.txt').write_text('night/b\n')
    description = tmp_path / 'mmseg_dataset.yaml'
    whole = description.read_text()
    description.write_text(whole.replace('{split}', 'train') + 'splits: {some: few.txt}\n')
    assert frames_of(tmp_path, 'some', ('rgb',), 'cityscapes')[0].name == 'night/b'
    (tmp_path / 'few.txt').write_text('../../etc/b\n')
    with pytest.raises(DatasetError, match='leads out'):
        frames_of(tmp_path, 'some', ('rgb',), 'cityscapes')
    for wrong in ('pictures/train/a.jpg', '/pictures/{name}.jpg', '../{name}.jpg'):
        description.write_text(whole.replace('pictures/{split}/{name}.jpg', wrong))
        with pytest.raises(DatasetError, match=r'mmseg_dataset\.yaml'):
            frames_of(tmp_path, 'train', ('rgb',), 'cityscapes')


def test_a_thermal_image_in_colors_is_rejected(tmp_path):
    fmb(tmp_path)
    write(tmp_path / 'train' / 'Infrared' / '00001.png', photo())
    with pytest.raises(DatasetError, match='one channel'):
        frames_of(tmp_path, 'train', ('thermal',), 'fmb')[0]
    write(tmp_path / 'train' / 'Infrared' / '00001.png', photo(20, 30)[..., 0])
    with pytest.raises(DatasetError, match=r'thermal is 20 x 30.*48 x 64'):
        frames_of(tmp_path, 'train', ('thermal',), 'fmb')[0]
