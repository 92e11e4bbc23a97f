"""People of a street: walking alone and in groups, waiting, sitting, and riding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmseg_ros.sim.world import furniture
from mmseg_ros.sim.world.mesh import merge
from mmseg_ros.sim.world.people import make_person, make_two_wheeler, sitting_person
from mmseg_ros.sim.world.route import Route
from mmseg_ros.sim.world.stage import Stage
from mmseg_ros.sim.world.street import KERB_M, LANE_M, Profile, StreetBuilder
from mmseg_ros.sim.world.theme import Theme
from mmseg_ros.sim.world.traffic import Actor, Driver, EgoMotion, Walker

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Walk:
    """How a group moves: speeds along and across the street, the curb, and where it looks."""

    along_mps: float
    across_mps: float
    lift_m: float
    facing: float


def pedestrians(stage: Stage, route: Route, profile: Profile, recipe: Theme) -> list[Actor]:
    """Return who walks along, crosses the street or stands about, alone and in groups."""
    rng = stage.rng
    actors: list[Actor] = []
    for _ in range(rng.poisson(recipe.people * route.length_m / 100.0)):
        s = float(rng.uniform(20.0, route.length_m))
        side = int(rng.choice([-1, 1]))
        width = max(profile.sidewalk_m, 1.5)
        d = side * (profile.half_m + float(rng.uniform(0.5, width - 0.4)))
        walk = _draw_walk(rng, side, KERB_M if profile.sidewalk_m > 0.5 else 0.0)
        actors += _group(stage, route, (s, d), walk)
    return actors


def _draw_walk(rng: np.random.Generator, side: int, kerb_m: float) -> _Walk:
    draw = rng.random()
    if draw < 0.14:
        return _Walk(0.0, -side * float(rng.uniform(0.9, 1.5)), 0.0, 0.0)
    if draw < 0.34:
        return _Walk(0.0, 0.0, kerb_m, float(rng.uniform(0, 2 * np.pi)))
    return _Walk(float(rng.choice([-1, 1]) * rng.uniform(0.9, 1.6)), 0.0, kerb_m, 0.0)


def _group(stage: Stage, route: Route, place: tuple[float, float], walk: _Walk) -> list[Actor]:
    """Return one to five people who keep together; those who stand look at each other."""
    rng = stage.rng
    size = int(rng.choice([1, 2, 3, 4, 5], p=[0.62, 0.22, 0.09, 0.04, 0.03]))
    actors: list[Actor] = []
    stands = walk.along_mps == walk.across_mps == 0.0
    for k in range(size):
        ring = np.pi / 2 + 2 * np.pi * k / size  # two walk side by side
        apart = 0.0 if size == 1 else 0.22 + 0.16 * size
        s = place[0] + apart * float(np.cos(ring)) + float(rng.normal(0, 0.1))
        d = place[1] + 0.8 * apart * float(np.sin(ring))
        facing = walk.facing if size == 1 else ring + np.pi + float(rng.normal(0, 0.3))
        # Models from a library do not move their limbs: they stand.
        taken = stage.taken('person') if stands else None
        if taken is not None:
            stage.place(taken.mesh, stage.world_pose(route, s, d, walk.lift_m, facing), 'person')
            continue
        person = make_person(rng, stage.table)
        instance = stage.new_object('person', person.color, moving=True)
        actors.append(
            Walker(
                person, instance, route, stage.land, s, d, walk.along_mps, walk.across_mps,
                walk.lift_m, facing,
            )
        )  # fmt: skip
    return actors


def sitters(street: StreetBuilder, side: int, span: Span) -> None:
    """Put benches with people on them along a pavement; they look to the road."""
    stage, rng = street.stage, street.stage.rng
    d = side * (street.profile.corridor_m - 0.6)
    for s in np.arange(span[0] + float(rng.uniform(3.0, 30.0)), span[1] - 3.0, 38.0):
        T = stage.world_pose(street.route, float(s), d, KERB_M, -side * np.pi / 2)
        if not stage.claim(float(T[0, 3]), float(T[1, 3]), 1.0, off_roads=False):
            continue
        stage.place(furniture.bench(stage.table), T, 'bench')
        for y in rng.choice([-0.55, 0.0, 0.55], int(rng.integers(1, 4)), replace=False):
            seated = sitting_person(rng, stage.table).shaped(_shifted(float(y)))
            stage.place(seated, T, 'person')


def _shifted(y: float) -> np.ndarray:
    T = np.eye(4)
    T[1, 3] = y
    return T


def two_wheeler_rack(street: StreetBuilder, side: int, span: Span) -> None:
    """Park rows of bicycles or motorbikes across the pavement's curb."""
    stage, rng = street.stage, street.stage.rng
    if rng.random() > 0.6 or span[1] - span[0] < 12.0:
        return
    kind = str(rng.choice(['bicycle', 'bicycle', 'motorbike']))
    start = float(rng.uniform(span[0] + 3.0, span[1] - 8.0))
    turn = side * np.pi / 2 + float(rng.choice([0.0, 0.4]))
    for k in range(int(rng.integers(3, 9))):
        s, d = start + 0.75 * k, side * (street.profile.half_m + 1.0)
        T = stage.world_pose(street.route, s, d, KERB_M, turn)
        if stage.claim(float(T[0, 3]), float(T[1, 3]), 0.3, off_roads=False):
            taken = stage.taken(kind)
            if taken is not None:
                stage.place(taken.mesh, T, kind)
                continue
            wheels = make_two_wheeler(rng, stage.table, ridden=False, kind=kind)
            stage.place(wheels.mesh, T, kind, wheels.color)


def riders(
    stage: Stage, route: Route, profile: Profile, recipe: Theme, ego: EgoMotion
) -> list[Actor]:
    """Return riders at the right edge of the road, both ways, some in the lane ahead."""
    rng = stage.rng
    actors: list[Actor] = []
    for _ in range(rng.poisson((1.6 + recipe.people / 3) * route.length_m / 100.0)):
        wheels = make_two_wheeler(rng, stage.table, ridden=True)
        machine = stage.new_object(wheels.kind, wheels.color, moving=True)
        parts = [wheels.mesh.of_instance(machine)]
        if wheels.rider is not None:
            parts.append(wheels.rider.of_instance(stage.new_object('rider', '', moving=True)))
        direction = int(rng.choice([-1, 1]))
        pace = float(rng.uniform(4.0, 6.5)) if wheels.kind == 'bicycle' else ego.speed_mps
        s = ego.s_m + float(rng.uniform(7.0, 100.0)) * (1 if direction > 0 else 1.3)
        d = -direction * (profile.lanes * LANE_M - float(rng.choice([0.3, 0.3, 1.2])))
        actors.append(Driver(merge(parts), route, stage.land, s, d, direction * pace))
    return actors
