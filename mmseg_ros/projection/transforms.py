"""Rigid transforms as 4 x 4 matrices `T_target_source`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmseg_ros.core.errors import CalibrationError

_ORTHOGONAL_TOLERANCE = 1e-3

T_OPTICAL_BODY_ROTATION = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
"""Rotation from x forward, y left, z up into x right, y down, z forward (REP-103)."""


def rotation_from_quaternion(xyzw: ArrayLike) -> NDArray[np.float64]:
    """Return the 3 x 3 rotation of a quaternion x, y, z, w.

    Raises:
        CalibrationError: It is not four finite numbers or its length is not near one.
    """
    quaternion = np.asarray(xyzw, np.float64).ravel()
    norm = float(np.linalg.norm(quaternion)) if quaternion.size == 4 else float('nan')
    if not abs(norm - 1.0) < 0.01:
        raise CalibrationError(
            f'A rotation quaternion must be x, y, z, w of length 1, but is {quaternion.tolist()}.'
        )
    x, y, z, w = quaternion / norm
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def quaternion_from_rotation(R: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the quaternion x, y, z, w (w >= 0) of a 3 x 3 rotation."""
    # The eigenvector of the largest eigenvalue is exact for rotations and stable near 180 degrees.
    q = np.array(
        [
            [R[0, 0] - R[1, 1] - R[2, 2], 0, 0, 0],
            [R[1, 0] + R[0, 1], R[1, 1] - R[0, 0] - R[2, 2], 0, 0],
            [R[2, 0] + R[0, 2], R[2, 1] + R[1, 2], R[2, 2] - R[0, 0] - R[1, 1], 0],
            [R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1], np.trace(R)],
        ]
    )
    vectors = np.linalg.eigh(q, UPLO='L').eigenvectors
    quaternion = vectors[:, -1]
    return quaternion if quaternion[3] >= 0 else -quaternion


def pose(translation_m: ArrayLike, rotation_xyzw: ArrayLike = (0, 0, 0, 1)) -> NDArray[np.float64]:
    """Return the 4 x 4 transform with this translation (meters) and rotation quaternion."""
    T = np.eye(4)
    T[:3, :3] = rotation_from_quaternion(rotation_xyzw)
    T[:3, 3] = np.asarray(translation_m, np.float64).ravel()
    return T


def invert(T: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the inverse of a rigid 4 x 4 transform."""
    inverse = np.eye(4)
    inverse[:3, :3] = T[:3, :3].T
    inverse[:3, 3] = -T[:3, :3].T @ T[:3, 3]
    return inverse


def transform_points(T: NDArray[np.float64], points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return N x 3 points moved from the source into the target frame of `T`."""
    return np.asarray(points, np.float64) @ T[:3, :3].T + T[:3, 3]


def rigid(values: Any, what: str) -> NDArray[np.float64]:
    """Return a read-only, checked 4 x 4 rigid transform.

    Args:
        values: 4 x 4 or 3 x 4 numbers, or a mapping with translation_m and rotation_xyzw.
        what: Named in the message.

    Raises:
        CalibrationError: The values are no rigid transform.
    """
    try:
        if isinstance(values, dict):
            T = pose(values['translation_m'], values['rotation_xyzw'])
        else:
            T = np.eye(4)
            given = np.array(values, np.float64).reshape(-1, 4)
            T[: len(given)] = given
    except (KeyError, TypeError, ValueError) as error:
        raise CalibrationError(
            f'{what} must be a 4 x 4 matrix or translation_m and rotation_xyzw, but is {values!r}.'
        ) from error
    R = T[:3, :3]
    bad = not np.isfinite(T).all() or not np.array_equal(T[3], [0, 0, 0, 1])
    if bad or np.abs(R @ R.T - np.eye(3)).max() > _ORTHOGONAL_TOLERANCE or np.linalg.det(R) < 0:
        raise CalibrationError(
            f'{what} must be rigid (orthonormal right-handed rotation, last row 0 0 0 1), '
            f'but is {T.tolist()}.'
        )
    T.flags.writeable = False
    return T


def rotation(axis: str, angle: float, about: ArrayLike = (0.0, 0.0, 0.0)) -> NDArray[np.float64]:
    """Return the 4 x 4 rotation by `angle` radians about the `axis` ('x', 'y', 'z') at a point."""
    i, j = {'x': (1, 2), 'y': (2, 0), 'z': (0, 1)}[axis]
    T = np.eye(4)
    T[i, i] = T[j, j] = np.cos(angle)
    T[j, i] = np.sin(angle)
    T[i, j] = -T[j, i]
    centre = np.asarray(about, np.float64)
    T[:3, 3] = centre - T[:3, :3] @ centre
    return T
