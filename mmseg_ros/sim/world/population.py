"""Fills a street: kerbside furniture, parked vehicles, traffic and pedestrians."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmseg_ros.sim.world import furniture, nature
from mmseg_ros.sim.world.mesh import Mesh, merge
from mmseg_ros.sim.world.people import make_person, make_two_wheeler
from mmseg_ros.sim.world.route import Route
from mmseg_ros.sim.world.stage import Stage
from mmseg_ros.sim.world.street import KERB_M, LANE_M, Profile, StreetBuilder
from mmseg_ros.sim.world.theme import Theme
from mmseg_ros.sim.world.traffic import Actor, Driver, EgoMotion, Walker
from mmseg_ros.sim.world.vehicles import make_bus, make_car, make_truck

Span = tuple[float, float]


def kerbside(street: StreetBuilder, side: int, spans: Sequence[Span]) -> None:
    """Furnish the pavement of one side and park vehicles along it."""
    for span in spans:
        _lamps(street, side, span)
        if street.profile.sidewalk_m > 1.0:
            _pavement_things(street, side, span)
        if street.profile.parking:
            _park(street, side, span)
        _signs(street, side, span)


def _lamps(street: StreetBuilder, side: int, span: Span) -> None:
    stage, rng = street.stage, street.stage.rng
    rural = street.profile.sidewalk_m < 0.5
    if rural and side < 0:
        return
    post = furniture.power_pole(stage.table) if rural else furniture.street_lamp(stage.table)
    d = side * (street.profile.half_m + (3.0 if rural else 0.6))
    for s in np.arange(span[0] + float(rng.uniform(2, 14)), span[1], 40.0 if rural else 26.0):
        T = stage.world_pose(
            street.route, float(s), d, 0.0 if rural else KERB_M, -side * np.pi / 2
        )
        stage.place(post, T, 'pole' if rural else 'street lamp')
        x, y = T[:2, 3]
        stage.claim(float(x), float(y), 0.3, off_roads=False)
        if not rural:
            stage.lamps.append((T @ (*furniture.LAMP_HEAD, 1.0))[:3])


def _pavement_things(street: StreetBuilder, side: int, span: Span) -> None:
    stage, rng, table = street.stage, street.stage.rng, street.stage.table
    wide = street.profile.sidewalk_m > 2.8
    inner, outer = street.profile.half_m, street.profile.corridor_m
    trees = wide and rng.random() < 0.7
    makers = {
        'bin': lambda: furniture.bin_container(rng, table),
        'rubbish': lambda: furniture.rubbish_bags(rng, table),
        'hydrant': lambda: furniture.hydrant(table),
        'cabinet': lambda: furniture.cabinet(table),
        'planter': lambda: furniture.planter(rng, table),
        'bollard': lambda: furniture.bollard(table),
        'bench': lambda: furniture.bench(table),
        'bus stop': lambda: furniture.bus_shelter(table),
        'barrier': lambda: furniture.work_zone(rng, table),
        'bicycle': lambda: make_two_wheeler(rng, table, ridden=False, kind='bicycle').mesh,
        'motorbike': lambda: make_two_wheeler(rng, table, ridden=False, kind='motorbike').mesh,
        'dog': lambda: furniture.dog(rng, table),
        'billboard': lambda: furniture.billboard(rng, table),
    }
    share = np.array(
        [0.17, 0.11, 0.07, 0.10, 0.08, 0.10, 0.07, 0.05, 0.06, 0.08, 0.04, 0.03, 0.04]
    )
    for s in np.arange(span[0] + 2.0, span[1] - 2.0, 7.0):
        s_here = float(s + rng.uniform(0, 3))
        if trees and rng.random() < 0.75:
            _put(
                street,
                s_here,
                side * (inner + 1.1),
                stage.variant('street tree', lambda: nature.make_tree(rng, table, 'broad'), 5),
                'tree',
                0.8,
            )
        if rng.random() < 0.75:
            kind = str(rng.choice(list(makers), p=share))
            d = side * float(rng.choice([inner + 0.7, outer - 0.8] if wide else [outer - 0.5]))
            if kind != 'bus stop' or wide:
                _put(street, s_here, d, makers[kind](), kind, 1.0, turn=_facing(side, kind))


def _facing(side: int, kind: str) -> float:
    """Return the turn against the route: seats look to the road, the rest along it."""
    return (
        -side * np.pi / 2
        if kind in ('bench', 'bus stop', 'cabinet')
        else (0.0 if side < 0 else np.pi)
    )


def _put(
    street: StreetBuilder,
    s: float,
    d: float,
    mesh: Mesh,
    kind: str,
    radius: float,
    turn: float = 0.0,
) -> None:
    stage = street.stage
    T = stage.world_pose(street.route, s, d, KERB_M, turn)
    if stage.claim(float(T[0, 3]), float(T[1, 3]), radius, off_roads=False):
        stage.place(mesh, T, kind)


def _signs(street: StreetBuilder, side: int, span: Span) -> None:
    stage, rng = street.stage, street.stage.rng
    d = side * (street.profile.half_m + (0.8 if street.profile.sidewalk_m > 0.5 else 1.6))
    for s in np.arange(span[0] + float(rng.uniform(4, 16)), span[1] - 1.0, 22.0):
        if rng.random() < 0.75:
            mesh, kind = furniture.traffic_sign(rng, stage.table)
            T = stage.world_pose(street.route, float(s), d, 0.0, 0.0 if side < 0 else np.pi)
            if stage.claim(float(T[0, 3]), float(T[1, 3]), 0.4, off_roads=False):
                stage.place(mesh, T, kind)


def _park(street: StreetBuilder, side: int, span: Span) -> None:
    """Park cars, vans, lorries and bicycles along the kerb."""
    stage, rng = street.stage, street.stage.rng
    d = side * (street.profile.lanes * LANE_M + 1.15)
    s, filling = span[0] + 3.0, float(rng.uniform(0.35, 0.9))
    while s < span[1] - 6.0:
        vehicle = (
            make_truck(rng, stage.table) if rng.random() < 0.05 else make_car(rng, stage.table)
        )
        if rng.random() < filling and s + vehicle.length_m < span[1] - 4.0:
            turn = 0.0 if side < 0 else np.pi
            T = stage.world_pose(street.route, s + vehicle.length_m / 2, d, 0.0, turn)
            kind = 'truck' if vehicle.kind == 'truck' else vehicle.kind
            stage.place(vehicle.mesh, T, kind, vehicle.color)
        s += vehicle.length_m + float(rng.uniform(0.8, 2.5))


def populate(
    stage: Stage,
    route: Route,
    profile: Profile,
    recipe: Theme,
    start_m: float,
    speed_mps: float | None,
) -> tuple[EgoMotion, list[Actor]]:
    """Return the way of the sensor vehicle and everything else that moves."""
    rng = stage.rng
    lane = int(rng.integers(profile.lanes))
    drawn = float(rng.uniform(*recipe.speed_mps))
    speed = drawn if speed_mps is None else speed_mps
    ego = EgoMotion(
        route=route,
        land=stage.land,
        s_m=start_m,
        d_m=-profile.lane_offset_m(lane),
        speed_mps=speed,
        phase=rng.uniform(0, 2 * np.pi, 6),
        bumps_m=np.sort(rng.uniform(0, route.length_m, int(route.length_m / 25))),
    )
    actors: list[Actor] = []
    for k in range(profile.lanes):
        for direction in (1, -1):
            actors += _lane_traffic(stage, route, profile, recipe, ego, k, direction, k == lane)
    actors += _pedestrians(stage, route, profile, recipe)
    actors += _cyclists(stage, route, profile, recipe, ego)
    return ego, actors


def _lane_traffic(
    stage: Stage, route: Route, profile: Profile, recipe: Theme, ego: EgoMotion, lane: int,
    direction: int, own_lane: bool,
) -> list[Actor]:  # fmt: skip
    """Return the vehicles of one lane; those in the lane of the sensor vehicle keep its pace."""
    rng = stage.rng
    actors: list[Actor] = []
    own = own_lane and direction > 0
    speed = ego.speed_mps if own else ego.speed_mps * float(rng.uniform(0.8, 1.25))
    s = ego.s_m + float(rng.uniform(13.0, 35.0)) if own else float(rng.uniform(0.0, 40.0))
    while s < route.length_m + 40.0:
        draw = rng.random()
        if draw < 0.09:
            vehicle = make_bus(rng, stage.table)
        elif draw < 0.2:
            vehicle = make_truck(rng, stage.table)
        else:
            vehicle = make_car(rng, stage.table)
        instance = stage.new_object(vehicle.kind, vehicle.color, moving=True)
        d = -direction * profile.lane_offset_m(lane)
        middle = s + vehicle.length_m / 2
        actors.append(
            Driver(
                vehicle.mesh.of_instance(instance), route, stage.land, middle, d, direction * speed
            )
        )
        s += vehicle.length_m + float(rng.exponential(100.0 / recipe.cars)) + 9.0
    return actors


def _pedestrians(stage: Stage, route: Route, profile: Profile, recipe: Theme) -> list[Actor]:
    rng = stage.rng
    actors: list[Actor] = []
    for _ in range(rng.poisson(recipe.people * route.length_m / 100.0)):
        person = make_person(rng, stage.table)
        instance = stage.new_object('person', person.color, moving=True)
        s = float(rng.uniform(20.0, route.length_m))
        side = int(rng.choice([-1, 1]))
        walk = max(profile.sidewalk_m, 1.5)
        d = side * (profile.half_m + float(rng.uniform(0.5, walk - 0.4)))
        lift = KERB_M if profile.sidewalk_m > 0.5 else 0.0
        along, across, facing = float(rng.choice([-1, 1]) * rng.uniform(0.9, 1.6)), 0.0, 0.0
        draw = rng.random()
        if draw < 0.12:
            along, across, lift = 0.0, -side * float(rng.uniform(0.9, 1.5)), 0.0
        elif draw < 0.3:
            along, facing = 0.0, float(rng.uniform(0, 2 * np.pi))
        actors.append(
            Walker(person, instance, route, stage.land, s, d, along, across, lift, facing)
        )
    return actors


def _cyclists(
    stage: Stage, route: Route, profile: Profile, recipe: Theme, ego: EgoMotion
) -> list[Actor]:
    """Return riders at the right edge of the road, both ways."""
    rng = stage.rng
    actors: list[Actor] = []
    for _ in range(rng.poisson((1.0 + recipe.people / 4) * route.length_m / 100.0)):
        wheels = make_two_wheeler(rng, stage.table, ridden=True)
        machine = stage.new_object(wheels.kind, wheels.color, moving=True)
        parts = [wheels.mesh.of_instance(machine)]
        if wheels.rider is not None:
            parts.append(wheels.rider.of_instance(stage.new_object('rider', '', moving=True)))
        direction = int(rng.choice([-1, 1]))
        pace = float(rng.uniform(4.0, 6.5)) if wheels.kind == 'bicycle' else ego.speed_mps
        s = ego.s_m + float(rng.uniform(8.0, 100.0)) * (1 if direction > 0 else 1.3)
        d = -direction * (profile.lanes * LANE_M - 0.3)
        actors.append(Driver(merge(parts), route, stage.land, s, d, direction * pace))
    return actors
