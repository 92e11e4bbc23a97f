"""What lies beside a street, one function per kind of land use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mmseg_ros.sim.world import buildings, furniture, nature
from mmseg_ros.sim.world.mesh import Mesh, box, merge, pose, sheet
from mmseg_ros.sim.world.street import KERB_M, StreetBuilder
from mmseg_ros.sim.world.surfaces import SurfaceTable, Texture
from mmseg_ros.sim.world.vehicles import make_car, make_truck

Span = tuple[float, float]


def _build_row(
    street: StreetBuilder,
    side: int,
    span: Span,
    setback: tuple[float, float],
    make: Callable[[], buildings.Building],
    gap: tuple[float, float],
) -> None:
    """Line a span with buildings, fronts to the street."""
    stage, s = street.stage, span[0]
    while s < span[1] - 5.0:
        house = make()
        middle = s + house.width_m / 2
        back = street.profile.corridor_m + float(stage.rng.uniform(*setback))
        d = side * (back + house.depth_m / 2)
        x, y, heading = (float(v) for v in street.route.at(middle, d))
        turn = heading + (0.0 if side > 0 else np.pi)
        corners = np.array([[i, j] for i in (-0.5, 0, 0.5) for j in (-0.5, 0, 0.5)]) * (
            house.width_m,
            house.depth_m,
        )
        c, n = np.cos(turn), np.sin(turn)
        footprint = corners @ np.array([[c, n], [-n, c]]) + (x, y)
        radius = 0.42 * min(house.width_m, house.depth_m)
        spread = (house.width_m - house.depth_m) / 2
        if middle + house.width_m / 2 < span[1] + 6.0 and stage.off_roads(footprint, 0.1):
            centres = [(x, y)] if spread < 2 else [
                (x + k * spread * c, y + k * spread * n) for k in (-1, 0, 1)
            ]  # fmt: skip
            if all(stage.free(a, b, radius) for a, b in centres):
                for a, b in centres:
                    stage.claim(a, b, radius, off_roads=False)
                z = float(stage.land.height(x, y)) + KERB_M * 0.5
                stage.place(house.mesh, pose(x, y, z, turn), 'building')
        s += house.width_m + float(stage.rng.uniform(*gap))


@dataclass(frozen=True, slots=True)
class _Kind:
    """What can be scattered: how it is made, and the circle that it claims (metres)."""

    name: str
    make: Callable[[np.random.Generator, SurfaceTable], Mesh]
    radius_m: float
    spread: float = 0.0


_TREE = _Kind('tree', nature.make_tree, 2.0, 0.25)
_BUSH = _Kind('bush', nature.make_bush, 0.8, 0.3)
_BENCH = _Kind('bench', lambda rng, table: furniture.bench(table), 0.9)
_TRUCK = _Kind('truck', lambda rng, table: make_truck(rng, table).mesh, 4.5)
_CAR = _Kind('car', lambda rng, table: make_car(rng, table).mesh, 2.4)
_BARRIER = _Kind('barrier', furniture.work_zone, 2.0)


def _scatter(
    street: StreetBuilder, side: int, span: Span, offset: Span, count: int, kind: _Kind
) -> None:
    """Put `count` objects at random places between two distances from the pavement's end."""
    stage, rng = street.stage, street.stage.rng
    for _ in range(count):
        s = float(rng.uniform(*span))
        d = side * (street.profile.corridor_m + float(rng.uniform(*offset)))
        x, y, _ = (float(v) for v in street.route.at(s, d))
        if not stage.claim(x, y, kind.radius_m):
            continue
        mesh = stage.variant(kind.name, lambda: kind.make(rng, stage.table))
        T = pose(x, y, float(stage.land.height(x, y)) - 0.05, float(rng.uniform(0, 6.28)))
        T[:3, :3] *= 1.0 + kind.spread * float(rng.uniform(-1, 1))
        stage.place(mesh, T, kind.name)


def _plane(
    street: StreetBuilder, side: int, span: Span, depth: float, surface: int, z: float = 0.02
) -> None:
    inner = street.profile.corridor_m
    street.stage.strip(street.route, span, (side * inner, side * (inner + depth)), (z, z), surface)


def _grass(street: StreetBuilder) -> int:
    tone = float(street.stage.rng.uniform(0.85, 1.1))
    return street.stage.table.add(
        'Terrain',
        (0.36 * tone, 0.42 * tone, 0.20),
        texture=Texture.GRASS,
        scale=0.8,
        reflectivity=0.45,
    )


def barrier(street: StreetBuilder, side: int, span: Span, offset: float, kind: str) -> None:
    """Run a fence, wall, hedge or guard rail along a span, `offset` outside the pavement."""
    stage, rng = street.stage, street.stage.rng
    d = side * (street.profile.corridor_m + offset)
    if kind == 'wall':
        color = [(0.62, 0.42, 0.34), (0.66, 0.64, 0.60), (0.74, 0.70, 0.62)][int(rng.integers(3))]
        texture = Texture.BRICK if color[0] < 0.64 else Texture.GRAVEL
        stone = stage.table.add('Wall', color, texture=texture, scale=0.6, reflectivity=0.4)
        height = float(rng.uniform(1.2, 2.6))
        for dd, z in ((d, (-0.3, height)), (d + 0.3, (-0.3, height))):
            stage.strip(street.route, span, (dd, dd), z, stone)
        stage.strip(street.route, span, (d, d + 0.3), (height, height), stone)
        for s in span:
            T = stage.world_pose(street.route, s, d + 0.15)
            stage.add(box((0.04, 0.3, height), (0, 0, height / 2), stone).transformed(T))
    elif kind == 'hedge':
        for s in np.arange(span[0], span[1] - 3.0, 4.0):
            hedge = nature.make_hedge(rng, stage.table, 4.2)
            stage.place(hedge, stage.world_pose(street.route, float(s) + 2.0, d), 'hedge')
    elif kind == 'guard rail':
        _guard_rail(street, span, d)
    else:
        _fence(street, span, d)


def _guard_rail(street: StreetBuilder, span: Span, d: float) -> None:
    stage = street.stage
    steel = stage.table.add('GroundRail', (0.62, 0.63, 0.65), gloss=0.08, reflectivity=0.6)
    profile = ((0.0, 0.42), (0.08, 0.5), (0.0, 0.58), (0.08, 0.66), (0.0, 0.74))
    toward = -np.sign(d)
    for (a, za), (b, zb) in pairwise(profile):
        stage.strip(street.route, span, (d + toward * a, d + toward * b), (za, zb), steel)
    post = box((0.08, 0.1, 0.8), (0, -toward * 0.06, 0.35), steel)
    for s in np.arange(span[0], span[1], 2.0):
        stage.add(post.transformed(stage.world_pose(street.route, float(s), d)))


def _fence(street: StreetBuilder, span: Span, d: float) -> None:
    stage, rng = street.stage, street.stage.rng
    wooden = rng.random() < 0.4
    color = (0.52, 0.38, 0.24) if wooden else (0.25, 0.28, 0.27)
    height = float(rng.uniform(0.9, 1.8))
    bars = stage.table.add(
        'Fence', color, texture=Texture.BARK if wooden else Texture.PLAIN, reflectivity=0.4
    )
    step, width = (0.16, 0.11) if wooden else (0.14, 0.03)
    slats = [
        sheet((width, height - 0.1), (float(x), 0, height / 2 + 0.05), bars)
        for x in np.arange(0.0, 2.0, step)
    ]
    panel = merge(
        [
            *slats,
            box((2.0, 0.04, 0.06), (1.0, 0, 0.25), bars),
            box((2.0, 0.04, 0.06), (1.0, 0, height - 0.1), bars),
            box((0.08, 0.08, height + 0.15), (0, 0, height / 2), bars),
        ]
    )
    for s in np.arange(span[0], span[1] - 2.0, 2.0):
        stage.place(panel, stage.world_pose(street.route, float(s), d))


def town(street: StreetBuilder, side: int, span: Span) -> None:
    """Blocks of flats and shops at the pavement."""
    stage = street.stage
    stone = stage.table.add(
        'Ground', (0.52, 0.50, 0.47), texture=Texture.PAVING, scale=1.5, reflectivity=0.35
    )
    _plane(street, side, span, 4.0, stone)
    _build_row(
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
    _plane(street, side, span, 24.0, _grass(street))
    kind = str(stage.rng.choice(['fence', 'fence', 'wall', 'hedge', 'none']))
    if kind != 'none':
        barrier(street, side, span, 0.3, kind)
    _build_row(
        street,
        side,
        span,
        (4.0, 8.0),
        lambda: buildings.make_house(stage.rng, stage.table),
        (3.0, 9.0),
    )
    count = int((span[1] - span[0]) / 9)
    _scatter(street, side, span, (1.5, 16.0), count, _TREE)
    _scatter(street, side, span, (1.0, 5.0), count, _BUSH)


def park(street: StreetBuilder, side: int, span: Span) -> None:
    """Grass, trees and benches."""
    stage = street.stage
    _plane(street, side, span, 45.0, _grass(street))
    length = span[1] - span[0]
    if stage.rng.random() < 0.35:
        barrier(street, side, span, 0.4, 'hedge' if stage.rng.random() < 0.5 else 'fence')
    _scatter(street, side, span, (2.0, 42.0), int(length / 2.6), _TREE)
    _scatter(street, side, span, (1.5, 20.0), int(length / 7), _BUSH)
    _scatter(street, side, span, (0.8, 2.0), int(length / 18) + 1, _BENCH)


def river(street: StreetBuilder, side: int, span: Span) -> None:
    """A quay with a railing, water and the far bank."""
    stage, inner = street.stage, street.profile.corridor_m
    water = stage.table.add(
        'Water', (0.13, 0.22, 0.24), texture=Texture.WATER, gloss=0.55, reflectivity=0.02
    )
    quay = stage.table.add(
        'Wall', (0.50, 0.48, 0.45), texture=Texture.BRICK, scale=0.9, reflectivity=0.35
    )
    grass = _grass(street)
    bank, edge = side * (inner + 52.0), side * (inner + 1.6)
    stage.strip(street.route, span, (side * inner, edge), (0.06, 0.02), grass)
    stage.strip(street.route, span, (edge, edge), (-1.9, 0.02), quay)
    stage.strip(street.route, span, (edge, bank), (-1.3, -1.3), water)
    stage.strip(street.route, span, (bank, side * (inner + 60.0)), (-1.4, 0.4), grass)
    barrier(street, side, span, 0.8, 'fence' if stage.rng.random() < 0.6 else 'guard rail')
    _scatter(street, side, span, (58.0, 75.0), int((span[1] - span[0]) / 5), _TREE)


def yard(street: StreetBuilder, side: int, span: Span) -> None:
    """A works yard: concrete, halls, parked lorries, fence or wall."""
    stage = street.stage
    concrete = stage.table.add(
        'Ground', (0.55, 0.54, 0.51), texture=Texture.GRAVEL, scale=1.4, reflectivity=0.35
    )
    _plane(street, side, span, 45.0, concrete)
    if stage.rng.random() < 0.6:
        barrier(
            street,
            side,
            (span[0] + 4.0, span[1] - 4.0),
            0.5,
            str(stage.rng.choice(['fence', 'wall'])),
        )
    _build_row(
        street,
        side,
        span,
        (14.0, 22.0),
        lambda: buildings.make_shed(stage.rng, stage.table),
        (6.0, 14.0),
    )
    _scatter(street, side, span, (4.0, 12.0), 2, _TRUCK)
    _scatter(street, side, span, (4.0, 12.0), 3, _CAR)
    _scatter(street, side, span, (2.0, 12.0), 2, _BARRIER)


def railway(street: StreetBuilder, side: int, span: Span) -> None:
    """Two tracks on ballast beside the street, behind a fence."""
    stage, inner = street.stage, street.profile.corridor_m
    ballast = stage.table.add(
        'RailTrack', (0.36, 0.32, 0.29), texture=Texture.GRAVEL, scale=0.25, reflectivity=0.25
    )
    steel = stage.table.add('RailTrack', (0.50, 0.42, 0.36), gloss=0.15, reflectivity=0.5)
    wood = stage.table.add('RailTrack', (0.24, 0.19, 0.15), texture=Texture.BARK, reflectivity=0.2)
    grass = _grass(street)
    _plane(street, side, span, 2.0, grass)
    stage.strip(
        street.route, span, (side * (inner + 2.0), side * (inner + 10.5)), (0.08, 0.08), ballast
    )
    stage.strip(
        street.route, span, (side * (inner + 10.5), side * (inner + 30.0)), (0.02, 0.02), grass
    )
    for centre in (inner + 4.0, inner + 8.2):
        for rail in (-0.75, 0.75):
            d = side * (centre + rail)
            stage.strip(street.route, span, (d, d), (0.1, 0.3), steel)
            stage.strip(street.route, span, (d - 0.05, d + 0.05), (0.3, 0.3), steel)
        sleeper = box((0.24, 2.5, 0.12), (0, 0, 0.12), wood)
        for s in np.arange(span[0] + 0.3, span[1], 0.75):
            stage.add(sleeper.transformed(stage.world_pose(street.route, float(s), side * centre)))
    if stage.rng.random() < 0.5:
        barrier(street, side, span, 1.2, 'fence')
    _scatter(street, side, span, (13.0, 30.0), int((span[1] - span[0]) / 6), _TREE)


def meadow(street: StreetBuilder, side: int, span: Span) -> None:
    """Open land beside a rural road, often behind a guard rail."""
    stage = street.stage
    _plane(street, side, span, 60.0, _grass(street))
    if stage.rng.random() < 0.75:
        barrier(street, side, span, 0.7, 'guard rail')
    length = span[1] - span[0]
    _scatter(street, side, span, (5.0, 60.0), int(length / 4), _TREE)
    _scatter(street, side, span, (2.5, 30.0), int(length / 5), _BUSH)


def walled(street: StreetBuilder, side: int, span: Span) -> None:
    """A long wall with trees and roofs behind it."""
    _plane(street, side, span, 24.0, _grass(street))
    barrier(street, side, span, 0.4, 'wall')
    _scatter(street, side, span, (3.0, 20.0), int((span[1] - span[0]) / 6), _TREE)


LAND_USES: dict[str, Callable[[StreetBuilder, int, Span], None]] = {
    'town': town, 'houses': houses, 'park': park, 'river': river, 'yard': yard,
    'railway': railway, 'meadow': meadow, 'walled': walled,
}  # fmt: skip
