"""How the vehicle moved between two stamps."""

from __future__ import annotations

import copy
import logging
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.projection.transforms import invert, pose, quaternion_from_rotation

NS_PER_S = 1_000_000_000
_FARTHEST_M = 1e8  # beyond the size of the Earth: UTM and ECEF positions are taken

_logger = logging.getLogger(__name__)


class Odometry:
    """The last poses of the base in a fixed frame, e.g. `odom`; any thread may use it.

    Args:
        keep_s: Poses older than this before the newest are forgotten.
        extrapolate_s: How far beyond the known poses a stamp may lie; the last motion goes on.
        longest_gap_s: Between poses that lie farther apart nothing is known.

    Attributes:
        misses: How often the motion to a stamp was unknown since poses have come.
    """

    def __init__(
        self, keep_s: float = 5.0, extrapolate_s: float = 0.1, longest_gap_s: float = 0.5
    ) -> None:
        self.misses = 0
        self._is_missing = False
        self._lock = threading.Lock()
        self._keep_ns = round(keep_s * NS_PER_S)
        self._extrapolate_ns = round(extrapolate_s * NS_PER_S)
        self._longest_gap_ns = round(longest_gap_s * NS_PER_S)
        self._stamps: deque[int] = deque()
        self._poses: deque[tuple[NDArray[np.float64], NDArray[np.float64]]] = deque()

    @property
    def is_known(self) -> bool:
        """Return whether any pose has arrived."""
        return bool(self._stamps)

    def snapshot(self) -> Odometry:
        """Return what is known now, for one who looks at it after more has come."""
        with self._lock:
            taken = copy.copy(self)
            taken._lock = threading.Lock()
            taken._stamps, taken._poses = self._stamps.copy(), self._poses.copy()
        return taken

    def add(self, stamp_ns: int, T_odom_base: NDArray[np.float64]) -> None:
        """Add a pose (4 x 4); a stamp that goes backwards clears the others (a bag that loops)."""
        quaternion = quaternion_from_rotation(T_odom_base[:3, :3])
        with self._lock:
            if self._stamps and stamp_ns == self._stamps[-1]:
                return
            if self._stamps and stamp_ns < self._stamps[-1]:
                self._stamps.clear()
                self._poses.clear()
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
            CalibrationError: The stamp lies too far outside the known poses or in a gap, or the
                poses around it are not finite.
        """
        with self._lock:
            after = self._index_after(stamp_ns)
            start_ns, end_ns = self._stamps[after - 1], self._stamps[after]
            (position_a, turn_a), (position_b, turn_b) = self._poses[after - 1], self._poses[after]
        share = (stamp_ns - start_ns) / (end_ns - start_ns)
        position = position_a + share * (position_b - position_a)
        if not np.isfinite(position).all():
            raise CalibrationError(f'Odometry holds no finite position around {stamp_ns}.')
        return pose(position, _between(turn_a, turn_b, share))

    def motion(self, target_ns: int, source_ns: int) -> NDArray[np.float64]:
        """Return the 4 x 4 transform from the base at `source_ns` into the base at `target_ns`.

        Raises:
            CalibrationError: A stamp lies too far outside the known poses.
        """
        return self.motions(target_ns, [source_ns])[0]

    def motions(self, target_ns: int, sources_ns: Iterable[int]) -> list[NDArray[np.float64]]:
        """Return what `motion` does, for several source stamps.

        Raises:
            CalibrationError: A stamp lies too far outside the known poses.
        """
        T_target = None
        found = []
        for source_ns in sources_ns:
            if source_ns == target_ns:
                found.append(np.eye(4))
                continue
            if T_target is None:
                T_target = invert(self.pose(target_ns))
            found.append(T_target @ self.pose(source_ns))
        return found

    def note(self, reason: str) -> None:
        """Count that a motion was unknown, or with '' that it was known; changes are logged."""
        self.misses += bool(reason)
        if reason and not self._is_missing:
            _logger.warning('%s Until then points and depth are not moved to the image.', reason)
        elif self._is_missing and not reason:
            _logger.info('Odometry is back: points and depth are moved to the image again.')
        self._is_missing = bool(reason)

    def _index_after(self, stamp_ns: int) -> int:
        """Return the index of the second of the two poses around a stamp."""
        if len(self._stamps) < 2:
            raise CalibrationError('No odometry yet: fewer than two poses have arrived.')
        outside_ns = max(self._stamps[0] - stamp_ns, stamp_ns - self._stamps[-1])
        if outside_ns > self._extrapolate_ns:
            raise CalibrationError(
                f'Odometry ends {outside_ns / 1e6:.0f} ms away from the stamp {stamp_ns}; '
                f'at most {self._extrapolate_ns / 1e6:.0f} ms are bridged.'
            )
        after = min(max(bisect_left(self._stamps, stamp_ns), 1), len(self._stamps) - 1)
        gap_ns = self._stamps[after] - self._stamps[after - 1]
        if gap_ns > self._longest_gap_ns:
            raise CalibrationError(
                f'Odometry has a gap of {gap_ns / 1e6:.0f} ms around the stamp {stamp_ns}; '
                f'at most {self._longest_gap_ns / 1e6:.0f} ms are bridged.'
            )
        return after


def add_odometry_message(odometry: Odometry, stamp_ns: int, msg: Any) -> None:
    """Add the pose of a nav_msgs/Odometry message, by attribute names alone.

    Args:
        odometry: Where it goes.
        stamp_ns: Its header stamp.
        msg: The message.

    Raises:
        CalibrationError: Its rotation is no unit quaternion, or its position is not finite.
    """
    given = msg.pose.pose
    position, turn = given.position, given.orientation
    T = pose([position.x, position.y, position.z], [turn.x, turn.y, turn.z, turn.w])
    if not (np.abs(T[:3, 3]) < _FARTHEST_M).all():  # false for NaN
        raise CalibrationError(
            f'The position of the odometry must be finite and less than {_FARTHEST_M:.0g} m from '
            f'its origin, but is {T[:3, 3].tolist()}.'
        )
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
