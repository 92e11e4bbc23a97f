"""Parameters of the grid of where the vehicle can drive."""

from __future__ import annotations

from dataclasses import dataclass

from mmseg_ros.core.parameters import Checked, parameter


@dataclass(frozen=True, kw_only=True)
class GroundConfig(Checked):
    """Where the vehicle can drive, as a grid on ~/ground: `ground.*`."""

    enabled: bool = parameter(False, 'Whether there is a topic ~/ground.', read_only=True)
    classes: list[str] = parameter(
        ['Road', 'RoadLine', 'Ground', 'Terrain'],
        'Names of the classes that the vehicle can drive on; points of all others are obstacles.',
    )
    size_m: float = parameter(
        40.0, 'Side of the square around the vehicle.', unit='m', low=1.0, high=400.0
    )
    resolution_m: float = parameter(0.25, 'Side of a cell.', unit='m', low=0.02, high=10.0)
    highest_m: float = parameter(
        2.5, 'Points higher above the ground are no obstacles.', unit='m', low=0.0, high=100.0
    )
    min_points: int = parameter(
        2, 'Points of other classes that make a cell occupied.', low=1, high=10000
    )
