"""Samples of other times brought to the time of the reference image by the vehicle's motion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.core.types import CloudData, Modality
from mmseg_ros.projection.compiled import compiled
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.projection.odometry import Odometry
from mmseg_ros.projection.transforms import invert

_KNOTS = 33


class RigInMotion:
    """The rig around the time of one reference image.

    Without odometry, or where it does not reach the stamps, the vehicle counts as standing still;
    the odometry is told, and tells.

    Args:
        rig: Poses of the sensors on the vehicle.
        stamp_ns: Time of the reference image.
        odometry: Poses of the vehicle, if there are any.
    """

    def __init__(self, rig: Rig, stamp_ns: int, odometry: Odometry | None = None) -> None:
        self._rig = rig
        self._stamp_ns = stamp_ns
        self._odometry = odometry if odometry is not None and odometry.is_known else None

    def T_reference(self, modality: Modality, stamp_ns: int) -> NDArray[np.float64]:  # noqa: N802
        """Return the 4 x 4 transform from a sensor at `stamp_ns` into the reference image's frame.

        Raises:
            CalibrationError: The pose of one of the two sensors is unknown.
        """
        T_base_reference = self._rig.T_base(self._rig.reference)
        return invert(T_base_reference) @ self._motion(stamp_ns) @ self._rig.T_base(modality)

    def xyz(self, modality: Modality, cloud: CloudData, stamp_ns: int) -> NDArray[np.float32]:
        """Return N x 3 float32, the cloud in the LiDAR frame at the reference image's time.

        Points with times of their own are moved one by one, others all alike. Each coordinate lies
        in one piece of memory, as the loops over a cloud want it.

        Args:
            modality: The LiDAR.
            cloud: Its points.
            stamp_ns: Stamp of the cloud.

        Raises:
            CalibrationError: The pose of the LiDAR is unknown.
        """
        xyz = _columns(cloud).T
        if self._odometry is None:
            return xyz
        T_base_lidar = self._rig.T_base(modality)
        stamps = cloud.point_stamp_ns
        if stamps is None:
            stamps = np.full(len(xyz), stamp_ns, np.int64)
        try:
            moved = deskewed(xyz, stamps, self._stamp_ns, self._odometry, T_base_lidar)
        except CalibrationError as error:
            self._odometry.note(str(error))
            return xyz
        self._odometry.note('')
        return moved

    def _motion(self, stamp_ns: int) -> NDArray[np.float64]:
        if self._odometry is None:
            return np.eye(4)
        try:
            motion = self._odometry.motion(self._stamp_ns, stamp_ns)
        except CalibrationError as error:
            self._odometry.note(str(error))
            return np.eye(4)
        if stamp_ns != self._stamp_ns:
            self._odometry.note('')
        return motion


def deskewed(
    xyz: NDArray[np.float32],
    point_stamp_ns: NDArray[np.int64],
    target_ns: int,
    odometry: Odometry,
    T_base_lidar: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Return a cloud as the LiDAR would have seen it at once at `target_ns`, in its frame then.

    Args:
        xyz: N x 3 meters, each point in the LiDAR frame at its own time.
        point_stamp_ns: N int64.
        target_ns: Time of the result, e.g. the stamp of the camera.
        odometry: Poses around all these times.
        T_base_lidar: 4 x 4.

    Raises:
        CalibrationError: The odometry does not reach over the sweep.
    """
    if not len(xyz):
        return xyz
    first, last = int(point_stamp_ns.min()), int(point_stamp_ns.max())
    # Relative to the first point: stamps since 1970 are too long for a float.
    after_ns = np.linspace(0.0, last - first, _KNOTS) if last > first else np.array([0.0, 1.0])
    T_lidar_base = invert(T_base_lidar)
    moves = np.stack(
        [
            T_lidar_base @ motion @ T_base_lidar
            for motion in odometry.motions(target_ns, (first + round(t) for t in after_ns))
        ]
    )
    step_ns = float(after_ns[1])
    result = np.empty((3, len(xyz)), np.float32)
    offsets = (point_stamp_ns - first).astype(np.float64) / step_ns
    _move(np.ascontiguousarray(xyz.T, np.float32), offsets, moves, result)
    return result.T


def _columns(cloud: CloudData) -> NDArray[np.float32]:
    """Return 3 x N coordinates, each in one piece of memory."""
    columns = np.empty((3, len(cloud.points)), np.float32)
    for column, name in zip(columns, 'xyz', strict=True):
        column[:] = cloud.points[name]
    return columns


@compiled
def _move(
    xyz: NDArray[np.float32],
    offsets: NDArray[np.float64],
    moves: NDArray[np.float64],
    result: NDArray[np.float32],
) -> None:
    for i in range(xyz.shape[1]):
        k = max(min(int(offsets[i]), len(moves) - 2), 0)
        # Between two knots, 3 ms apart, a rotation matrix is linear to a millionth.
        w = offsets[i] - k
        x, y, z = xyz[0, i], xyz[1, i], xyz[2, i]
        for row in range(3):
            a, b = moves[k, row], moves[k + 1, row]
            before = a[0] * x + a[1] * y + a[2] * z + a[3]
            after = b[0] * x + b[1] * y + b[2] * z + b[3]
            result[row, i] = before + w * (after - before)
