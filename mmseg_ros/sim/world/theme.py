"""What kinds of streets there are: lanes, land use, traffic, one row each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Theme:
    """What a kind of scene is made of.

    Attributes:
        lanes: Choices of lanes per direction. parking: Chance of parking lanes.
        sidewalk_m: Range of the pavement's width; (0, 0) is rural.
        uses: Share of each land use. speed_mps: Range of the speed. bend: How curved, 0..1.
        crossings: Chance of an intersection per 70 m. bridge: Chance of an overpass.
        people: Pedestrians per 100 m. cars: Moving vehicles per 100 m and direction.
        land_m: Height of the hills.
    """

    lanes: tuple[int, ...]
    parking: float
    sidewalk_m: tuple[float, float]
    uses: dict[str, float]
    speed_mps: tuple[float, float]
    bend: float
    crossings: float
    bridge: float
    people: float
    cars: float
    land_m: float


THEMES: dict[str, Theme] = {
    'downtown': Theme((1, 2), 0.75, (3.0, 5.5), {'town': 0.8, 'park': 0.1, 'river': 0.1},
                      (5.0, 10.0), 0.25, 0.85, 0.15, 14.0, 3.0, 1.0),
    'residential': Theme((1,), 0.6, (1.8, 3.0), {'houses': 0.65, 'park': 0.15, 'walled': 0.2},
                         (5.0, 9.0), 0.7, 0.6, 0.05, 7.0, 1.5, 2.5),
    'riverside': Theme((1, 2), 0.5, (2.5, 4.0), {'river': 0.45, 'town': 0.3, 'houses': 0.1,
                       'park': 0.15}, (6.0, 11.0), 0.5, 0.35, 0.35, 9.0, 2.2, 0.6),
    'industrial': Theme((1, 2), 0.3, (1.5, 2.2), {'yard': 0.5, 'railway': 0.3, 'walled': 0.2},
                        (7.0, 12.0), 0.35, 0.5, 0.3, 4.0, 2.2, 0.8),
    'rural': Theme((1, 2), 0.0, (0.0, 0.0), {'meadow': 0.5, 'railway': 0.2, 'river': 0.15,
                   'walled': 0.15}, (10.0, 16.0), 0.9, 0.15, 0.5, 0.8, 2.0, 4.0),
}  # fmt: skip
