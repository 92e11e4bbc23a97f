"""A whole scene from a seed: street, what lines it, traffic and the way of the sensor vehicle."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.sim.world import population
from mmseg_ros.sim.world.barriers import jersey
from mmseg_ros.sim.world.buildings import make_bridge
from mmseg_ros.sim.world.library import load_library
from mmseg_ros.sim.world.mesh import Mesh
from mmseg_ros.sim.world.roadside import LAND_USES
from mmseg_ros.sim.world.route import Route, make_land, make_route, route_from_curvature
from mmseg_ros.sim.world.season import draw_season, varied
from mmseg_ros.sim.world.stage import SceneObject, Stage
from mmseg_ros.sim.world.street import Crossing, Profile, StreetBuilder, free_spans
from mmseg_ros.sim.world.surfaces import Texture
from mmseg_ros.sim.world.theme import THEMES, Theme
from mmseg_ros.sim.world.traffic import Actor, EgoMotion

LEAD_M = 60.0
"""Street behind the start and beyond the end of the sequence."""
VIEW_M = 130.0


@dataclass(frozen=True, slots=True)
class Scene:
    """A built scene.

    Attributes:
        seed: What it was made from. theme: Name of its theme.
        mesh: Everything that stands still, world coordinates. surfaces: SURFACE_DTYPE rows.
        objects: The scene graph, indexed by instance id.
        lamps: L x 3 float64, positions of street lamps. actors: What moves.
        ego: The way of the sensor vehicle.
    """

    seed: int
    theme: str
    mesh: Mesh
    surfaces: NDArray[Any]
    objects: tuple[SceneObject, ...]
    lamps: NDArray[np.float64]
    actors: tuple[Actor, ...]
    ego: EgoMotion


@lru_cache(maxsize=2)
def build_scene(
    seed: int,
    distance_m: float = 60.0,
    theme: str = '',
    speed_mps: float | None = None,
    meshes: str = '',
) -> Scene:
    """Build the scene of a seed: the same seed and arguments give the same scene.

    The latest two are kept, for drives through one street in several conditions.

    Args:
        seed: Any non-negative integer.
        distance_m: How far the sensor vehicle will drive.
        theme: One of THEMES; empty draws one.
        speed_mps: Speed of the sensor vehicle; None draws one.
        meshes: One of library.LIBRARIES, whose models stand in for built objects; '' for none.

    Raises:
        ConfigError: There is no such theme, or the meshes are not installed.
    """
    rng = np.random.default_rng([seed, 7])
    theme = theme or str(rng.choice(list(THEMES), p=[row.share for row in THEMES.values()]))
    if theme not in THEMES:
        raise ConfigError(f'There is no scene theme {theme!r}; there are: {", ".join(THEMES)}.')
    recipe = THEMES[theme]
    length = LEAD_M + distance_m + VIEW_M
    crossings = _draw_crossings(rng, recipe, length)
    route = make_route(rng, length, [s for s, _ in crossings], recipe.bend)
    stage = Stage(
        rng, make_land(rng, recipe.land_m), [route], draw_season(rng), load_library(meshes)
    )
    profile = Profile(
        int(rng.choice(recipe.lanes)),
        rng.random() < recipe.parking,
        float(rng.uniform(*recipe.sidewalk_m)),
    )
    beds = _lay_streets(stage, recipe, profile, route, crossings)
    stage.ground(_ground_surface(stage, theme), beds)
    ego, actors = population.populate(stage, route, profile, recipe, LEAD_M, speed_mps)
    mesh = stage.mesh()
    lamps = np.array(stage.lamps).reshape(-1, 3)
    return Scene(
        seed, theme, mesh, stage.table.array(), tuple(stage.objects), lamps, tuple(actors), ego
    )


def _draw_crossings(
    rng: np.random.Generator, recipe: Theme, length: float
) -> list[tuple[float, Profile]]:
    found, s = [], float(rng.uniform(75.0, 115.0))
    while s < length - 30.0:
        if rng.random() < recipe.crossings:
            walk = float(rng.uniform(*recipe.sidewalk_m))
            found.append((s, Profile(1, False, walk)))
        s += float(rng.uniform(60.0, 90.0))
    return found


def _ground_surface(stage: Stage, theme: str) -> int:
    if theme in ('downtown', 'industrial'):
        return stage.table.add(
            'Ground', (0.50, 0.48, 0.44), texture=Texture.GRAVEL, scale=1.2, reflectivity=0.35
        )
    color = stage.season.grass[int(stage.rng.integers(len(stage.season.grass)))]
    return stage.table.add(
        'Terrain', varied(stage.rng, color), texture=Texture.GRASS, scale=1.0, reflectivity=0.45
    )


def _lay_streets(
    stage: Stage,
    recipe: Theme,
    profile: Profile,
    route: Route,
    crossings: list[tuple[float, Profile]],
) -> list[tuple[Route, float, float, int]]:
    """Lay the main street and its side streets; return the river beds."""
    stage.clearances.append((route, profile.corridor_m))
    junctions, arms = [], []
    for s, cross in crossings:
        signals = bool(stage.rng.random() < 0.75)
        junctions.append(Crossing(s, cross.half_m, cross.corridor_m, signals))
        for side in (1, -1):
            if stage.rng.random() < 0.85:
                arms.append((side, s, cross, _arm(stage, route, profile, s, side)))
    for _, _, cross, arm in arms:
        stage.clearances.append((arm, cross.corridor_m))
        stage.routes.append(arm)
    main = StreetBuilder(stage, route, profile)
    beds = _lay_main(main, recipe, junctions, {(s, side) for side, s, _, _ in arms})
    for _, _, cross, arm in arms:
        _lay_arm(StreetBuilder(stage, arm, cross), recipe, main.asphalt)
    return beds


def _arm(stage: Stage, route: Route, profile: Profile, s: float, side: int) -> Route:
    """Return the side street that leaves the main one at `s`; it begins at the curb."""
    x, y, heading = (float(v) for v in route.at(s, side * profile.half_m))
    curvature = np.zeros(180)
    curvature[60:] = float(stage.rng.normal(0, 0.006))
    return route_from_curvature((x, y), heading + side * np.pi / 2, curvature)


def _lay_main(
    street: StreetBuilder,
    recipe: Theme,
    junctions: list[Crossing],
    open_sides: set[tuple[float, int]],
) -> list[tuple[Route, float, float, int]]:
    route, rng = street.route, street.stage.rng
    beds = []
    ends = (-80.0, route.length_m + 120.0)
    street.carriageway(*ends)
    rural = street.profile.sidewalk_m < 0.5
    boxes = [(c.s - c.half_m - 2.0, c.s + c.half_m + 2.0) for c in junctions]
    street.markings(free_spans(-40.0, ends[1], boxes), rural)
    for junction in junctions:
        street.signals(junction)
    _divide(street, recipe, boxes, ends[1])
    for side in (1, -1):
        gaps = [(c.s - c.gap_m, c.s + c.gap_m) for c in junctions if (c.s, side) in open_sides]
        if not rural:
            street.pavement(side, free_spans(*ends, gaps))
        for block in free_spans(-40.0, route.length_m + 40.0, gaps):
            for span in _plots(rng, block):
                use = str(rng.choice(list(recipe.uses), p=list(recipe.uses.values())))
                LAND_USES[use](street, side, span)
                if use == 'river':
                    beds.append((route, span[0], span[1], side))
        population.kerbside(street, side, free_spans(-20.0, route.length_m + 30.0, gaps))
    if rng.random() < recipe.bridge:
        _span_bridge(street, [c.s for c in junctions])
    return beds


def _divide(
    street: StreetBuilder, recipe: Theme, boxes: list[tuple[float, float]], end: float
) -> None:
    """Put a barrier between the directions of a wide road, or refuges where people cross."""
    rng = street.stage.rng
    if street.profile.lanes > 1 and rng.random() < recipe.divided:
        for low, high in free_spans(-40.0, end, [(a - 8.0, b + 8.0) for a, b in boxes]):
            jersey(street, (low, high), 0.0)
        return
    for s in np.arange(LEAD_M + float(rng.uniform(8.0, 45.0)), end, float(rng.uniform(50, 90))):
        clear = all(not low - 6.0 < s < high + 6.0 for low, high in boxes)
        if clear and street.profile.sidewalk_m > 1.0 and rng.random() < 0.6:
            street.island(float(s))


def _plots(rng: np.random.Generator, block: tuple[float, float]) -> list[tuple[float, float]]:
    """Cut a block into plots of 45 m to 90 m."""
    count = max(round((block[1] - block[0]) / float(rng.uniform(45.0, 90.0))), 1)
    edges = np.linspace(*block, count + 1)
    return [(float(a), float(b)) for a, b in pairwise(edges)]


def _lay_arm(street: StreetBuilder, recipe: Theme, asphalt: int) -> None:
    street.asphalt = asphalt
    rng, length = street.stage.rng, street.route.length_m
    street.carriageway(0.0, length)
    street.markings([(6.0, length)], street.profile.sidewalk_m < 0.5)
    uses = {use: share for use, share in recipe.uses.items() if use != 'river'}
    shares = np.array(list(uses.values()))
    for side in (1, -1):
        if street.profile.sidewalk_m >= 0.5:
            street.pavement(side, [(0.0, length)])
        use = str(rng.choice(list(uses), p=shares / shares.sum()))
        LAND_USES[use](street, side, (14.0, length))
        population.kerbside(street, side, [(12.0, length)])


def _span_bridge(street: StreetBuilder, crossings: list[float]) -> None:
    stage = street.stage
    for _ in range(8):
        s = float(stage.rng.uniform(LEAD_M + 25.0, street.route.length_m - 40.0))
        if all(abs(s - c) > 30.0 for c in crossings):
            bridge = make_bridge(stage.rng, stage.table, 2 * street.profile.corridor_m + 1.5)
            stage.place(bridge, stage.world_pose(street.route, s, 0.0), 'bridge')
            return
