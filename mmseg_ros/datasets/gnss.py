"""The motion that MUSES' GNSS receiver measured, as odometry around an exposure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import DatasetError
from mmseg_ros.core.safe_yaml import read_text
from mmseg_ros.projection.odometry import Odometry

_FIELDS = 28
_TURN, _SPEED = slice(17, 20), 23
"""Columns of a line: turn rates about roll, pitch and heading, and the speed over ground."""
_REACH_S, _STEP_S = 0.6, 0.04
"""Between two poses the path is straight: 4 mm off in a turn of 0.5 rad/s at 20 m/s."""


@dataclass(frozen=True, slots=True)
class GnssMotion:
    """Steady motion of the receiver, which looks forward, right and down.

    Attributes:
        speed_m_s: Along its x axis.
        turn_rad_s: 3, about x, y and z.
    """

    speed_m_s: float
    turn_rad_s: tuple[float, float, float]


@lru_cache(maxsize=64)
def read_gnss(path: Path) -> GnssMotion:
    """Return the motion in a file of one line of 28 whole numbers (mm/s, 1e-5 deg/s).

    Raises:
        DatasetError: The file is missing or is none of that kind.
    """
    words = read_text(path, DatasetError).split('\n', 1)[0].split()
    try:
        values = [int(word) for word in words]
    except ValueError as error:
        raise DatasetError(f'{path}: expected whole numbers ({error}).') from error
    if len(values) != _FIELDS:
        raise DatasetError(f'{path}: expected {_FIELDS} numbers, but the line has {len(values)}.')
    roll, pitch, heading = (float(np.deg2rad(value / 1e5)) for value in values[_TURN])
    return GnssMotion(values[_SPEED] / 1000.0, (roll, pitch, heading))


@lru_cache(maxsize=8)
def gnss_odometry(motion: GnssMotion, target_ns: int) -> Odometry:
    """Return poses of the receiver around `target_ns`, where it stands at the origin.

    LiDAR and radar of a frame share them: nobody may add to them.

    A point measured t seconds later lies t x speed farther forward, then turned by t x turn rate.

    Args:
        motion: Steady motion.
        target_ns: Middle of the exposure.
    """
    odometry = Odometry(keep_s=10.0)
    for step in np.arange(-_REACH_S, _REACH_S + _STEP_S / 2, _STEP_S):
        T = np.eye(4)
        T[:3, :3] = _turned(np.multiply(motion.turn_rad_s, step))
        T[:3, 3] = T[:3, 0] * motion.speed_m_s * step
        odometry.add(target_ns + round(step * 1e9), T)
    return odometry


def _turned(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rotation by heading after pitch after roll."""
    (sr, sp, sy), (cr, cp, cy) = np.sin(angles), np.cos(angles)
    Rx = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    Ry = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    Rz = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    return np.asarray(Rz @ Ry @ Rx)
