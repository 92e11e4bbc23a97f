"""What kinds of streets there are: lanes, land use, traffic, one row each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Theme:
    """What a kind of scene is made of.

    Attributes:
        share: How often it is drawn; all together give 1.
        lanes: Choices of lanes per direction. parking: Chance of parking lanes.
        sidewalk_m: Range of the pavement's width; (0, 0) is rural.
        uses: Share of each land use. speed_mps: Range of the speed. bend: How curved, 0..1.
        crossings: Chance of an intersection per 70 m. bridge: Chance of an overpass.
        people: Pedestrians per 100 m. cars: Moving vehicles per 100 m and direction.
        land_m: Height of the hills. divided: Chance of a barrier between the directions.
    """

    share: float
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
    divided: float = 0.0


THEMES: dict[str, Theme] = {
    'downtown': Theme(0.2, (1, 2), 0.75, (3.0, 5.5), {'town': 0.68, 'square': 0.14, 'park': 0.1,
                      'river': 0.08}, (5.0, 10.0), 0.25, 0.85, 0.2, 15.0, 3.0, 1.0),
    'residential': Theme(0.16, (1,), 0.6, (1.8, 3.0), {'houses': 0.65, 'park': 0.15,
                         'walled': 0.2}, (5.0, 9.0), 0.7, 0.6, 0.05, 7.0, 1.5, 2.5),
    'riverside': Theme(0.14, (1, 2), 0.5, (2.5, 4.0), {'river': 0.45, 'town': 0.3, 'houses': 0.1,
                       'park': 0.15}, (6.0, 11.0), 0.5, 0.35, 0.35, 9.0, 2.2, 0.6),
    'industrial': Theme(0.13, (1, 2), 0.3, (1.5, 2.2), {'yard': 0.45, 'railway': 0.35,
                        'walled': 0.2}, (7.0, 12.0), 0.35, 0.5, 0.4, 4.0, 2.2, 0.8),
    'rural': Theme(0.11, (1, 2), 0.0, (0.0, 0.0), {'meadow': 0.45, 'railway': 0.25, 'river': 0.15,
                   'walled': 0.15}, (10.0, 16.0), 0.9, 0.15, 0.5, 0.8, 2.0, 4.0),
    'oldtown': Theme(0.10, (1,), 0.35, (2.0, 4.0), {'town': 0.65, 'square': 0.2, 'walled': 0.1,
                     'river': 0.05}, (3.0, 7.0), 0.6, 0.75, 0.1, 22.0, 1.6, 1.5),
    'boulevard': Theme(0.09, (2, 3), 0.5, (4.0, 6.5), {'town': 0.45, 'park': 0.25, 'square': 0.2,
                       'river': 0.1}, (6.0, 12.0), 0.15, 0.8, 0.15, 13.0, 3.5, 0.5, 0.3),
    'expressway': Theme(0.07, (2, 3), 0.0, (0.0, 0.0), {'walled': 0.35, 'meadow': 0.35,
                        'railway': 0.15, 'yard': 0.15}, (12.0, 18.0), 0.4, 0.0, 0.8, 0.3, 3.2,
                        2.0, 0.85),
}  # fmt: skip
