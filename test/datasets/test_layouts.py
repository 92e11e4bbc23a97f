"""What holds for every data set: found by looking, classes in range, bad files told by path."""

import logging

import numpy as np
import pytest
from miniatures import WRITERS

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.datasets.options import ReadOptions
from mmseg_ros.datasets.reader import find_reader, open_dataset


@pytest.fixture(params=sorted(WRITERS))
def tree(request, tmp_path):
    """Return the folder of a miniature and what it holds."""
    root = tmp_path / 'set'
    root.mkdir()
    return root, WRITERS[request.param](root)


def frames_of(root, mini, split, **options):
    space = load_label_space(mini.label_space)
    return open_dataset(root, split, mini.modalities, space, options=ReadOptions(**options))


def test_the_folder_tells_its_format(tree):
    root, mini = tree
    assert find_reader(root).format == mini.format
    for split in (mini.train, mini.val):
        frames = frames_of(root, mini, split)
        space = frames.label_space
        for i in range(len(frames)):
            frame = frames[i]
            assert frame.images.dtype == np.uint8
            assert frame.labels.dtype == np.uint8
            assert frame.images.shape == (len(mini.modalities), *frame.labels.shape, 3)
            known = (frame.labels < space.num_classes) | (frame.labels == space.ignore_id)
            assert known.all()
            assert (frame.labels != space.ignore_id).any()
            expected = dict(mini.encodings)
            for name, encoding in zip(frame.modalities, frame.plane_encodings, strict=True):
                assert encoding == expected.get(name, encoding)


def test_every_plane_of_some_frame_shows_something(tree):
    root, mini = tree
    frames = frames_of(root, mini, mini.train)
    seen = np.zeros(len(mini.modalities), bool)
    for i in range(len(frames)):
        seen |= frames[i].images.any(axis=(1, 2, 3))
    assert seen.all(), mini.modalities


def test_an_unknown_split_is_told_with_the_known_ones(tree):
    root, mini = tree
    with pytest.raises(DatasetError, match='nowhere'):
        frames_of(root, mini, 'nowhere')


def test_modalities_that_are_not_there_are_black(tree):
    root, mini = tree
    if mini.format == 'deliver':
        return  # DeLiVER has a fixed set of folders
    space = load_label_space(mini.label_space)
    frames = open_dataset(root, mini.train, ('sonar', *mini.modalities), space)
    assert not frames[0].images[0].any()


def _image_of(root, mini):
    words = {'dsec': '*/semantic/11classes/data/*1.png', 'semantickitti': '*/*/image_2/*'}
    default = {'cityscapes': 'leftImg8bit/train/*/*', 'folder': 'pictures/train/*/*'}
    places = words | default | {
        'camvid': 'train/*', 'deliver': 'img/*/train/*/*', 'fmb': 'train/Visible/*',
        'kitti360': 'data_2d_raw/*/*/*/0000000000*', 'mcubes': 'polL_color/a*',
        'mfnet': 'images/00001D*', 'muses': 'frame_camera/train/*/*/*', 'nyu': 'RGB/0*',
        'pst900': 'train/rgb/*', 'sunrgbd': 'RGB/train_0*',
    }  # fmt: skip
    return sorted(root.glob(places[mini.format]))[0]


def test_a_damaged_file_stops_or_is_passed_over(tree, caplog):
    root, mini = tree
    frames = frames_of(root, mini, mini.train)
    path = _image_of(root, mini)
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(DatasetError, match=path.name):
        [frames[i] for i in range(len(frames))]
    tolerant = frames_of(root, mini, mini.train, on_bad_file='skip')
    with caplog.at_level(logging.WARNING):
        read = [tolerant[i] for i in range(len(tolerant))]
    assert len(read) == len(frames)
    empty = [(frame.labels == tolerant.label_space.ignore_id).all() for frame in read]
    assert sum(empty) == 1
    assert path.name in caplog.text


def test_a_missing_file_stops_or_leaves_its_frame_out(tree, caplog):
    root, mini = tree
    whole = len(frames_of(root, mini, mini.train))
    path = _image_of(root, mini)
    lists_itself = mini.format in ('camvid', 'cityscapes', 'fmb', 'pst900', 'sunrgbd', 'muses')
    lists_itself |= mini.format in ('deliver', 'dsec')
    path.unlink()
    if lists_itself:  # the images of the layout are its list of frames
        return
    with pytest.raises(DatasetError, match=path.name):
        frames_of(root, mini, mini.train)
    with caplog.at_level(logging.WARNING):
        rest = frames_of(root, mini, mini.train, on_bad_file='skip')
    assert len(rest) == whole - 1
    assert path.name in caplog.text
