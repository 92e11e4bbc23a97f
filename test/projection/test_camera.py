"""Camera models against OpenCV and against themselves."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.projection import CameraModel

K = np.array([[600.0, 0, 639.5], [0, 610.0, 359.5], [0, 0, 1]])


def opencv_pixels(camera, points):
    zero = np.zeros(3)
    if camera.distortion_model == 'equidistant':
        given_points = points.reshape(-1, 1, 3)
        return cv2.fisheye.projectPoints(given_points, zero, zero, camera.K, camera.D)[0][:, 0]
    return cv2.projectPoints(points, zero, zero, camera.K, camera.D)[0][:, 0]


@st.composite
def cameras(draw):
    model = draw(st.sampled_from(['plumb_bob', 'rational_polynomial', 'equidistant']))
    small = st.floats(-0.01, 0.01)
    if model == 'equidistant':
        D = [draw(st.floats(-0.05, 0.05)) for _ in range(4)]
    else:
        D = [draw(st.floats(-0.4, 0.4)), draw(st.floats(-0.2, 0.2)), draw(small), draw(small)]
        D += [draw(st.floats(-0.05, 0.05))]
        if model == 'rational_polynomial':
            D += [draw(st.floats(-0.3, 0.3)), draw(st.floats(-0.1, 0.1)), draw(small)]
    fx, fy = draw(st.floats(300, 1500)), draw(st.floats(300, 1500))
    matrix = [[fx, 0, draw(st.floats(500, 780))], [0, fy, draw(st.floats(300, 420))], [0, 0, 1]]
    return CameraModel(
        width=1280, height=720, K=np.array(matrix), distortion_model=model, D=np.array(D)
    )


@settings(max_examples=150, deadline=None)
@given(camera=cameras(), seed=st.integers(0, 2**32 - 1))
def test_project_agrees_with_opencv(camera, seed):
    rng = np.random.default_rng(seed)
    rotation = cv2.Rodrigues(rng.normal(size=3) * 0.5)[0]
    points = rng.normal(size=(300, 3)) * [5, 3, 2] @ rotation.T + [0, 0, 6]
    uv, valid = camera.project(points)
    assume(valid.any())
    assert np.abs(uv - opencv_pixels(camera, points))[valid].max() < 1e-6


@settings(max_examples=150, deadline=None)
@given(camera=cameras())
def test_project_inverts_unproject_up_to_the_border(camera):
    u, v = np.linspace(-0.5, 1279.4999, 33), np.linspace(-0.5, 719.4999, 19)
    pixels = np.stack(np.meshgrid(u, v), -1).reshape(-1, 2)
    rays = camera.unproject(pixels)
    reached = np.isfinite(rays).all(axis=1)
    assume(reached.any())
    uv, valid = camera.project(rays[reached])
    interior = ((pixels > 0) & (pixels < [1279, 719])).all(axis=1)[reached]
    assert valid[interior].all()
    assert np.abs(uv - pixels[reached])[valid].max() < 1e-6
    outside = np.abs(uv - pixels[reached])[~valid]
    assert np.isnan(outside).any(axis=-1).all() or np.nanmax(outside) < 1e-6


@settings(max_examples=100, deadline=None)
@given(camera=cameras(), seed=st.integers(0, 2**32 - 1))
def test_no_point_folds_back_into_the_image(camera, seed):
    """Two points on one ray outwards never change their order in the image."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=2)
    direction /= np.linalg.norm(direction)
    radius = np.geomspace(1e-3, 1e3, 4000)
    points = np.column_stack([radius[:, None] * direction, np.ones(len(radius))])
    uv, valid = camera.project(points)
    distance = np.linalg.norm((uv - camera.K[:2, 2]) / camera.K[[0, 1], [0, 1]], axis=1)[valid]
    assert (np.diff(distance) > -1e-3).all()


def test_every_model_sees_the_whole_image(camera):
    assert np.isfinite(camera.rays).all()
    assert camera.rays.shape == (720, 1280, 3)


def test_strong_barrel_distortion_folds_in_opencv_but_not_here():
    camera = CameraModel(width=1280, height=720, K=K, D=np.array([-0.3, 0.0, 0, 0]))
    far_left = np.array([[-2.0, 0.0, 1.0]])
    folded = opencv_pixels(camera, far_left)[0]
    assert 0 < folded[0] < 1280
    assert not camera.project(far_left)[1][0]


@pytest.mark.parametrize('z', [0.0, -1.0, np.nan, -1e-12])
def test_points_behind_the_camera_are_invalid(camera, z):
    assert not camera.project(np.array([[0.1, 0.1, z]]))[1][0]


def test_resized_camera_sees_the_scaled_image(camera):
    smaller = camera.resized(360, 640)
    points = np.array([[0.3, -0.2, 2.0], [-1.0, 0.4, 3.0]])
    expected = (camera.project(points)[0] + 0.5) / 2 - 0.5
    np.testing.assert_allclose(smaller.project(points)[0], expected, atol=1e-9)
    assert smaller is camera.resized(360, 640)


def test_cropped_camera_sees_the_shifted_image(camera):
    part = camera.cropped(100, 50, height=400, width=800)
    points = np.array([[0.1, -0.1, 2.0]])
    np.testing.assert_allclose(
        part.project(points)[0], camera.project(points)[0] - [100, 50], atol=1e-9
    )
    assert (part.width, part.height) == (800, 400)


def test_rectified_camera_agrees_with_opencv_rectification():
    R = cv2.Rodrigues(np.array([0.02, -0.03, 0.01]))[0]
    P = np.array([[580.0, 0, 640, 0], [0, 580, 360, 0], [0, 0, 1, 0]])
    D = np.array([-0.2, 0.05, 0.001, -0.001, 0.0])
    raw = CameraModel(width=1280, height=720, K=K, D=D, R=R, P=P)
    map_u, map_v = cv2.initUndistortRectifyMap(K, D, R, P[:, :3], (1280, 720), cv2.CV_32FC1)
    rectified = replace(raw, rectified=True)
    rays = rectified.unproject([[300, 200], [900, 500]])
    uv, _ = raw.project(rays)
    expected = [[map_u[200, 300], map_v[200, 300]], [map_u[500, 900], map_v[500, 900]]]
    np.testing.assert_allclose(uv, expected, atol=1e-3)
    np.testing.assert_allclose(rectified.project(rays)[0], [[300, 200], [900, 500]])


def test_equal_cameras_share_their_tables(camera):
    again = CameraModel(
        width=1280, height=720, K=camera.K, distortion_model=camera.distortion_model, D=camera.D
    )
    assert again == camera
    assert again.rays is camera.rays
    assert again.resized(100, 200) != camera


@pytest.mark.parametrize(
    ('change', 'named'),
    [
        ({'K': np.zeros((3, 3))}, 'not calibrated'),
        ({'K': np.full((3, 3), np.nan)}, 'K must be finite'),
        ({'K': np.eye(2)}, 'K must hold 9'),
        ({'K': [[600, 1, 600], [0, 600, 300], [0, 0, 1]]}, r'\[fx 0 cx'),
        ({'D': np.array([np.inf, 0, 0, 0])}, 'D must be finite'),
        ({'D': np.full(3, 0.1)}, '0 or 4 or 5 coefficients'),
        ({'distortion_model': 'thin_prism'}, 'supported: plumb_bob'),
        ({'R': np.full((3, 3), 1.0)}, 'R must be a rotation'),
        ({'P': -np.eye(3, 4)}, 'P must have positive'),
        ({'width': 0}, '0 x 720'),
    ],
)
def test_impossible_intrinsics_are_named(change, named):
    with pytest.raises(CalibrationError, match=named):
        CameraModel(**{'width': 1280, 'height': 720, 'K': K, **change})
