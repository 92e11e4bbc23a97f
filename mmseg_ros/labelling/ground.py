"""A grid around the vehicle of where it can drive, from labeled points."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.labels import LabelSpace

FREE, OCCUPIED, UNKNOWN = 0, 100, -1
"""Values of nav_msgs/OccupancyGrid."""


@dataclass(frozen=True, slots=True)
class GroundGrid:
    """Cells of the ground plane.

    Attributes:
        cells: H x W int8; row y and column x grow with y (left) and x (forward) of the vehicle.
        resolution_m: Side of a cell. origin_m: x and y of the outer corner of cell (0, 0).
    """

    cells: NDArray[np.int8]
    resolution_m: float
    origin_m: tuple[float, float]


def ground_grid(
    xyz: NDArray[np.floating],
    labels: NDArray[np.integer],
    drivable: NDArray[np.bool_],
    size_m: float,
    resolution_m: float,
    highest_m: float,
    min_points: int,
) -> GroundGrid:
    """Return the grid of a square around the vehicle.

    A cell with enough points of other classes is occupied, else one with a drivable point is free,
    else it is unknown.

    Args:
        xyz: N x 3 meters in the base frame (x forward, y left, z up from the ground); NaN points
            count for nothing.
        labels: N class ids; those without an entry in `drivable` count for nothing.
        drivable: Per class id, whether the vehicle can drive on it.
        size_m: Side of the square, whose middle is the base frame's origin.
        resolution_m: Side of a cell.
        highest_m: Points above stand in nobody's way (bridges, branches).
        min_points: Points of other classes that make a cell occupied.
    """
    side = max(1, round(size_m / resolution_m))
    corner_m = -side * resolution_m / 2
    finite = np.isfinite(xyz).all(axis=1)
    place = np.floor((np.where(finite[:, None], xyz, 0.0)[:, :2] - corner_m) / resolution_m)
    used = finite & (xyz[:, 2] <= highest_m) & (labels < len(drivable))
    used &= ((place >= 0) & (place < side)).all(axis=1)
    column, row = place[used].astype(np.intp).T
    cell = row * side + column
    is_ground = drivable[labels[used].astype(np.intp)]
    ground, obstacles = (
        np.bincount(cell[mask], minlength=side * side) for mask in (is_ground, ~is_ground)
    )
    cells = np.full(side * side, UNKNOWN, np.int8)
    cells[ground > 0] = FREE
    cells[obstacles >= min_points] = OCCUPIED
    return GroundGrid(cells.reshape(side, side), resolution_m, (corner_m, corner_m))


def drivable_ids(label_space: LabelSpace, names: Collection[str]) -> NDArray[np.bool_]:
    """Return per class id whether its name is among `names`."""
    return np.array([item.name in names for item in label_space.classes], bool)
