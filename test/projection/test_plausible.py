"""Placeholders in the place of intrinsics."""

import numpy as np
import pytest

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.projection import CameraModel
from mmseg_ros.projection.plausible import check_plausible

GOOD_P = [457.0, 0, 319.5, 0, 0, 457, 191.5, 0, 0, 0, 1, 0]


def camera(k, p=None, rectified=False):
    return CameraModel(
        width=640, height=384, K=np.array(k), P=np.array(p or [0] * 12), rectified=rectified
    )


@pytest.mark.parametrize(
    ('k', 'named'),
    [
        ([457.0, 0, 0.499, 0, 457, 0.4987, 0, 0, 1], r'principal point at \(0\.499'),
        ([457.0, 0, 700, 0, 457, 191.5, 0, 0, 1], 'principal point'),
        ([457.0, 0, -3, 0, 457, 191.5, 0, 0, 1], 'principal point'),
        ([0.7, 0, 319.5, 0, 1.2, 191.5, 0, 0, 1], 'focal lengths of 0.7'),
        ([1e9, 0, 319.5, 0, 1e9, 191.5, 0, 0, 1], 'focal lengths'),
        ([457.0, 0, 319.5, 0, 45, 191.5, 0, 0, 1], 'as different as'),
    ],
)
def test_placeholders_are_named(k, named):
    with pytest.raises(CalibrationError, match=named):
        check_plausible(camera(k))


def test_an_identity_beside_a_good_p_names_the_remedy():
    with pytest.raises(CalibrationError, match='rectified: true'):
        check_plausible(camera(np.eye(3).ravel().tolist(), GOOD_P))
    check_plausible(camera(np.eye(3).ravel().tolist(), GOOD_P, rectified=True))


def test_wide_and_long_lenses_are_plausible():
    check_plausible(CameraModel.from_fov(1280, 720, 160))
    check_plausible(CameraModel.from_fov(1280, 720, 1.0))
