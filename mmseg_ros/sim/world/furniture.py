"""What stands along a street: lamps, benches, bins and the like.

Things that face the traffic look to -x. Each function returns a mesh that stands on z = 0.
"""

from __future__ import annotations

import numpy as np

from mmseg_ros.sim.world.mesh import Mesh, box, merge, plate, pose, rod, tube
from mmseg_ros.sim.world.surfaces import SurfaceTable, Texture

LAMP_HEAD = (1.9, 0.0, 6.6)
"""Where a street lamp shines from, relative to its foot (x points to the road), meters."""


def steel(table: SurfaceTable, cls: str = 'Pole', shade: float = 0.42) -> int:
    """Return the painted steel of posts."""
    return table.add(
        cls, (shade, shade, shade + 0.02), texture=Texture.WORN_PAINT, reflectivity=0.45
    )


def street_lamp(rng: np.random.Generator, table: SurfaceTable) -> Mesh:
    """Return a lamp post whose arm reaches along +x; its light is at LAMP_HEAD."""
    metal = steel(table, shade=float(rng.choice([0.15, 0.28, 0.42, 0.6])))
    lamp = table.add('Pole', (1.0, 0.86, 0.62), emission=2.5, reflectivity=0.6)
    wide = float(rng.uniform(0.8, 1.4))
    second = []
    if rng.random() < 0.25:
        second = [rod((0, 0, 6.6), (-1.7, 0, 6.85), 0.045, metal),
                  box((0.75, 0.28, 0.10), (-1.8, 0, 6.84), metal)]  # fmt: skip
    profile = (0.13 * wide, 0.11 * wide, 0.08 * wide, 0.06 * wide)
    return merge(
        [
            *second,
            tube(profile, (0.0, 0.8, 1.0, 6.7), metal, 8),
            rod((0, 0, 6.6), (1.7, 0, 6.85), 0.045, metal),
            box((0.75, 0.28, 0.10), (1.8, 0, 6.84), metal),
            box((0.6, 0.22, 0.05), (1.85, 0, 6.77), lamp),
        ]
    )


def power_pole(table: SurfaceTable) -> Mesh:
    """Return a wooden utility pole with a cross-arm along y."""
    wood = table.add('Pole', (0.36, 0.26, 0.18), texture=Texture.BARK, reflectivity=0.3)
    return merge(
        [
            tube((0.16, 0.12), (0.0, 8.5), wood, 8),
            box((0.12, 2.2, 0.14), (0, 0, 7.8), wood),
            box((0.12, 1.6, 0.12), (0, 0, 7.1), wood),
        ]
    )


def bollard(table: SurfaceTable) -> Mesh:
    """Return a bollard of a meter's height."""
    return tube((0.09, 0.09, 0.05), (0.0, 0.85, 0.95), steel(table, shade=0.2), 8)


def bench(table: SurfaceTable) -> Mesh:
    """Return a park bench that faces +x."""
    wood = table.add('Static', (0.42, 0.26, 0.13), texture=Texture.BARK, reflectivity=0.35)
    iron = table.add('Static', (0.12, 0.12, 0.13), reflectivity=0.3)
    parts = [box((0.12, 1.7, 0.04), (x, 0, 0.46), wood) for x in (-0.16, 0.0, 0.16)]
    parts += [box((0.04, 1.7, 0.11), (-0.27 - 0.03 * k, 0, 0.62 + 0.15 * k), wood) for k in (0, 1)]
    parts += [box((0.45, 0.06, 0.46), (0, y, 0.23), iron) for y in (-0.7, 0.7)]
    return merge(parts)


def hydrant(table: SurfaceTable) -> Mesh:
    """Return a red fire hydrant."""
    red = table.add('Static', (0.75, 0.10, 0.06), reflectivity=0.45)
    return merge(
        [
            tube((0.17, 0.13, 0.13, 0.16, 0.1, 0.03), (0, 0.06, 0.6, 0.66, 0.82, 0.9), red, 10),
            rod((0, -0.24, 0.52), (0, 0.24, 0.52), 0.07, red),
        ]
    )


def bus_shelter(table: SurfaceTable) -> Mesh:
    """Return a bus stop shelter, open towards +x."""
    frame = table.add('Static', (0.22, 0.24, 0.26), reflectivity=0.4)
    pane = table.add(
        'Static', (0.45, 0.55, 0.55), texture=Texture.GLASS, gloss=0.3, reflectivity=0.2
    )
    poster = table.add('Static', (0.85, 0.55, 0.2), emission=0.35, reflectivity=0.5)
    seat = table.add('Static', (0.6, 0.45, 0.25), reflectivity=0.4)
    parts = [
        box((1.7, 4.2, 0.10), (0, 0, 2.45), frame),
        box((0.04, 4.0, 1.9), (-0.75, 0, 1.3), pane),
        box((1.3, 0.05, 1.9), (-0.1, 2.0, 1.3), pane),
        box((1.2, 0.14, 1.8), (-0.1, -2.0, 1.25), poster),
        box((0.4, 2.6, 0.06), (-0.45, 0.3, 0.48), seat),
    ]
    parts += [
        box((0.08, 0.08, 2.4), (x, y, 1.2), frame) for x in (-0.75, 0.7) for y in (-2.0, 2.0)
    ]
    return merge(parts)


def planter(rng: np.random.Generator, table: SurfaceTable) -> Mesh:
    """Return a concrete plant tub."""
    stone = table.add(
        'Static', (0.62, 0.60, 0.56), texture=Texture.GRAVEL, scale=0.3, reflectivity=0.4
    )
    soil = table.add('Static', (0.22, 0.16, 0.10), texture=Texture.GRASS, reflectivity=0.2)
    width = float(rng.uniform(0.7, 1.3))
    return merge(
        [
            box((width, width, 0.6), (0, 0, 0.3), stone),
            box((width - 0.15,) * 2 + (0.06,), (0, 0, 0.6), soil),
        ]
    )


def bin_container(rng: np.random.Generator, table: SurfaceTable) -> Mesh:
    """Return a wheeled rubbish bin."""
    color = [(0.10, 0.30, 0.14), (0.12, 0.12, 0.13), (0.10, 0.20, 0.45), (0.65, 0.52, 0.1)]
    body = table.add('Dynamic', color[int(rng.integers(4))], reflectivity=0.3)
    dark = table.add('Dynamic', (0.06, 0.06, 0.06), reflectivity=0.1)
    big = rng.random() < 0.4
    w, d, h = (1.3, 1.0, 1.15) if big else (0.58, 0.7, 1.0)
    return merge(
        [
            box((d, w, h - 0.12), (0, 0, 0.12 + (h - 0.12) / 2), body),
            box((d + 0.08, w + 0.06, 0.1), (0, 0, h + 0.05), body),
            *(box((0.16, 0.08, 0.2), (-d / 2 + 0.1, s * w / 2, 0.1), dark) for s in (-1, 1)),
        ]
    )


def rubbish_bags(rng: np.random.Generator, table: SurfaceTable) -> Mesh:
    """Return a heap of bags and cardboard boxes."""
    bag = table.add('Dynamic', (0.07, 0.07, 0.08), gloss=0.1, reflectivity=0.1)
    card = table.add('Dynamic', (0.62, 0.46, 0.28), reflectivity=0.5)
    parts = []
    for _ in range(int(rng.integers(3, 6))):
        x, y = rng.uniform(-0.5, 0.5, 2)
        if rng.random() < 0.6:
            r = rng.uniform(0.22, 0.34)
            profile = (r * 0.7, r, r * 0.8, 0.06, 0.1)
            parts.append(
                tube(profile, (0, r * 0.6, r * 1.3, r * 1.7, r * 2), bag, 7).shaped(pose(x, y, 0))
            )
        else:
            a, b, c = rng.uniform(0.3, 0.6, 3)
            parts.append(box((a, b, c), (x, y, c / 2), card))
    return merge(parts)


def dog(rng: np.random.Generator, table: SurfaceTable) -> Mesh:
    """Return a dog."""
    fur_color = [(0.42, 0.28, 0.15), (0.1, 0.09, 0.08), (0.75, 0.68, 0.55)][int(rng.integers(3))]
    fur = table.add('Dynamic', fur_color, texture=Texture.CLOTH, reflectivity=0.4)
    parts = [
        box((0.62, 0.22, 0.26), (0, 0, 0.48), fur),
        box((0.24, 0.17, 0.19), (0.40, 0, 0.68), fur),
        box((0.14, 0.09, 0.09), (0.56, 0, 0.65), fur),
        rod((-0.3, 0, 0.55), (-0.52, 0, 0.75), 0.03, fur),
    ]
    parts += [
        rod((x, y, 0), (x, y, 0.42), 0.04, fur) for x in (-0.25, 0.25) for y in (-0.08, 0.08)
    ]
    return merge(parts)


def cabinet(table: SurfaceTable) -> Mesh:
    """Return a gray switch cabinet (class Other)."""
    grey = table.add('Other', (0.55, 0.57, 0.54), texture=Texture.WORN_PAINT, reflectivity=0.4)
    dark = table.add('Other', (0.25, 0.26, 0.26), reflectivity=0.3)
    return merge(
        [
            box((0.45, 1.3, 1.35), (0, 0, 0.75), grey),
            box((0.5, 1.36, 0.12), (0, 0, 0.06), dark),
            box((0.54, 1.4, 0.06), (0, 0, 1.45), dark),
            box((0.47, 0.02, 1.2), (0, 0.02, 0.75), dark),
        ]
    )


def work_zone(rng: np.random.Generator, table: SurfaceTable) -> Mesh:
    """Return barriers and cones of a small building site (class Other)."""
    stripes = table.add(
        'Other',
        (0.85, 0.12, 0.08),
        texture=Texture.STRIPES,
        second=(0.92, 0.92, 0.92),
        scale=0.25,
        reflectivity=0.8,
    )
    cone = table.add('Other', (0.92, 0.33, 0.06), reflectivity=0.6)
    band = table.add('Other', (0.95, 0.95, 0.95), reflectivity=1.0)
    legs = table.add('Other', (0.2, 0.2, 0.2), reflectivity=0.2)
    parts = []
    for k in range(int(rng.integers(1, 4))):
        y = 1.9 * k
        parts += [
            box((0.05, 1.7, 0.3), (0, y, 0.85), stripes),
            box((0.05, 1.7, 0.25), (0, y, 0.45), stripes),
        ]
        parts += [box((0.5, 0.06, 1.0), (0, y + s * 0.75, 0.5), legs) for s in (-1, 1)]
    for _ in range(int(rng.integers(2, 5))):
        x, y = rng.uniform(-2.0, -0.8), rng.uniform(-1.5, 3.5)
        parts.append(box((0.38, 0.38, 0.04), (x, y, 0.02), cone))
        parts.append(tube((0.15, 0.09), (0.04, 0.35), cone, 8).shaped(pose(x, y, 0)))
        parts.append(tube((0.09, 0.065), (0.35, 0.5), band, 8).shaped(pose(x, y, 0)))
        parts.append(tube((0.065, 0.03), (0.5, 0.72), cone, 8).shaped(pose(x, y, 0)))
    return merge(parts)


def billboard(rng: np.random.Generator, table: SurfaceTable) -> Mesh:
    """Return a large advertising board that faces -x (class Other)."""
    color = rng.uniform(0.2, 0.9, 3)
    second = rng.uniform(0.1, 0.9, 3)
    face = table.add(
        'Other',
        tuple(color),
        texture=Texture.STRIPES,
        second=tuple(second),
        scale=1.3,
        emission=0.1,
        reflectivity=0.5,
    )
    frame = table.add('Other', (0.3, 0.3, 0.32), reflectivity=0.4)
    return merge(
        [
            plate((0.15, 4.2, 2.4), (0, 0, 3.4), face, frame),
            *(box((0.14, 0.14, 2.3), (0.02, y, 1.15), frame) for y in (-1.5, 1.5)),
        ]
    )
