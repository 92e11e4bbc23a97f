"""Clouds as plain float32 columns: how many there are, told from the values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError

COLUMNS = ('x', 'y', 'z', 'intensity', 'ring', 'extra')
POSSIBLE = (4, 5, 6)
_FARTHEST_M = 2000.0
_BRIGHTEST = 70000.0
_LARGEST_RING = 256


def read_columns(path: Path, columns: int | None = None) -> NDArray[Any]:
    """Return the structured points of a .bin file: x y z intensity, then ring, then one more.

    Args:
        path: The file; float32, little endian.
        columns: Number of columns; None tells it from the size and the values.

    Raises:
        SampleError: The size does not fit, or several numbers of columns would be possible.
        OSError: The file cannot be read.
    """
    values = np.fromfile(path, '<f4')
    if columns is None:
        columns = _told_columns(path, values)
    if columns not in POSSIBLE or len(values) % columns:
        raise SampleError(
            f'{path}: {len(values)} float32 values make no cloud of {columns} columns; possible '
            f'are {", ".join(map(str, POSSIBLE))}.'
        )
    return as_points(values.reshape(-1, columns))


def as_points(table: NDArray[Any]) -> NDArray[Any]:
    """Return a structured array of N x 3..6 numbers.

    Raises:
        SampleError: It has another number of columns.
    """
    if table.ndim != 2 or not 3 <= table.shape[1] <= len(COLUMNS):
        raise SampleError(
            f'A cloud is N x 3 to 6 numbers, not {" x ".join(map(str, table.shape))}.'
        )
    points = np.empty(len(table), [(name, '<f4') for name in COLUMNS[: table.shape[1]]])
    for i in range(table.shape[1]):
        points[COLUMNS[i]] = table[:, i]
    return points


def _told_columns(path: Path, values: NDArray[np.float32]) -> int:
    if path.name.endswith('.pcd.bin') and len(values) % 5 == 0:
        return 5  # nuScenes
    fitting = [n for n in POSSIBLE if len(values) and len(values) % n == 0]
    likely = [n for n in fitting if _is_likely(values.reshape(-1, n))]
    if len(likely) == 1:
        return likely[0]
    found = ' or '.join(map(str, likely or fitting)) or 'no known number of'
    raise SampleError(
        f'{path}: {len(values)} float32 values may be {found} columns; say how many with '
        '--columns (4: x y z intensity, 5: and ring, 6: and one more).'
    )


def _is_likely(table: NDArray[np.float32]) -> bool:
    """Return whether the columns hold what they should: a wrong number mixes them up."""
    xyz, intensity = table[:, :3], table[:, 3]
    near = np.abs(np.nan_to_num(xyz)).max() <= _FARTHEST_M
    bright = bool(((intensity >= 0) & (intensity <= _BRIGHTEST)).all())
    if table.shape[1] < 5:
        return bool(near and bright)
    ring = table[:, 4]
    is_ring = bool(((ring >= 0) & (ring < _LARGEST_RING) & (ring == np.rint(ring))).all())
    return bool(near and bright and is_ring)
