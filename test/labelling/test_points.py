"""Labels on points, and the fields they are written to."""

import numpy as np
import pytest

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.types import CloudData
from mmseg_ros.labelling import labelled_cloud, organized_cloud, packed_rgb, transfer_labels
from mmseg_ros.projection import CameraModel, project_cloud


@pytest.fixture
def camera():
    return CameraModel.from_fov(64, 48, 70)


def cloud_of(xyz):
    points = np.zeros(len(xyz), [('x', '<f4'), ('y', '<f4'), ('z', '<f4'), ('ring', '<u2')])
    points['x'], points['y'], points['z'] = np.transpose(xyz)
    points['ring'] = range(len(xyz))
    return CloudData(points, 1, len(points))


def test_hidden_and_outside_points_get_no_label(camera):
    xyz = np.float32([[0, 0, 5], [0, 0, 9], [100, 0, 5], [0, 0, -5], [1, 0, 5], [np.nan, 0, 5]])
    labels = np.full((48, 64), 4, np.uint8)
    labels[:, 36:] = 8
    confidence = np.full((48, 64), 51, np.uint8)
    projection = project_cloud(xyz, np.eye(4), camera)
    point_labels, point_confidence, visible = transfer_labels(labels, confidence, projection, 255)
    assert point_labels.tolist() == [4, 255, 255, 255, 8, 255]
    np.testing.assert_allclose(point_confidence, [0.2, 0, 0, 0, 0.2, 0])
    assert visible.tolist() == [True, False, False, False, True, False]


def test_presets_name_the_fields():
    cloud = cloud_of([[1, 2, 3], [4, 5, 6]])
    labels, confidence = np.uint8([1, 2]), np.float32([0.5, 1])
    palette = np.arange(768, dtype=np.uint8).reshape(256, 3)
    names = {
        preset: labelled_cloud(cloud, labels, confidence, palette, preset).dtype
        for preset in ('default', 'autoware', 'hydra')
    }
    base = ('x', 'y', 'z', 'ring')
    assert names['default'].names == (*base, 'label', 'confidence', 'rgb')
    assert names['autoware'].names == (*base, 'class_id', 'probability')
    assert names['hydra'].names == (*base, 'label', 'rgba')
    assert names['hydra']['label'] == names['hydra']['rgba'] == np.uint32
    with pytest.raises(ConfigError, match='default, autoware, hydra'):
        labelled_cloud(cloud, labels, confidence, palette, 'nav2')


def test_points_keep_what_they_had():
    cloud = cloud_of([[1, 2, 3], [4, 5, 6]])
    merged = labelled_cloud(
        cloud, np.uint8([1, 2]), np.zeros(2, np.float32), np.zeros((256, 3), np.uint8)
    )
    np.testing.assert_array_equal(merged['ring'], [0, 1])
    np.testing.assert_array_equal(merged['z'], [3, 6])


def test_a_field_of_the_same_name_is_replaced():
    points = np.zeros(1, [('x', '<f4'), ('y', '<f4'), ('z', '<f4'), ('label', '<f8')])
    cloud = CloudData(points, 1, 1)
    merged = labelled_cloud(
        cloud, np.uint8([9]), np.zeros(1, np.float32), np.zeros((256, 3), np.uint8)
    )
    assert merged['label'].tolist() == [9]
    assert merged.dtype['label'] == np.uint8


def test_colours_are_packed_as_rviz_reads_them():
    packed = packed_rgb(np.uint8([[0x12, 0x34, 0x56]]))
    assert packed.view(np.uint32)[0] == 0x00123456
    assert packed.tobytes() == bytes([0x56, 0x34, 0x12, 0])


def test_organised_cloud_lies_on_the_pixels(camera):
    depth = np.full((48, 64), 4.0, np.float32)
    valid = np.ones((48, 64), bool)
    valid[3, 5] = False
    labels = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64)
    confidence = np.full((48, 64), 255, np.uint8)
    palette = np.zeros((256, 3), np.uint8)
    cloud = organized_cloud(depth, valid, camera, labels, confidence, palette)
    assert (cloud.height, cloud.width) == (48, 64)
    assert np.isnan(cloud.points['x'][3 * 64 + 5])
    uv, _ = camera.project(cloud.xyz()[valid.ravel()])
    v, u = np.nonzero(valid)
    np.testing.assert_allclose(uv, np.column_stack([u, v]), atol=1e-4)
    assert cloud.points['label'][100] == 100
    assert cloud.points['confidence'][0] == 1.0
