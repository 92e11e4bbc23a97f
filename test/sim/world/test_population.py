"""What fills a street: people in groups, riders, parked machines, islands, signs."""

import numpy as np
import pytest

from mmseg_ros.core.labels import load_label_space
from mmseg_ros.sim.world import people, props, signs, vehicles
from mmseg_ros.sim.world.scene import build_scene
from mmseg_ros.sim.world.season import SEASONS, varied
from mmseg_ros.sim.world.surfaces import SurfaceTable
from mmseg_ros.sim.world.theme import THEMES
from mmseg_ros.sim.world.traffic import Driver, Walker

NAMES = load_label_space().names


@pytest.fixture(scope='module')
def oldtown():
    return build_scene(11, 60.0, 'oldtown')


def _classes(mesh, table):
    return {NAMES[k] for k in np.unique(table['label'][mesh.surface])}


def test_the_shares_of_the_themes_give_one():
    assert sum(theme.share for theme in THEMES.values()) == pytest.approx(1.0)
    assert all(sum(theme.uses.values()) == pytest.approx(1.0) for theme in THEMES.values())


def test_people_come_alone_and_in_groups(oldtown):
    walkers = [actor for actor in oldtown.actors if isinstance(actor, Walker)]
    places = np.array([actor.position(0.0) for actor in walkers])
    gaps = np.linalg.norm(places[:, None] - places[None], axis=-1) + 99 * np.eye(len(places))
    near = (gaps < 1.8).any(1)
    assert len(walkers) > 20
    assert 0.1 < near.mean() < 1.0
    together = [
        (i, j)
        for i in range(len(walkers))
        for j in np.flatnonzero(gaps[i] < 0.9)
        if walkers[i].along_mps == walkers[j].along_mps != 0.0
    ]
    assert together, 'nobody walks with another'
    for i, j in together:
        later = walkers[i].position(3.0) - walkers[j].position(3.0)
        assert np.linalg.norm(later) < 2.0


def test_some_sit_and_do_not_move(oldtown):
    seated = {item.instance for item in oldtown.objects if item.kind == 'person'}
    seated -= {item.instance for item in oldtown.objects if item.moving}
    assert seated
    faces = np.isin(oldtown.mesh.instance, list(seated))
    assert {NAMES[k] for k in oldtown.surfaces['label'][oldtown.mesh.surface[faces]]} == {
        'Pedestrian'
    }


def test_riders_sit_on_machines_that_move(oldtown):
    table = oldtown.surfaces
    found = [
        actor
        for actor in oldtown.actors
        if isinstance(actor, Driver) and 'TwoWheeler' in _classes(actor.mesh, table)
    ]
    assert found
    for actor in found:
        assert _classes(actor.mesh, table) == {'TwoWheeler', 'Pedestrian'}
        assert actor.speed_mps != 0.0


def test_a_seated_person_is_lower_than_a_standing_one():
    table, rng = SurfaceTable(), np.random.default_rng(0)
    heights = [np.ptp(people.sitting_person(rng, table).vertices[:, 2]) for _ in range(9)]
    assert min(heights) > 1.1
    assert max(heights) < 1.6
    tall = [
        np.ptp(people.make_person(rng, table).mesh_at(0.0, False).vertices[:, 2])
        for _ in range(60)
    ]
    assert min(tall) < 1.5 < max(tall) < 2.0


@pytest.mark.parametrize('kind', signs.SIGN_KINDS)
def test_signs_face_the_traffic_and_stand_on_the_ground(kind):
    table, rng = SurfaceTable(), np.random.default_rng(1)
    mesh, name = signs.traffic_sign(rng, table, kind)
    assert name == kind
    assert mesh.vertices[:, 2].min() == pytest.approx(0.0, abs=1e-6)
    rows = table.array()
    front = np.flatnonzero(rows['scale'] == signs.SIGN_KINDS[kind][0])
    faces = mesh.faces[np.isin(mesh.surface, front) & (rows['texture'][mesh.surface] > 0)]
    a, b, c = (mesh.vertices[faces[:, k]].astype(float) for k in range(3))
    normal = np.cross(b - a, c - a)
    inked = np.abs(normal[:, 0]) > 1e-6
    assert inked.any()
    assert (normal[inked, 0] < 0).any()


def test_vehicles_differ_in_shape():
    table, rng = SurfaceTable(), np.random.default_rng(2)
    buses = [vehicles.make_bus(rng, table) for _ in range(30)]
    trucks = [vehicles.make_truck(rng, table) for _ in range(30)]
    tall = [np.ptp(bus.mesh.vertices[:, 2]) for bus in buses]
    assert max(tall) > min(tall) + 1.0
    assert max(bus.length_m for bus in buses) > 14 > min(bus.length_m for bus in buses)
    assert max(truck.length_m for truck in trucks) > 12
    assert len({len(truck.mesh.faces) for truck in trucks}) > 3
    for vehicle in (*buses, *trucks):
        assert vehicle.mesh.vertices[:, 2].min() > -0.02


@pytest.mark.parametrize(
    ('make', 'classes'),
    [
        (props.cafe_table, {'Dynamic'}), (props.clutter, {'Dynamic'}), (props.pram, {'Dynamic'}),
        (props.kiosk, {'Static'}), (props.postbox, {'Static'}),
        (props.monument, {'Static', 'Water'}),
    ],
)  # fmt: skip
def test_props_stand_on_the_ground_in_their_class(make, classes):
    table, rng = SurfaceTable(), np.random.default_rng(3)
    meshes = [make(rng, table) for _ in range(12)]
    seen = set()
    for mesh in meshes:
        assert -0.02 < mesh.vertices[:, 2].min() < 0.05
        assert np.abs(mesh.vertices[:, :2]).max() < 3.0
        seen |= _classes(mesh, table.array())
    assert seen <= classes
    assert len({len(mesh.faces) for mesh in meshes}) > 1 or make is props.pram


def test_seasons_differ_and_colors_stay_colors():
    rng = np.random.default_rng(4)
    assert SEASONS['winter'].bare > SEASONS['summer'].bare == 0.0
    for season in SEASONS.values():
        for color in (*season.leaves, *season.grass):
            drawn = np.array([varied(rng, color) for _ in range(20)])
            assert drawn.min() >= 0.03
            assert drawn.max() <= 0.95
            assert np.ptp(drawn, axis=0).max() > 0.0


def test_an_expressway_is_divided_and_a_square_is_ground():
    label = {name: NAMES.index(name) for name in ('GroundRail', 'Ground')}
    seen = set()
    for seed in range(4):
        scene = build_scene(seed, 40.0, 'expressway')
        seen |= set(np.unique(scene.surfaces['label'][scene.mesh.surface]))
    assert label['GroundRail'] in seen
    seen = set()
    for seed in range(4):
        scene = build_scene(seed, 40.0, 'oldtown')
        seen |= set(np.unique(scene.surfaces['label'][scene.mesh.surface]))
    assert label['Ground'] in seen
