"""Pedestrians that walk and two-wheelers with riders; x points forward."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmseg_ros.projection.transforms import rotation
from mmseg_ros.sim.world.mesh import Mesh, box, disc_wheel, merge, pose, rod, tube
from mmseg_ros.sim.world.season import varied
from mmseg_ros.sim.world.surfaces import SurfaceTable, Texture

CLOTHES: dict[str, tuple[float, float, float]] = {
    'red': (0.70, 0.10, 0.10),
    'blue': (0.12, 0.22, 0.55),
    'green': (0.15, 0.42, 0.20),
    'yellow': (0.85, 0.72, 0.15),
    'white': (0.85, 0.85, 0.83),
    'black': (0.08, 0.08, 0.09),
    'grey': (0.45, 0.45, 0.47),
    'brown': (0.40, 0.27, 0.16),
    'orange': (0.85, 0.42, 0.10),
}
_SKIN = ((0.85, 0.66, 0.54), (0.72, 0.50, 0.37), (0.45, 0.29, 0.20))


@dataclass(frozen=True, slots=True)
class Limb:
    """A rigid part that swings about an axle along y.

    Attributes:
        mesh: The part in the rest pose. pivot: Point of the axle (x, y, z).
        swing_rad: Amplitude. phase_rad: Phase against the step cycle.
    """

    mesh: Mesh
    pivot: tuple[float, float, float]
    swing_rad: float
    phase_rad: float


@dataclass(frozen=True, slots=True)
class Person:
    """A pedestrian: limbs in the rest pose, and what a sentence can say about them."""

    limbs: tuple[Limb, ...]
    color: str
    step_hz: float

    def mesh_at(self, time_s: float, walking: bool) -> Mesh:
        """Return the mesh in the pose of the step cycle at `time_s`."""
        cycle = 2 * np.pi * self.step_hz * time_s if walking else 0.0
        parts = []
        for limb in self.limbs:
            angle = limb.swing_rad * np.sin(cycle + limb.phase_rad) if walking else 0.0
            T = rotation('y', angle, limb.pivot)
            parts.append(limb.mesh.transformed(T) if angle else limb.mesh)
        return merge(parts)


def _head(table: SurfaceTable, rng: np.random.Generator, z: float, cls: str) -> list[Mesh]:
    skin = table.add(cls, _SKIN[int(rng.integers(len(_SKIN)))], reflectivity=0.4)
    hair_color = [(0.10, 0.07, 0.05), (0.35, 0.22, 0.10), (0.6, 0.5, 0.3), (0.55, 0.55, 0.55)]
    hair = table.add(cls, hair_color[int(rng.integers(4))], reflectivity=0.2)
    return [
        tube((0.045, 0.06), (z - 0.10, z), skin, 6),
        tube((0.06, 0.095, 0.10, 0.07), (z, z + 0.06, z + 0.15, z + 0.20), skin, 8),
        tube((0.108, 0.105, 0.05), (z + 0.12, z + 0.19, z + 0.25), hair, 8).shaped(
            pose(-0.015, 0, 0)
        ),
    ]


def _clothes(rng: np.random.Generator, table: SurfaceTable, color: str) -> tuple[int, int]:
    """Return the surfaces of coat and trousers."""
    trousers = list(CLOTHES)[int(rng.choice([1, 2, 4, 5, 5, 5, 6, 6, 7]))]
    coat = table.add(
        'Pedestrian', varied(rng, CLOTHES[color], 0.2), texture=Texture.CLOTH,
        reflectivity=float(rng.uniform(0.3, 0.6)),
    )  # fmt: skip
    legs = table.add(
        'Pedestrian', varied(rng, CLOTHES[trousers], 0.2), texture=Texture.CLOTH,
        reflectivity=0.35,
    )  # fmt: skip
    return coat, legs


def _carried(rng: np.random.Generator, table: SurfaceTable) -> list[Mesh]:
    """Return a backpack, a bag or nothing; what one wears belongs to the person."""
    draw = rng.random()
    if draw > 0.4:
        return []
    bag = table.add('Pedestrian', varied(rng, CLOTHES['brown'], 0.4), reflectivity=0.3)
    if draw < 0.25:
        return [box((0.16, 0.30, 0.42), (-0.22, 0, 1.22), bag)]
    return [box((0.30, 0.10, 0.28), (0.0, 0.32, 0.75), bag)]


def sitting_person(rng: np.random.Generator, table: SurfaceTable, seat_m: float = 0.48) -> Mesh:
    """Return somebody who sits, facing +x, on a seat of a height."""
    coat, legs = _clothes(rng, table, str(rng.choice(list(CLOTHES))))
    shoes = table.add('Pedestrian', (0.08, 0.07, 0.07), reflectivity=0.15)
    torso = tube((0.16, 0.17, 0.19, 0.20, 0.09), (0.0, 0.15, 0.38, 0.54, 0.62), coat, 8)
    upper = [torso.shaped(np.diag([0.68, 1.05, 1.0, 1.0])), *_head(table, rng, 0.67, 'Pedestrian')]
    lean = pose(-0.12, 0, seat_m) @ rotation('y', float(rng.uniform(-0.15, 0.25)))
    parts = [part.shaped(lean) for part in upper]
    for side in (-1, 1):
        y = 0.1 * side
        knee = (0.36, y * float(rng.uniform(0.8, 1.6)), seat_m + 0.06)
        parts.append(rod((-0.1, y, seat_m + 0.07), knee, 0.085, legs))
        parts.append(rod(knee, (0.38, y, 0.06), 0.06, legs))
        parts.append(box((0.26, 0.1, 0.09), (0.42, y, 0.045), shoes))
        parts.append(
            rod((-0.12, 2.2 * y, seat_m + 0.5), (0.2, 1.4 * y, seat_m + 0.16), 0.05, coat)
        )
    return merge(parts)


def make_person(rng: np.random.Generator, table: SurfaceTable) -> Person:
    """Return a pedestrian of random size and clothes, one of seven a child."""
    color = str(rng.choice(list(CLOTHES)))
    coat, legs = _clothes(rng, table, color)
    shoes = table.add('Pedestrian', (0.08, 0.07, 0.07), reflectivity=0.15)
    skin = table.add('Pedestrian', _SKIN[1], reflectivity=0.4)
    torso = tube((0.15, 0.17, 0.19, 0.21, 0.09), (0.86, 1.0, 1.25, 1.42, 1.50), coat, 8)
    squeeze = np.diag([0.68, 1.05, 1.0, 1.0])
    tall = rng.uniform(0.58, 0.85) if rng.random() < 0.14 else rng.uniform(0.9, 1.08)
    scale = np.diag([tall, tall, tall, 1.0])
    squeeze[:2] *= rng.uniform(0.9, 1.2)
    trunk = [torso.shaped(squeeze), *_head(table, rng, 1.55, 'Pedestrian'), *_carried(rng, table)]
    if rng.random() < 0.2:
        trunk.append(tube((0.30, 0.17), (0.45, 0.98), coat, 8))
    limbs = [Limb(merge(trunk), (0, 0, 1), 0, 0)]
    for side, phase in ((1, 0.0), (-1, np.pi)):
        y = 0.09 * side
        leg = merge(
            [
                tube((0.055, 0.07, 0.095), (0.05, 0.45, 0.90), legs, 6).shaped(pose(0, y, 0)),
                box((0.27, 0.10, 0.09), (0.06, y, 0.045), shoes),
            ]
        )
        limbs.append(Limb(leg.shaped(scale), (0, y, 0.9 * scale[0, 0]), 0.50, phase))
        y = 0.25 * side
        arm = merge(
            [
                tube((0.045, 0.05, 0.06), (0.85, 1.15, 1.44), coat, 6).shaped(pose(0, y, 0)),
                tube((0.03, 0.045), (0.76, 0.86), skin, 6).shaped(pose(0, y, 0)),
            ]
        )
        limbs.append(Limb(arm.shaped(scale), (0, y, 1.42 * scale[0, 0]), 0.42, phase + np.pi))
    limbs[0] = Limb(limbs[0].mesh.shaped(scale), (0, 0, 1), 0, 0)
    return Person(tuple(limbs), color, float(rng.uniform(0.8, 1.05)))


@dataclass(frozen=True, slots=True)
class TwoWheeler:
    """A bicycle or motorbike, with its rider as a separate mesh (class Pedestrian) or alone."""

    mesh: Mesh
    rider: Mesh | None
    kind: str
    color: str


def _bicycle(table: SurfaceTable, frame: int) -> list[Mesh]:
    tyre = table.add('TwoWheeler', (0.07, 0.07, 0.07), reflectivity=0.08)
    spokes = table.add('TwoWheeler', (0.45, 0.46, 0.48), reflectivity=0.4)
    wheels = [disc_wheel(0.34, 0.05, tyre, spokes).shaped(pose(x, 0, 0)) for x in (-0.52, 0.52)]
    bars: list[tuple[tuple[float, float, float], tuple[float, float, float]]] = [
        ((-0.52, 0, 0.34), (-0.05, 0, 0.30)),
        ((-0.05, 0, 0.30), (-0.22, 0, 0.85)),
        ((-0.05, 0, 0.30), (0.38, 0, 0.80)),
        ((-0.22, 0, 0.78), (0.38, 0, 0.82)),
        ((0.52, 0, 0.34), (0.36, 0, 0.98)),
        ((0.36, -0.28, 1.0), (0.36, 0.28, 1.0)),
        ((-0.52, 0, 0.34), (-0.22, 0, 0.78)),
    ]
    return [*wheels, *(rod(a, b, 0.028, frame) for a, b in bars),
            box((0.26, 0.14, 0.07), (-0.24, 0, 0.90), tyre)]  # fmt: skip


def _motorbike(table: SurfaceTable, frame: int) -> list[Mesh]:
    tyre = table.add('TwoWheeler', (0.07, 0.07, 0.07), reflectivity=0.08)
    metal = table.add('TwoWheeler', (0.35, 0.36, 0.38), gloss=0.2, reflectivity=0.5)
    lamp = table.add('TwoWheeler', (0.95, 0.95, 0.9), emission=1.2, reflectivity=0.9)
    wheels = [disc_wheel(0.31, 0.14, tyre, metal).shaped(pose(x, 0, 0)) for x in (-0.68, 0.68)]
    return [
        *wheels,
        box((0.60, 0.30, 0.38), (0.0, 0, 0.48), metal),
        box((0.55, 0.28, 0.24), (0.20, 0, 0.82), frame),
        box((0.75, 0.26, 0.12), (-0.40, 0, 0.80), tyre),
        box((0.35, 0.20, 0.16), (-0.72, 0, 0.72), frame),
        rod((0.68, 0, 0.31), (0.45, 0, 1.0), 0.05, metal),
        rod((0.45, -0.36, 1.05), (0.45, 0.36, 1.05), 0.03, tyre),
        box((0.08, 0.2, 0.2), (0.62, 0, 0.88), lamp),
    ]


def _scooter(table: SurfaceTable, frame: int) -> list[Mesh]:
    """Return a motor scooter with its leg shield."""
    dark = table.add('TwoWheeler', (0.09, 0.09, 0.09), reflectivity=0.1)
    lamp = table.add('TwoWheeler', (0.95, 0.95, 0.9), emission=1.2, reflectivity=0.9)
    wheels = [disc_wheel(0.23, 0.12, dark, dark).shaped(pose(x, 0, 0)) for x in (-0.6, 0.6)]
    return [
        *wheels,
        box((0.75, 0.36, 0.45), (-0.38, 0, 0.5), frame),
        box((0.6, 0.3, 0.12), (-0.32, 0, 0.8), dark),
        box((0.6, 0.34, 0.1), (0.15, 0, 0.28), frame),
        box((0.1, 0.42, 0.65), (0.46, 0, 0.6), frame),
        rod((0.6, 0, 0.25), (0.42, 0, 1.0), 0.04, dark),
        rod((0.42, -0.33, 1.0), (0.42, 0.33, 1.0), 0.03, dark),
        box((0.06, 0.16, 0.14), (0.5, 0, 0.92), lamp),
        box((0.35, 0.36, 0.34), (-0.75, 0, 0.98), frame),
    ]


def _luggage(rng: np.random.Generator, table: SurfaceTable) -> list[Mesh]:
    """Return the bags or the basket of some bicycles."""
    if rng.random() > 0.45:
        return []
    bag = table.add('TwoWheeler', varied(rng, (0.3, 0.25, 0.2), 0.4), reflectivity=0.3)
    if rng.random() < 0.5:
        return [box((0.32, 0.34, 0.24), (0.6, 0, 0.9), bag)]
    return [box((0.34, 0.13, 0.32), (-0.55, y, 0.62), bag) for y in (-0.14, 0.14)]


def _rider(rng: np.random.Generator, table: SurfaceTable, color: str, lean: float) -> Mesh:
    coat, legs = _clothes(rng, table, color)
    shade = CLOTHES[str(rng.choice(list(CLOTHES)))]
    helmet = table.add('Pedestrian', shade, gloss=0.1, reflectivity=0.5)
    upper = [
        tube((0.14, 0.17, 0.20, 0.09), (0.0, 0.2, 0.46, 0.56), coat, 8).shaped(
            np.diag([0.7, 1.0, 1.0, 1.0])
        ),
        tube((0.08, 0.125, 0.125, 0.05), (0.60, 0.66, 0.78, 0.87), helmet, 8),
        tube((0.05, 0.08), (0.54, 0.62), table.add('Pedestrian', _SKIN[0], reflectivity=0.4), 6),
    ]
    back = pose(-0.25, 0, 0.92) @ rotation('y', lean)
    parts = [part.shaped(back) for part in upper]
    shoulder = back @ np.array([0, 0, 0.45, 1.0])
    for side in (-1, 1):
        y = 0.2 * side
        parts.append(rod((shoulder[0], y, shoulder[2]), (0.36, y, 1.05), 0.05, coat))
        knee = (0.12, 0.14 * side, 0.72 + 0.08 * side)
        parts.append(rod((-0.22, 0.1 * side, 0.92), knee, 0.075, legs))
        parts.append(rod(knee, (-0.02, 0.14 * side, 0.30 + 0.1 * side), 0.06, legs))
    return merge(parts)


def make_two_wheeler(
    rng: np.random.Generator, table: SurfaceTable, ridden: bool, kind: str = ''
) -> TwoWheeler:
    """Return a bicycle or motorbike, with a rider if `ridden`."""
    kind = kind or str(rng.choice(['bicycle', 'motorbike']))
    color = str(rng.choice(list(CLOTHES)))
    frame = table.add('TwoWheeler', varied(rng, CLOTHES[color]), gloss=0.12, reflectivity=0.4)
    if kind == 'bicycle':
        parts = [*_bicycle(table, frame), *_luggage(rng, table)]
    else:
        parts = _motorbike(table, frame) if rng.random() < 0.5 else _scooter(table, frame)
    rider_color = str(rng.choice(list(CLOTHES)))
    rider = _rider(rng, table, rider_color, 0.5 if kind == 'bicycle' else 0.25) if ridden else None
    return TwoWheeler(merge(parts), rider, kind, color)
