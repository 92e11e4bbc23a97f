"""Tools for the land beside a street: areas, rows of buildings and things scattered about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mmseg_ros.sim.world import buildings, furniture, nature, props
from mmseg_ros.sim.world.mesh import Mesh, pose
from mmseg_ros.sim.world.season import varied
from mmseg_ros.sim.world.stage import Stage
from mmseg_ros.sim.world.street import KERB_M, StreetBuilder
from mmseg_ros.sim.world.surfaces import Texture
from mmseg_ros.sim.world.vehicles import make_car, make_truck

Span = tuple[float, float]


def build_row(
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
class Kind:
    """What can be scattered: how it is made, and the circle that it claims (meters)."""

    name: str
    make: Callable[[Stage], Mesh]
    radius_m: float
    spread: float = 0.0


TREE = Kind('tree', lambda s: nature.make_tree(s.rng, s.table, s.season), 2.0, 0.25)
BUSH = Kind('bush', lambda s: nature.make_bush(s.rng, s.table, s.season), 0.8, 0.3)
BENCH = Kind('bench', lambda s: furniture.bench(s.table), 0.9)
TRUCK = Kind('truck', lambda s: make_truck(s.rng, s.table).mesh, 4.5)
CAR = Kind('car', lambda s: make_car(s.rng, s.table).mesh, 2.4)
TABLE = Kind('table', lambda s: props.cafe_table(s.rng, s.table), 1.2)
KIOSK = Kind('kiosk', lambda s: props.kiosk(s.rng, s.table), 2.2)
MONUMENT = Kind('monument', lambda s: props.monument(s.rng, s.table), 2.6)
CLUTTER = Kind('clutter', lambda s: props.clutter(s.rng, s.table), 0.9)
WORK_ZONE = Kind('barrier', lambda s: furniture.work_zone(s.rng, s.table), 2.0)


def scatter(
    street: StreetBuilder, side: int, span: Span, offset: Span, count: int, kind: Kind
) -> None:
    """Put `count` objects at random places between two distances from the pavement's end."""
    stage, rng = street.stage, street.stage.rng
    for _ in range(count):
        s = float(rng.uniform(*span))
        d = side * (street.profile.corridor_m + float(rng.uniform(*offset)))
        x, y, _ = (float(v) for v in street.route.at(s, d))
        if not stage.claim(x, y, kind.radius_m):
            continue
        mesh = stage.variant(kind.name, lambda: kind.make(stage))
        T = pose(x, y, float(stage.land.height(x, y)) - 0.05, float(rng.uniform(0, 6.28)))
        T[:3, :3] *= 1.0 + kind.spread * float(rng.uniform(-1, 1))
        stage.place(mesh, T, kind.name)


def plane(
    street: StreetBuilder, side: int, span: Span, depth: float, surface: int, z: float = 0.02
) -> None:
    """Lay an area of `depth` meters beside the pavement."""
    inner = street.profile.corridor_m
    street.stage.strip(street.route, span, (side * inner, side * (inner + depth)), (z, z), surface)


def grass_surface(street: StreetBuilder) -> int:
    """Return a grass of the season, each time of another tone."""
    rng, season = street.stage.rng, street.stage.season
    color = varied(rng, season.grass[int(rng.integers(len(season.grass)))])
    return street.stage.table.add(
        'Terrain', color, texture=Texture.GRASS, scale=0.8, reflectivity=0.45
    )
