"""SemanticKITTI and KITTI-360: labels of points, points in images, ids that share a class."""

import numpy as np
import pytest
from miniatures import kitti360, semantickitti

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.labels import load_label_space
from mmseg_ros.datasets.reader import open_dataset
from mmseg_ros.datasets.semantickitti import label_table, labeled_points
from mmseg_ros.projection.extrinsics import load_rig

SPACE = load_label_space('semantickitti')
CAR, ROAD = SPACE.class_id('car'), SPACE.class_id('road')


@pytest.fixture
def sequences(tmp_path):
    semantickitti(tmp_path)
    return tmp_path


def test_points_have_classes_without_instances(sequences):
    place = sequences / 'sequences' / '00'
    scan, labels = place / 'velodyne' / '000000.bin', place / 'labels' / '000000.label'
    cloud, ids = labeled_points(scan, labels, label_table(SPACE))
    assert len(ids) == len(cloud.points)
    assert set(np.unique(ids)) == {CAR, ROAD, SPACE.ignore_id}  # a moving car is a car
    left, high = cloud.points['y'] > 0, cloud.points['z'] > 2
    assert (ids[left & ~high] == CAR).all()
    assert (ids[high] == SPACE.ignore_id).all()


def test_an_image_is_labeled_where_points_are_seen(sequences):
    frame = open_dataset(sequences, 'train', ('rgb', 'lidar'), SPACE)[0]
    labeled = frame.labels != SPACE.ignore_id
    assert 0.05 < labeled.mean() < 0.9
    columns = np.nonzero(frame.labels == CAR)[1]
    assert columns.max() <= 32  # y is to the left
    assert np.nonzero(frame.labels == ROAD)[1].min() >= 31
    assert (frame.images[1][labeled][:, 0] > 0).all()


def test_splits_are_the_official_sequences(sequences):
    assert open_dataset(sequences, 'val', ('lidar',), SPACE)[0].name == '08/000000'
    with pytest.raises(DatasetError, match='train, val, test'):
        open_dataset(sequences, 'validation', ('lidar',), SPACE)


def test_a_label_file_that_does_not_fit_is_named(sequences):
    path = sequences / 'sequences' / '00' / 'labels' / '000000.label'
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DatasetError, match=r'000000\.label has 3999 labels for the 4000 points'):
        open_dataset(sequences, 'train', ('lidar',), SPACE)[0]
    raw = np.full(4000, 1234, np.uint32)
    raw.tofile(path)
    with pytest.raises(DatasetError, match=r'000000\.label.*1234 \(4000 px\)'):
        open_dataset(sequences, 'train', ('lidar',), SPACE)[0]


def test_ids_that_share_a_class_and_ids_without_one(tmp_path):
    kitti360(tmp_path)
    space = load_label_space('cityscapes')
    frame = open_dataset(tmp_path, 'train', ('rgb', 'lidar'), space)[0]
    stripes = list(dict.fromkeys(frame.labels[0].tolist()))
    assert stripes == [0, 2, 4, 5, 255]  # road, garage, gate, small pole, unknown and unlabeled
    assert (frame.images[1, ..., 0] > 0).mean() > 0.3


def test_the_calibration_folder_of_kitti360_is_known(tmp_path):
    kitti360(tmp_path)
    rig = load_rig(tmp_path / 'calibration')
    assert rig.camera('rgb').K[0, 0] == 40
    # LiDAR x forward, y left, z up into the camera's z forward, x right, y down.
    T = rig.T('rgb', 'lidar')
    assert T[:3, :3] @ [1, 0, 0] == pytest.approx([0, 0, 1])
    assert T[:3, :3] @ [0, 1, 0] == pytest.approx([-1, 0, 0])
