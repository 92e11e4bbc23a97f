"""What is built beside a street, one function per kind of land use."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mmseg_ros.sim.world import buildings
from mmseg_ros.sim.world.barriers import barrier
from mmseg_ros.sim.world.mesh import box
from mmseg_ros.sim.world.open_spaces import meadow, park, river, square
from mmseg_ros.sim.world.plots import (
    BUSH,
    CAR,
    CLUTTER,
    TREE,
    TRUCK,
    WORK_ZONE,
    Span,
    build_row,
    grass_surface,
    plane,
    scatter,
)  # fmt: skip
from mmseg_ros.sim.world.street import StreetBuilder
from mmseg_ros.sim.world.surfaces import Texture


def town(street: StreetBuilder, side: int, span: Span) -> None:
    """Blocks of flats and shops at the pavement."""
    stage = street.stage
    stone = stage.table.add(
        'Ground', (0.52, 0.50, 0.47), texture=Texture.PAVING, scale=1.5, reflectivity=0.35
    )
    plane(street, side, span, 4.0, stone)
    build_row(
        street,
        side,
        span,
        (0.2, 1.5),
        lambda: buildings.make_block(stage.rng, stage.table),
        (0.2, 3.0),
    )


def houses(street: StreetBuilder, side: int, span: Span) -> None:
    """Family houses behind front gardens."""
    stage = street.stage
    plane(street, side, span, 24.0, grass_surface(street))
    kind = str(stage.rng.choice(['fence', 'fence', 'wall', 'hedge', 'none']))
    if kind != 'none':
        barrier(street, side, span, 0.3, kind)
    build_row(
        street,
        side,
        span,
        (4.0, 8.0),
        lambda: buildings.make_house(stage.rng, stage.table),
        (3.0, 9.0),
    )
    count = int((span[1] - span[0]) / 9)
    scatter(street, side, span, (1.5, 16.0), count, TREE)
    scatter(street, side, span, (1.0, 5.0), count, BUSH)


def yard(street: StreetBuilder, side: int, span: Span) -> None:
    """A works yard: concrete, halls, parked lorries, fence or wall."""
    stage = street.stage
    concrete = stage.table.add(
        'Ground', (0.55, 0.54, 0.51), texture=Texture.GRAVEL, scale=1.4, reflectivity=0.35
    )
    plane(street, side, span, 45.0, concrete)
    if stage.rng.random() < 0.6:
        barrier(
            street,
            side,
            (span[0] + 4.0, span[1] - 4.0),
            0.5,
            str(stage.rng.choice(['fence', 'wall'])),
        )
    build_row(
        street,
        side,
        span,
        (14.0, 22.0),
        lambda: buildings.make_shed(stage.rng, stage.table),
        (6.0, 14.0),
    )
    scatter(street, side, span, (4.0, 12.0), 2, TRUCK)
    scatter(street, side, span, (4.0, 12.0), 3, CAR)
    scatter(street, side, span, (2.0, 12.0), 2, WORK_ZONE)
    scatter(street, side, span, (2.0, 14.0), 5, CLUTTER)


def railway(street: StreetBuilder, side: int, span: Span) -> None:
    """Two tracks on ballast beside the street, behind a fence."""
    stage, inner = street.stage, street.profile.corridor_m
    ballast = stage.table.add(
        'RailTrack', (0.36, 0.32, 0.29), texture=Texture.GRAVEL, scale=0.25, reflectivity=0.25
    )
    steel = stage.table.add('RailTrack', (0.50, 0.42, 0.36), gloss=0.15, reflectivity=0.5)
    wood = stage.table.add('RailTrack', (0.24, 0.19, 0.15), texture=Texture.BARK, reflectivity=0.2)
    grass = grass_surface(street)
    plane(street, side, span, 2.0, grass)
    # Often the tracks lie on a bank, whose slope of ballast is what one sees of them.
    top = float(stage.rng.choice([0.08, 0.5, 1.1]))
    ribbons = ((2.0 - top, 0.02, 2.0, top), (2.0, top, 10.5, top), (10.5, top, 10.5 + top, 0.02))
    for a, low, b, high in ribbons:
        stage.strip(
            street.route, span, (side * (inner + a), side * (inner + b)), (low, high), ballast
        )
    stage.strip(
        street.route, span, (side * (inner + 10.5), side * (inner + 30.0)), (0.02, 0.02), grass
    )
    for centre in (inner + 4.0, inner + 8.2):
        for rail in (-0.75, 0.75):
            d = side * (centre + rail)
            stage.strip(street.route, span, (d, d), (top, top + 0.22), steel)
            stage.strip(street.route, span, (d - 0.05, d + 0.05), (top + 0.22, top + 0.22), steel)
        sleeper = box((0.24, 2.5, 0.12), (0, 0, 0.12), wood)
        for s in np.arange(span[0] + 0.3, span[1], 0.75):
            T = stage.world_pose(street.route, float(s), side * centre, top - 0.08)
            stage.add(sleeper.transformed(T))
    if stage.rng.random() < 0.35:
        barrier(street, side, span, 0.6, 'fence')
    scatter(street, side, span, (13.0, 30.0), int((span[1] - span[0]) / 6), TREE)


def walled(street: StreetBuilder, side: int, span: Span) -> None:
    """A long wall with trees and roofs behind it."""
    plane(street, side, span, 24.0, grass_surface(street))
    barrier(street, side, span, 0.4, 'wall')
    scatter(street, side, span, (3.0, 20.0), int((span[1] - span[0]) / 6), TREE)


LAND_USES: dict[str, Callable[[StreetBuilder, int, Span], None]] = {
    'town': town, 'houses': houses, 'park': park, 'river': river, 'yard': yard,
    'railway': railway, 'meadow': meadow, 'walled': walled, 'square': square,
}  # fmt: skip
