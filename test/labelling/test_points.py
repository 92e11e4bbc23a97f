"""Labels on points, and the fields they are written to."""

import numpy as np
import pytest

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.types import CloudData
from mmseg_ros.labelling import (
    labelled_cloud,
    merge_views,
    organized_cloud,
    packed_rgb,
    transfer_labels,
)
from mmseg_ros.messages import cloud_fields
from mmseg_ros.projection import CameraModel, project_cloud
from mmseg_ros.projection.occlusion import hide_occluded
from mmseg_ros.projection.transforms import pose


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


def test_colors_are_packed_as_rviz_reads_them():
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


def test_two_cameras_label_one_cloud(camera):
    """Front and rear; what both see goes to the surer one, what one has hidden to the other."""
    right_of = pose([4.0, 0, 0])
    u, v = np.meshgrid(np.arange(24, 42), np.arange(18, 32))
    plate = camera.unproject(np.column_stack([u.ravel(), v.ravel()])) * 5
    behind, outside = [0, 0, 10.0], [0, 0, -5.0]
    xyz = np.float32([*plate, behind, outside])
    views = []
    for T, label, confidence in ((np.eye(4), 3, 100), (right_of, 7, 200)):
        projection = hide_occluded(project_cloud(xyz, T, camera))
        labels = np.full((48, 64), label, np.uint8)
        views.append(
            transfer_labels(labels, np.full((48, 64), confidence, np.uint8), projection, 255)
        )
    assert not views[0][2][-2]
    assert views[1][2][-2]
    labels, confidence, visible = merge_views(views, 255)
    seen_by_second = views[1][2][: len(plate)]
    np.testing.assert_array_equal(labels[:-2], np.where(seen_by_second, 7, 3))
    assert labels[-2:].tolist() == [7, 255]
    assert confidence[-2:] == pytest.approx([200 / 255, 0])
    assert visible.tolist() == [*[True] * len(plate), True, False]
    with pytest.raises(ConfigError, match='one cloud'):
        merge_views([views[0], tuple(a[:3] for a in views[1])], 255)


def test_a_camera_without_a_name_for_a_point_leaves_it_to_the_other():
    sure_of_nothing = np.uint8([255]), np.float32([1.0]), np.array([True])
    unsure = np.uint8([4]), np.float32([0.1]), np.array([True])
    labels, confidence, _ = merge_views([sure_of_nothing, unsure], 255)
    assert labels.tolist() == [4]
    assert confidence == pytest.approx([0.1])


@pytest.mark.parametrize('preset', ['default', 'autoware', 'hydra'])
def test_fields_and_points_are_aligned_to_four_bytes(preset):
    fields = [
        ('x', 'f4'),
        ('y', 'f4'),
        ('z', 'f4'),
        ('intensity', 'u1'),
        ('ring', 'u2'),
        ('t', 'f8'),
    ]
    points = np.zeros(3, fields)
    points['ring'], points['t'] = [1, 2, 3], [4, 5, 6]
    labels, confidence = np.uint8([1, 2, 3]), np.float32([0.5, 1, 0])
    palette = np.zeros((256, 3), np.uint8)
    cloud = labelled_cloud(CloudData(points, 1, 3), labels, confidence, palette, preset)
    assert cloud.dtype.itemsize % 4 == 0
    offsets = [offset for _, offset, *_ in cloud_fields(cloud)['fields']]
    assert [offset % 4 for offset in offsets] == [0] * len(offsets)
    assert cloud['ring'].tolist() == [1, 2, 3]
    assert cloud['t'].tolist() == [4, 5, 6]


BEGIN = [('x', '<f4'), ('y', '<f4'), ('z', '<f4'), ('intensity', '<f4')]


@pytest.mark.parametrize(
    ('more', 'offsets', 'itemsize'),
    [
        ([('ring', '<u2'), ('time', '<f4')], [16, 18], 22),  # packed, as Velodyne's driver does
        ([('t', '<u4'), ('reflectivity', '<u2'), ('ring', 'u1')], [20, 24, 26], 48),
        ([('tag', 'u1'), ('line', 'u1'), ('timestamp', '<f8')], [16, 17, 18], 26),
        ([('timestamp', '<f8')], [24], 33),
        ([('normal', '<f4'), ('label', '<u4')], [16, 20], 24),
    ],
)
@pytest.mark.parametrize('count', [0, 7])
def test_fields_keep_their_bytes_however_they_are_packed(more, offsets, itemsize, count):
    fields = [*BEGIN, *more]
    dtype = np.dtype(
        {
            'names': [name for name, _ in fields],
            'formats': [kind for _, kind in fields],
            'offsets': [0, 4, 8, 12, *offsets],
            'itemsize': itemsize,
        }
    )
    data = np.random.default_rng(2).integers(0, 256, (count, itemsize), np.uint8).tobytes()
    points = np.frombuffer(data, dtype)  # what cannot be written is taken too
    labels, confidence = np.arange(count, dtype=np.uint8), np.linspace(0, 1, count, dtype='f4')
    palette = np.arange(768, dtype=np.uint8).reshape(256, 3)
    for sample in (points, points.copy(), points[::2]):
        found = labelled_cloud(
            CloudData(sample, 1, len(sample)), labels[: len(sample)], confidence[: len(sample)],
            palette,
        )  # fmt: skip
        kept = [name for name in dtype.names if name != 'label']
        assert found.dtype.names == (*kept, 'label', 'confidence', 'rgb')
        assert all(found.dtype.fields[name][1] % 4 == 0 for name in found.dtype.names)
        assert found.itemsize % 4 == 0
        for name in kept:
            assert found[name].tobytes() == sample[name].tobytes()
        np.testing.assert_array_equal(found['label'], labels[: len(sample)])
        np.testing.assert_array_equal(found['confidence'], confidence[: len(sample)])
        np.testing.assert_array_equal(found['rgb'], packed_rgb(palette)[labels[: len(sample)]])
