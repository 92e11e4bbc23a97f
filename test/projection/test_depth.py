"""Depth registration."""

import numpy as np
import pytest

from mmseg_ros.core.types import DepthData
from mmseg_ros.projection import CameraModel, depth_plane, splat
from mmseg_ros.projection import depth as depth_module
from mmseg_ros.projection.depth import _every, _step, depth_planes
from mmseg_ros.projection.transforms import pose

CAMERA = CameraModel.from_fov(64, 48, 70)


def test_same_camera_changes_nothing():
    depth = np.random.default_rng(1).uniform(1, 50, (48, 64)).astype(np.float32)
    depth[3, 5] = np.nan
    plane = depth_plane(DepthData(depth), CAMERA, np.eye(4), CAMERA)
    np.testing.assert_array_equal(plane.valid, ~np.isnan(depth))
    np.testing.assert_array_equal(plane.values[..., 0], np.nan_to_num(depth))


def test_a_wall_stays_whole_and_at_its_depth_when_the_image_grows(camera):
    wall = DepthData(np.full((48, 64), 8.0, np.float32))
    target = camera.resized(180, 320)
    plane = depth_plane(wall, CAMERA, pose([0.1, 0, -0.5]), target)
    np.testing.assert_allclose(plane.values[plane.valid], 7.5)
    rows, columns = np.nonzero(plane.valid)
    inside = plane.valid[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    middle = inside[
        len(inside) // 4 : -len(inside) // 4, inside.shape[1] // 4 : -inside.shape[1] // 4
    ]
    assert middle.all()


def test_the_nearest_surface_wins():
    depth = np.full((48, 64), 10.0, np.float32)
    depth[20:28, 28:36] = 2.0
    moved = depth_plane(DepthData(depth), CAMERA, pose([0.1, 0, 0]), CAMERA)
    shift = 0.1 * CAMERA.K[0, 0] / 2.0
    columns = np.flatnonzero(moved.values[24, :, 0] == 2.0)
    assert abs(columns.mean() - (31.5 + shift)) < 1.0
    assert len(columns) == 8


def test_smaller_target_keeps_every_pixel_filled():
    depth = np.full((48, 64), 4.0, np.float32)
    plane = depth_plane(DepthData(depth), CAMERA, np.eye(4), CAMERA.resized(24, 32))
    assert plane.valid.all()


def test_negative_and_infinite_depths_are_invalid():
    depth = np.array([[-1.0, 0.0, np.inf, np.nan, 3.0]], np.float32).repeat(4, axis=0)
    camera = CameraModel.from_fov(5, 4, 60)
    plane = depth_plane(DepthData(depth), camera, np.eye(4), camera)
    assert plane.valid.sum() == 4
    assert not plane.values[~plane.valid].any()


@pytest.mark.parametrize('size', [(48, 64), (240, 320)])
def test_two_sizes_in_one_pass_are_those_of_two_passes_to_the_byte(camera, size):
    """The small target takes every third row and column of the larger depth image."""
    rng = np.random.default_rng(4)
    depth = rng.uniform(1, 30, size).astype(np.float32)
    depth[rng.random(size) < 0.2] = np.nan
    source = CameraModel.from_fov(64, 48, 110)
    T, at_rest = pose([0.2, -0.1, 0.4], [0, 0, 0.05, 1]), pose([0.2, -0.1, 0.1])
    cameras = camera.resized(45, 80), camera.resized(180, 320)
    together = depth_planes(DepthData(depth), source, T, cameras, at_rest)
    for plane, target in zip(together, cameras, strict=True):
        alone = depth_plane(DepthData(depth), source, T, target, at_rest)
        assert 0.1 < alone.valid.mean() < 1.0
        assert plane.values.tobytes() == alone.values.tobytes()
        assert plane.valid.tobytes() == alone.valid.tobytes()


@pytest.mark.parametrize(
    ('size', 'passes'),
    [
        ((180, 320), 1),  # 4 times as fine as the network's input
        ((240, 430), 1),  # 5 times
        ((810, 1440), 1),  # every 10th and every 2nd: the labels take all that the network takes
        ((720, 1280), 2),  # every 9th and every 2nd: some that the labels do not take
    ],
)
def test_a_fine_depth_image_is_moved_once_for_both_sizes(camera, monkeypatch, size, passes):
    moved = []
    register = depth_module._register
    monkeypatch.setattr(
        depth_module, '_register', lambda *arrays: (moved.append(1), register(*arrays))
    )
    depth = np.random.default_rng(5).uniform(2, 20, size).astype(np.float32)
    source, T = CameraModel.from_fov(64, 48, 80), pose([0.1, 0.0, 0.2])
    cameras = camera.resized(45, 80), camera.resized(180, 320)
    together = depth_planes(DepthData(depth), source, T, cameras)
    assert len(moved) == passes
    for plane, target in zip(together, cameras, strict=True):
        alone = depth_plane(DepthData(depth), source, T, target)
        assert plane.values.tobytes() == alone.values.tobytes()


@pytest.mark.parametrize(('height', 'width'), [(720, 1280), (1080, 1920), (2160, 3840)])
def test_a_fine_depth_image_costs_no_more_than_the_target_needs(height, width):
    target = CameraModel.from_fov(64, 40, 70.0)
    fine = target.resized(height, width)
    depth = np.full((height, width), 8.0, np.float32)
    box = np.s_[height // 4 : height // 2, width // 4 : width // 2]
    depth[box] = 3.0
    plane = depth_plane(DepthData(depth), fine, np.eye(4), target)
    assert plane.valid.all()
    # Sizes of pixels are tables of the source: those of the whole image would take seconds.
    source = _every(fine, _step(fine, target))
    assert source.height < 4 * target.height
    expected = np.full((40, 64), 8.0, np.float32)
    expected[10:20, 16:32] = 3.0
    wrong = plane.values[..., 0] != expected
    assert wrong.sum() <= 2 * (10 + 16)  # the outline of the box, no more than a pixel wide
    assert not wrong[12:18, 18:30].any()
    assert not wrong[:9].any()


def test_the_kept_pixels_look_where_they_did():
    camera = CameraModel.from_fov(31, 20, 60.0)
    for step in (2, 3):
        kept = _every(camera, step)
        rays = camera.rays[step // 2 :: step, step // 2 :: step]
        np.testing.assert_allclose(kept.rays, rays, atol=1e-6)


def test_pixels_that_hardly_grow_land_where_their_areas_are(monkeypatch):
    """The short way for them, and the one of areas, fill the same pixels."""
    rng = np.random.default_rng(0)
    columns, rows, n, clear = 40, 30, 50, 0
    camera = np.array([0, columns, rows, 5, 5, 19.5, 14.5, np.inf, *[0.0] * 8])
    for trial in range(200):
        u, v = rng.uniform(-2, columns + 2, n), rng.uniform(-2, rows + 2, n)
        if trial % 2:  # on the edge between two pixels, or beside it
            u[::7] = np.floor(u[::7]) + 0.5 + rng.choice([0, 1e-12, -1e-12, 9e-6, -9e-6, 3e-5])
        z = rng.choice([1.0, 2.0, 3.0, np.nan, -1.0], n)
        before = np.nan_to_num(z, nan=1.0).astype(np.float32)
        sizes = tuple(np.full(n, 0.5 + size, np.float32) for size in rng.choice([1e-6, 1e-5], 2))
        clear += splat._is_clear(u, v, z)
        found = []
        for put in (splat.put_row, splat.put_row.py_func):
            image = np.full((rows, columns), np.inf, np.float32)
            scratch = np.empty((2, n)), np.empty(n, np.float32)
            numbers = np.empty((splat.NUMBERS, n), np.int32)
            put(u, v, z, before, sizes, *scratch, numbers, camera, image)
            found.append(image)
            monkeypatch.setattr(splat, '_is_clear', lambda *_: False)
        monkeypatch.undo()
        assert np.isfinite(found[0]).any()
        np.testing.assert_array_equal(*found)
    assert 50 < clear < 150
