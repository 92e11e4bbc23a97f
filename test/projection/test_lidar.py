"""Cloud projection against a plain NumPy z-buffer, and what is hidden."""

import numpy as np
import pytest

from mmseg_ros.core.types import CloudData
from mmseg_ros.projection import CameraModel, lidar_plane, project_cloud
from mmseg_ros.projection.lidar import intensity
from mmseg_ros.projection.transforms import pose, transform_points

T_CAMERA_LIDAR = np.array([[0, -1.0, 0, 0.05], [0, 0, -1, -0.4], [1, 0, 0, -0.4], [0, 0, 0, 1]])


def cloud_of(xyz, **fields):
    dtype = [(n, '<f4') for n in 'xyz'] + [(n, v.dtype) for n, v in fields.items()]
    points = np.zeros(len(xyz), dtype)
    for axis, name in enumerate('xyz'):
        points[name] = xyz[:, axis]
    for name, values in fields.items():
        points[name] = values
    return CloudData(points, 1, len(points))


@pytest.fixture
def xyz():
    rng = np.random.default_rng(7)
    points = rng.normal(size=(20000, 3)) * [15, 8, 2]
    points[::50] = np.nan
    points[1::500] = np.inf
    return points.astype(np.float32)


def test_projection_equals_a_numpy_z_buffer(camera, xyz):
    projection = project_cloud(xyz, T_CAMERA_LIDAR, camera, depth_tolerance=0.0)
    with np.errstate(invalid='ignore'):
        optical = transform_points(T_CAMERA_LIDAR, xyz)
        uv, valid = camera.project(optical)
    valid &= (optical[:, 2] > 0.1) & (optical[:, 2] < 1000)
    index = np.flatnonzero(valid)
    np.testing.assert_array_equal(projection.index, index)
    pixels = np.floor(uv[index] + 0.5).astype(int)
    np.testing.assert_array_equal(projection.u, pixels[:, 0])
    np.testing.assert_array_equal(projection.v, pixels[:, 1])
    depth = optical[index, 2].astype(np.float32)
    np.testing.assert_array_equal(projection.depth_m, depth)
    nearest = np.full((720, 1280), np.inf, np.float32)
    np.minimum.at(nearest, (pixels[:, 1], pixels[:, 0]), depth)
    np.testing.assert_array_equal(projection.shown, depth <= nearest[pixels[:, 1], pixels[:, 0]])
    assert len(projection.visible) == len(xyz)
    assert 0 < projection.visible.sum() < len(index)


def test_tolerance_is_relative(rig):
    camera = rig.camera('rgb')
    behind = np.array([[0, 0, 10.0], [0, 0, 10.15], [0, 0, 10.3]], np.float32)
    assert project_cloud(behind, np.eye(4), camera).visible.tolist() == [True, True, False]
    strict = project_cloud(behind, np.eye(4), camera, depth_tolerance=0.0)
    assert strict.visible.tolist() == [True, False, False]


def test_consecutive_calls_do_not_share_memory(rig, xyz):
    camera = rig.camera('rgb')
    first = project_cloud(xyz, T_CAMERA_LIDAR, camera)
    kept = first.u.copy(), first.visible.copy()
    project_cloud(xyz[::-1], T_CAMERA_LIDAR, camera)
    np.testing.assert_array_equal(first.u, kept[0])
    np.testing.assert_array_equal(first.visible, kept[1])


def test_plane_holds_range_intensity_and_height_of_the_nearest_point(rig):
    camera = rig.camera('rgb')
    xyz = np.array([[20.0, 0, 0], [10.0, 0, 0.2], [3, 0, 0]]) @ np.diag([1, 1, 1])
    cloud = cloud_of(xyz, intensity=np.array([10, 51, 255], np.uint8))
    plane = lidar_plane(cloud, rig.T('rgb', 'lidar'), rig.T_base('lidar'), camera)
    uv, _ = camera.project(transform_points(rig.T('rgb', 'lidar'), xyz))
    u, v = np.floor(uv[1] + 0.5).astype(int)
    np.testing.assert_allclose(plane.values[v, u], [np.hypot(10, 0.2), 0.2, 2.1], rtol=1e-6)
    assert plane.valid.sum() == 3
    assert not plane.values[~plane.valid].any()


@pytest.mark.parametrize(
    ('values', 'expected'),
    [
        (np.array([0, 255], np.uint8), [0, 1]),
        (np.array([0, 65535], np.uint16), [0, 1]),
        (np.array([0.25, 1.0], np.float32), [0.25, 1]),
        (np.array([51.0, 255.0], np.float32), [0.2, 1]),
        (np.array([np.nan, 511.0], np.float32), [0, 1]),
        (np.array([51, 255], np.uint16), [0.2, 1]),
        (np.array([-1.0, 0.5], np.float32), [0, 0.5]),
    ],
)
def test_intensity_becomes_zero_to_one(values, expected):
    np.testing.assert_allclose(intensity(cloud_of(np.zeros((2, 3)), intensity=values)), expected)


def test_a_cloud_without_intensity_has_zeros():
    assert not intensity(cloud_of(np.ones((4, 3)))).any()


def test_an_empty_cloud_projects_to_nothing(camera):
    projection = project_cloud(np.zeros((0, 3), np.float32), pose([0, 0, 0]), camera)
    assert len(projection.u) == len(projection.visible) == 0


def test_half_a_pixel_more_never_leaves_the_image():
    """The largest number below one half, plus one half, is one: a column that is not there."""
    camera = CameraModel(width=1, height=1, K=np.diag([1.0, 1.0, 1.0]))
    edge = np.nextafter(np.float32(0.5), np.float32(0))
    xyz = np.full((4, 3), 1, np.float32)
    xyz[:, 0] = [edge, 0.4, 0.4, edge]
    xyz[:, 1] = [0.4, edge, 0.4, edge]
    for offset in (0.0, 0.5 - 1e-17 - float(edge), 2.0**-25 - 2.0**-54):
        T = pose([offset, offset, 0])
        projection = project_cloud(xyz, T, camera)
        assert (projection.u == 0).all()
        assert (projection.v == 0).all()
        plane = lidar_plane(cloud_of(xyz), T, np.eye(4), camera)
        assert plane.values.shape == (1, 1, 3)


def test_points_and_their_places_are_as_many():
    with pytest.raises(ValueError, match='3 points cannot lie at'):
        lidar_plane(
            cloud_of(np.ones((3, 3), np.float32)),
            np.eye(4),
            np.eye(4),
            CameraModel.from_fov(8, 8, 90),
            np.ones((4, 3), np.float32),
        )
