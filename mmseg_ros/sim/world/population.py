"""Fills a street: curbside furniture, parked vehicles, traffic and pedestrians."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmseg_ros.sim.world import crowd, furniture, nature, props
from mmseg_ros.sim.world.barriers import kerb_railing
from mmseg_ros.sim.world.mesh import Mesh
from mmseg_ros.sim.world.people import make_two_wheeler
from mmseg_ros.sim.world.route import Route
from mmseg_ros.sim.world.signs import traffic_sign
from mmseg_ros.sim.world.stage import Stage
from mmseg_ros.sim.world.street import KERB_M, LANE_M, Profile, StreetBuilder
from mmseg_ros.sim.world.theme import Theme
from mmseg_ros.sim.world.traffic import Actor, Driver, EgoMotion
from mmseg_ros.sim.world.vehicles import CAR_KINDS, Vehicle, make_bus, make_car, make_truck

Span = tuple[float, float]


def kerbside(street: StreetBuilder, side: int, spans: Sequence[Span]) -> None:
    """Furnish the pavement of one side and park vehicles along it."""
    for span in spans:
        _lamps(street, side, span)
        if street.profile.sidewalk_m > 1.0:
            if street.profile.sidewalk_m > 2.0:
                crowd.sitters(street, side, span)
                crowd.two_wheeler_rack(street, side, span)
            _pavement_things(street, side, span)
            if street.stage.rng.random() < 0.15:
                kerb_railing(street, side, span)
        if street.profile.parking:
            _park(street, side, span)
        _signs(street, side, span)


def _lamps(street: StreetBuilder, side: int, span: Span) -> None:
    stage, rng = street.stage, street.stage.rng
    rural = street.profile.sidewalk_m < 0.5
    if rural and side < 0 and rng.random() < 0.7:
        return
    post = furniture.power_pole(stage.table) if rural else furniture.street_lamp(rng, stage.table)
    d = side * (street.profile.half_m + (3.0 if rural else 0.6))
    step = float(rng.uniform(30.0, 45.0) if rural else rng.uniform(18.0, 30.0))
    for s in np.arange(span[0] + float(rng.uniform(2, 14)), span[1], step):
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
        'postbox': lambda: props.postbox(rng, table),
        'kiosk': lambda: props.kiosk(rng, table),
        'clutter': lambda: props.clutter(rng, table),
        'table': lambda: props.cafe_table(rng, table),
    }
    share = np.array(
        [0.11, 0.07, 0.06, 0.07, 0.07, 0.07, 0.06, 0.05, 0.06, 0.07, 0.05, 0.03, 0.03, 0.05, 0.04,
         0.07, 0.04]
    )  # fmt: skip
    for s in np.arange(span[0] + 2.0, span[1] - 2.0, 5.0):
        s_here = float(s + rng.uniform(0, 3))
        if trees and rng.random() < 0.75:
            _put(
                street,
                s_here,
                side * (inner + 1.1),
                stage.variant(
                    'street tree', lambda: nature.make_tree(rng, table, stage.season, 'broad'), 5
                ),
                'tree',
                0.8,
            )
        if rng.random() < 0.75:
            kind = str(rng.choice(list(makers), p=share))
            d = side * float(rng.choice([inner + 0.7, outer - 0.8] if wide else [outer - 0.5]))
            if kind != 'bus stop' or wide:
                taken = stage.taken(kind)
                mesh = taken.mesh if taken else makers[kind]()
                _put(street, s_here, d, mesh, kind, 1.0, turn=_facing(side, kind))


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
    for s in np.arange(
        span[0] + float(rng.uniform(4, 16)), span[1] - 1.0, float(rng.uniform(14, 24))
    ):
        if rng.random() < 0.8:
            mesh, kind = traffic_sign(rng, stage.table)
            T = stage.world_pose(street.route, float(s), d, 0.0, 0.0 if side < 0 else np.pi)
            if stage.claim(float(T[0, 3]), float(T[1, 3]), 0.4, off_roads=False):
                stage.place(mesh, T, kind)


def _park(street: StreetBuilder, side: int, span: Span) -> None:
    """Park cars, vans, lorries and bicycles along the curb."""
    stage, rng = street.stage, street.stage.rng
    d = side * (street.profile.lanes * LANE_M + 1.15)
    s, filling = span[0] + 3.0, float(rng.uniform(0.35, 0.9))
    while s < span[1] - 6.0:
        vehicle = make_vehicle(stage, 'truck' if rng.random() < 0.05 else 'car')
        if rng.random() < filling and s + vehicle.length_m < span[1] - 4.0:
            turn = 0.0 if side < 0 else np.pi
            T = stage.world_pose(street.route, s + vehicle.length_m / 2, d, 0.0, turn)
            kind = 'truck' if vehicle.kind == 'truck' else vehicle.kind
            stage.place(vehicle.mesh, T, kind, vehicle.color)
        s += vehicle.length_m + float(rng.uniform(0.8, 2.5))


def make_vehicle(stage: Stage, noun: str) -> Vehicle:
    """Return a car, bus or truck: built, or from the mesh library."""
    taken = stage.taken(*(CAR_KINDS if noun == 'car' else (noun,)))
    if taken is not None:
        return Vehicle(taken.mesh, taken.kind, '', taken.length_m, taken.width_m)
    make = {'car': make_car, 'bus': make_bus, 'truck': make_truck}[noun]
    return make(stage.rng, stage.table)


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
    actors += crowd.pedestrians(stage, route, profile, recipe)
    actors += crowd.riders(stage, route, profile, recipe, ego)
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
        vehicle = make_vehicle(stage, 'bus' if draw < 0.12 else 'truck' if draw < 0.23 else 'car')
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
