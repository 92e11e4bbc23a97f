"""How the vehicle moved between two stamps."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.projection.transforms import invert, pose, quaternion_from_rotation

NS_PER_S = 1_000_000_000


class Odometry:
    """The last poses of the base in a fixed frame, e.g. `odom`.

    Args:
        keep_s: Poses older than this before the newest are forgotten.
        extrapolate_s: How far beyond the known poses a stamp may lie; the last motion goes on.
    """

    def __init__(self, keep_s: float = 5.0, extrapolate_s: float = 0.1) -> None:
        self._keep_ns = round(keep_s * NS_PER_S)
        self._extrapolate_ns = round(extrapolate_s * NS_PER_S)
        self._stamps: deque[int] = deque()
        self._poses: deque[tuple[NDArray[np.float64], NDArray[np.float64]]] = deque()

    def add(self, stamp_ns: int, T_odom_base: NDArray[np.float64]) -> None:
        """Add a pose (4 x 4); a stamp that goes backwards clears the others (a bag that loops)."""
        if self._stamps and stamp_ns <= self._stamps[-1]:
            self._stamps.clear()
            self._poses.clear()
        quaternion = quaternion_from_rotation(T_odom_base[:3, :3])
        if self._poses and quaternion @ self._poses[-1][1] < 0:
            quaternion = -quaternion
        self._stamps.append(stamp_ns)
        self._poses.append((T_odom_base[:3, 3].copy(), quaternion))
        while self._stamps[0] < stamp_ns - self._keep_ns:
            self._stamps.popleft()
            self._poses.popleft()

    def pose(self, stamp_ns: int) -> NDArray[np.float64]:
        """Return the 4 x 4 pose of the base at a stamp, between the two known ones.

        Raises:
            CalibrationError: The stamp lies too far outside the known poses.
        """
        if len(self._stamps) < 2:
            raise CalibrationError('No odometry yet: fewer than two poses have arrived.')
        outside_ns = max(self._stamps[0] - stamp_ns, stamp_ns - self._stamps[-1])
        if outside_ns > self._extrapolate_ns:
            raise CalibrationError(
                f'Odometry ends {outside_ns / 1e6:.0f} ms away from the stamp {stamp_ns}; '
                f'at most {self._extrapolate_ns / 1e6:.0f} ms are bridged.'
            )
        after = min(max(bisect_left(self._stamps, stamp_ns), 1), len(self._stamps) - 1)
        start_ns, end_ns = self._stamps[after - 1], self._stamps[after]
        share = (stamp_ns - start_ns) / (end_ns - start_ns)
        (position_a, turn_a), (position_b, turn_b) = self._poses[after - 1], self._poses[after]
        return pose(
            position_a + share * (position_b - position_a), _between(turn_a, turn_b, share)
        )

    def motion(self, target_ns: int, source_ns: int) -> NDArray[np.float64]:
        """Return the 4 x 4 transform from the base at `source_ns` into the base at `target_ns`.

        Raises:
            CalibrationError: A stamp lies too far outside the known poses.
        """
        if target_ns == source_ns:
            return np.eye(4)
        return invert(self.pose(target_ns)) @ self.pose(source_ns)


def add_odometry_message(odometry: Odometry, stamp_ns: int, msg: Any) -> None:
    """Add the pose of a nav_msgs/Odometry message, by attribute names alone.

    Args:
        odometry: Where it goes.
        stamp_ns: Its header stamp.
        msg: The message.

    Raises:
        CalibrationError: Its rotation is no unit quaternion.
    """
    given = msg.pose.pose
    position, turn = given.position, given.orientation
    T = pose([position.x, position.y, position.z], [turn.x, turn.y, turn.z, turn.w])
    odometry.add(stamp_ns, T)


def _between(a: NDArray[np.float64], b: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Return the rotation between two quaternions (spherical interpolation)."""
    cosine = float(np.clip(a @ b, -1.0, 1.0))
    angle = float(np.arccos(cosine))
    if angle < 1e-6:
        mixed = a + share * (b - a)
    else:
        mixed = (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle)
    return np.asarray(mixed / np.linalg.norm(mixed))
