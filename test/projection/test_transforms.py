"""Rigid transforms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.projection.transforms import (
    invert,
    pose,
    quaternion_from_rotation,
    rigid,
    rotation_from_quaternion,
    transform_points,
)

quaternions = st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(
    lambda q: np.linalg.norm(q) > 0.1
)


@given(quaternions)
def test_rotation_and_quaternion_invert_each_other(q):
    unit = np.array(q) / np.linalg.norm(q)
    R = rotation_from_quaternion(unit)
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(R) == pytest.approx(1.0)
    np.testing.assert_allclose(
        rotation_from_quaternion(quaternion_from_rotation(R)), R, atol=1e-12
    )


def test_a_quarter_turn_about_z_turns_x_into_y():
    T = pose([1, 2, 3], [0, 0, np.sqrt(0.5), np.sqrt(0.5)])
    np.testing.assert_allclose(transform_points(T, np.array([[1.0, 0, 0]])), [[1, 3, 3]])


@given(quaternions)
def test_inverse_undoes(q):
    T = pose([1, -2, 3], np.array(q) / np.linalg.norm(q))
    np.testing.assert_allclose(T @ invert(T), np.eye(4), atol=1e-12)


@pytest.mark.parametrize(
    'values',
    [
        np.diag([1, 1, 1, 2.0]),
        np.diag([2, 1, 1, 1.0]),
        np.diag([-1, 1, 1, 1.0]),
        np.full((4, 4), np.nan),
        [1, 2],
        {'translation_m': [0, 0, 0]},
        {'translation_m': [0, 0, 0], 'rotation_xyzw': [0, 0, 0, 0]},
        'identity',
    ],
)
def test_impossible_transforms_are_rejected(values):
    with pytest.raises(CalibrationError, match=r'rigid|must be'):
        rigid(values, 'Pose')
