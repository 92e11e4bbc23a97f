"""Points behind nearer surfaces are hidden, those beside and on slopes are not."""

import numpy as np
import pytest

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import Plane
from mmseg_ros.projection import CameraModel, project_cloud
from mmseg_ros.projection.circle import SECTORS, is_behind, is_confirmed
from mmseg_ros.projection.occlusion import (
    OPEN_FAR,
    OPEN_MEASURED,
    OPEN_UNMEASURED,
    PASSES,
    hide_occluded,
)
from mmseg_ros.projection.surroundings import surface_noise_per_m, surroundings_of

CAMERA = CameraModel.from_fov(320, 192, 70)


def grid_at(depth_m, columns, rows, step_px):
    """Return points at one depth on every `step_px`-th pixel of a rectangle."""
    u, v = np.meshgrid(np.arange(*columns, step_px), np.arange(*rows, step_px))
    rays = CAMERA.unproject(np.stack([u.ravel(), v.ravel()], 1))
    return (rays * depth_m).astype(np.float32)


@pytest.fixture
def scene():
    """A sparse plate at 5 m in the middle, a denser wall at 20 m that shines through it."""
    plate = grid_at(5, (100, 200), (60, 130), 5)
    wall = grid_at(20, (2, 320), (2, 192), 4)
    return np.concatenate([plate, wall]), len(plate)


def behind_plate(projection, margin_px):
    inside_u = (projection.u > 100 + margin_px) & (projection.u < 195 - margin_px)
    inside_v = (projection.v > 60 + margin_px) & (projection.v < 125 - margin_px)
    return inside_u & inside_v & (projection.depth_m > 10)


def test_a_z_buffer_lets_the_wall_shine_through_and_the_circle_does_not(scene):
    xyz, plate = scene
    projection = project_cloud(xyz, np.eye(4), CAMERA)
    behind = behind_plate(projection, 0)
    assert projection.shown[behind].mean() > 0.9
    seen = hide_occluded(projection)
    assert not seen.shown[behind].any()
    assert seen.visible[:plate].all()
    far = (projection.u < 90) | (projection.u > 205) | (projection.v < 50) | (projection.v > 140)
    assert seen.shown[far].all()


def test_what_the_z_buffer_hid_stays_hidden():
    xyz = np.array([[0, 0, 5], [0, 0, 20]], np.float32)
    projection = project_cloud(xyz, np.eye(4), CAMERA)
    assert hide_occluded(projection).visible.tolist() == [True, False]


def test_a_road_does_not_hide_itself():
    u, v = np.meshgrid(np.arange(0, 320, 3), np.arange(100, 192, 4))
    rays = CAMERA.unproject(np.stack([u.ravel(), v.ravel()], 1))
    xyz = (rays * (1.5 / rays[:, 1:2])).astype(np.float32)
    assert hide_occluded(project_cloud(xyz, np.eye(4), CAMERA)).visible.mean() > 0.999


def test_a_single_drop_hides_its_own_pixel_alone():
    wall = grid_at(20, (2, 320), (2, 192), 4)
    drop = CAMERA.unproject([[160, 96]]) * 1.5
    seen = hide_occluded(
        project_cloud(np.concatenate([drop, wall]).astype('f4'), np.eye(4), CAMERA)
    )
    assert seen.visible.mean() > 0.9999


def surface_of(values):
    return Plane(np.where(values > 0, values, 0)[..., None].astype(np.float32), values > 0)


def test_a_depth_image_hides_what_no_point_covers(scene):
    xyz, plate = scene
    wall = xyz[plate:]
    projection = project_cloud(wall, np.eye(4), CAMERA)
    depth = np.full((192, 320), 20.0)
    depth[60:130, 100:200] = 5.0
    depth[92:98, 142:148] = 0.0  # a hole in the plate is closed by what stands around it
    seen = hide_occluded(projection, surface_of(depth))
    covered = depth[projection.v, projection.u] < 10
    np.testing.assert_array_equal(seen.shown, ~covered)


def test_one_wrong_depth_pixel_hides_nothing(scene):
    xyz, plate = scene
    projection = project_cloud(xyz[plate:], np.eye(4), CAMERA)
    depth = np.full((192, 320), 20.0)
    depth[projection.v[::7], projection.u[::7]] = 6.0
    assert hide_occluded(projection, surface_of(depth)).visible.all()


def test_the_noise_of_a_depth_camera_hides_nothing(scene):
    xyz, plate = scene
    projection = project_cloud(xyz[plate:], np.eye(4), CAMERA)
    for noise_per_m in (0.0012, 0.003):
        noise = np.random.default_rng(3).normal(0, noise_per_m * 20**2, (192, 320))
        surface = surface_of(20 + noise)
        assert surface_noise_per_m(projection, surface) == pytest.approx(noise_per_m, rel=0.15)
        assert hide_occluded(projection, surface).visible.mean() > 0.998


def widest_run(opened):
    """Return how many neighbors in a ring are open at most."""
    if all(opened):
        return len(opened)
    text = ''.join('o' if is_open else '-' for is_open in opened)
    return max(map(len, (text + text).split('-')))


def hidden_without_shortcuts(projection, surface):
    """Return what is visible, by the rule: every circle, in every pass, to its end."""
    facts = surroundings_of(projection, surface)
    visible = projection.visible.copy()
    for _ in range(PASSES):
        near = facts.near[
            facts.reach_px : -facts.reach_px, facts.reach_px : -facts.reach_px
        ].copy()
        for u, v, z, i in zip(
            projection.u, projection.v, projection.depth_m, projection.index, strict=True
        ):
            if visible[i] and not facts.measured[v, u]:
                near[v, u] = min(near[v, u], z)
        for u, v, z, i in zip(
            projection.u, projection.v, projection.depth_m, projection.index, strict=True
        ):
            visible[i] &= not is_hidden(u, v, z, near, facts)
    return visible


def is_hidden(u, v, depth_m, near, facts):
    measured, tolerance = facts.measured[v, u], facts.tolerance
    if measured and is_behind(depth_m, near[v, u], tolerance):
        return is_confirmed(v, u, depth_m, near, facts.measured, tolerance, facts.steps)
    first = {}
    for du, dv, sector in facts.steps:
        y, x = v + dv, u + du
        inside = 0 <= y < near.shape[0] and 0 <= x < near.shape[1]
        if inside and sector not in first and near[y, x] < np.inf:
            first[sector] = is_behind(depth_m, near[y, x], tolerance)
    limit = OPEN_MEASURED if measured else OPEN_FAR if depth_m > facts.far_m else OPEN_UNMEASURED
    return widest_run([not first.get(sector, False) for sector in range(SECTORS)]) <= limit


@pytest.mark.parametrize('with_surface', [False, True])
@pytest.mark.parametrize('seed', range(3))
def test_the_shortcuts_change_no_point(seed, with_surface):
    rng = np.random.default_rng(seed)
    pixels = rng.uniform((0, 0), (320, 192), (400, 2))
    far = rng.choice([5.0, 12.0, 40.0], 400, p=[0.5, 0.3, 0.2]) * rng.uniform(0.9, 1.1, 400)
    xyz = (CAMERA.unproject(pixels) * far[:, None]).astype(np.float32)
    projection = project_cloud(xyz, np.eye(4), CAMERA)
    surface = None
    if with_surface:
        blocks = rng.choice([0.0, 0.0, 6.0, 15.0], (12, 20))
        surface = surface_of(np.kron(blocks, np.ones((16, 16))))
    seen = hide_occluded(projection, surface)
    assert 0.02 < 1 - seen.visible.mean() < 0.98
    expected = hidden_without_shortcuts(projection, surface)
    np.testing.assert_array_equal(seen.visible, expected)


def test_sizes_and_empty_clouds():
    none = project_cloud(np.zeros((0, 3), np.float32), np.eye(4), CAMERA)
    assert hide_occluded(none) is none
    wrong = surface_of(np.ones((10, 12)))
    with pytest.raises(SampleError, match='12 x 10 pixels, but the image 320 x 192'):
        hide_occluded(none, wrong)
