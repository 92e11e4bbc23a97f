"""Lens models under the names and with the lengths that drivers use, compared with OpenCV."""

import cv2
import numpy as np
import pytest

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.projection import CameraModel
from mmseg_ros.projection.lenses import canonical_lens

K = np.array([[900.0, 0, 640], [0, 905, 360], [0, 0, 1]])
POINTS = np.random.default_rng(1).uniform([-3, -1.6, 5], [3, 1.6, 9], (400, 3))
RATIONAL = [1.6, 0.7, 1e-4, -1.8e-4, 0.029, 2.0, 1.2, 0.157]
PRISM = [0.0012, -7.6e-5, 9.2e-5, -3.0e-5]
TILT = [-0.0016, 0.0031]


def camera(model, D):
    return CameraModel(width=1280, height=720, K=K, distortion_model=model, D=np.array(D, float))


@pytest.mark.parametrize(
    ('model', 'D'),
    [
        ('rational_polynomial', RATIONAL),
        ('rational_polynomial', RATIONAL[:5]),
        ('rational_polynomial', RATIONAL + PRISM),
        ('rational_polynomial', RATIONAL + PRISM + TILT),
        ('rational_polynomial', RATIONAL + [0] * 6),
        ('plumb_bob', RATIONAL + PRISM + TILT),
        ('Plumb_Bob', [-0.3, 0.1, 1e-3, -1e-3, 0]),
        ('radtan', [-0.3, 0.1, 1e-3, -1e-3]),
        ('Brown Conrady', [-0.3, 0.1, 1e-3, -1e-3, -0.02]),
        ('pinhole', [0] * 5),
        ('none', []),
    ],
)
def test_pixels_are_those_of_opencv(model, D):
    seen = camera(model, D)
    uv, valid = seen.project(POINTS)
    none = np.zeros(3)
    want = cv2.projectPoints(POINTS, none, none, K, np.array(D, float) if len(D) else None)[0]
    np.testing.assert_allclose(uv[valid], want[valid, 0], atol=1e-9)
    assert valid.mean() > 0.9
    back = seen.project(5.0 * seen.unproject(uv[valid]))[0]
    np.testing.assert_allclose(back, uv[valid], atol=1e-7)


@pytest.mark.parametrize('model', ['fisheye', 'equi', 'Kannala-Brandt'])
def test_fisheyes_under_their_names(model):
    D = [0.01, 0.002, -0.001, 1e-4]
    uv, valid = camera(model, [*D, 0.0]).project(POINTS)
    none = np.zeros(3)
    want = cv2.fisheye.projectPoints(POINTS[:, None], none, none, K, np.array(D))[0][:, 0]
    np.testing.assert_allclose(uv[valid], want[valid], atol=1e-9)


@pytest.mark.parametrize(
    ('model', 'D', 'named'),
    [
        ('pinhole', [0.1, 0, 0, 0], 'takes no coefficients'),
        ('Inverse Brown Conrady', [0.1, 0, 0, 0, 0], 'takes no coefficients'),
        ('ftheta', [0.0] * 5, "'ftheta'"),
        ('rational_polynomial', [0.1] * 15, '8 or 12 or 14'),
        ('equidistant', [0.1] * 5, 'needs 4'),
        ('plumb_bob', [0.1] * 2, '0 or 4 or 5'),
    ],
)
def test_what_is_not_known_is_named(model, D, named):
    with pytest.raises(CalibrationError, match=named):
        canonical_lens(model, np.array(D))


def test_a_skew_of_rounding_is_none():
    skewed = K.copy()
    skewed[0, 1] = 1e-9
    assert CameraModel(width=1280, height=720, K=skewed) == CameraModel(
        width=1280, height=720, K=K
    )
