"""Houses, blocks, sheds and bridges. The front looks to -y, towards the street."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmseg_ros.sim.world.mesh import Mesh, box, make_mesh, merge, tube
from mmseg_ros.sim.world.season import varied
from mmseg_ros.sim.world.surfaces import SurfaceTable, Texture

_PLASTER = (
    (0.80, 0.74, 0.62), (0.72, 0.66, 0.60), (0.85, 0.82, 0.76), (0.66, 0.50, 0.40),
    (0.60, 0.63, 0.66), (0.78, 0.62, 0.48), (0.55, 0.30, 0.24), (0.48, 0.46, 0.44),
    (0.30, 0.36, 0.44), (0.82, 0.72, 0.40), (0.60, 0.66, 0.56), (0.74, 0.52, 0.52),
    (0.88, 0.88, 0.86), (0.36, 0.24, 0.20),
)  # fmt: skip
FOUNDATION_M = 2.5


@dataclass(frozen=True, slots=True)
class Building:
    """A built house, centered on its footprint of width (x) by depth (y)."""

    mesh: Mesh
    width_m: float
    depth_m: float


def _facade(rng: np.random.Generator, table: SurfaceTable, storey: float) -> int:
    wall = varied(rng, _PLASTER[int(rng.integers(len(_PLASTER)))], 0.2)
    frame = tuple(0.75 * c for c in wall) if rng.random() < 0.5 else (0.9, 0.9, 0.88)
    return table.add(
        'Building', wall, texture=Texture.FACADE, second=frame, scale=storey,
        gloss=0.25 if wall[2] > 1.15 * wall[0] else 0.0,
        reflectivity=float(rng.uniform(0.3, 0.55)),
    )  # fmt: skip


def make_block(rng: np.random.Generator, table: SurfaceTable, tall: float = 1.0) -> Building:
    """Return a town block of 2 to 9 storeys with ground floor, cornice and roof works."""
    storey = float(rng.uniform(2.7, 3.9))
    width = float(rng.uniform(9.0, 22.0))
    depth = float(rng.uniform(9.0, 14.0))
    height = storey * int(rng.integers(2, 4 + round(9 * tall)))
    facade = _facade(rng, table, storey)
    trim = table.add('Building', (0.55, 0.52, 0.48), texture=Texture.GRAVEL, reflectivity=0.4)
    roof = table.add('Building', (0.30, 0.30, 0.31), texture=Texture.GRAVEL, reflectivity=0.25)
    full = height + FOUNDATION_M
    parts = [
        box((width, depth, full), (0, 0, height - full / 2), facade),
        box((width + 0.3, depth + 0.3, 0.35), (0, 0, height + 0.1), trim),
        box((width + 0.16, depth + 0.16, 0.9), (0, 0, 0.0), trim),
        box((width - 0.4, depth - 0.4, 0.1), (0, 0, height + 0.3), roof),
    ]
    if rng.random() < 0.5:
        parts.append(box((2.5, 2.5, 2.2), (rng.uniform(-2, 2), 0, height + 1.2), trim))
    parts += _shop(rng, table, width, depth) if rng.random() < 0.6 else []
    parts += _balconies(rng, table, width, depth, height, storey) if rng.random() < 0.35 else []
    return Building(merge(parts), width, depth)


def _shop(rng: np.random.Generator, table: SurfaceTable, width: float, depth: float) -> list[Mesh]:
    """Return shop windows, doors and awnings on the ground floor."""
    color = tuple(rng.uniform(0.1, 0.85, 3))
    glass = table.add(
        'Building',
        (0.16, 0.18, 0.19),
        texture=Texture.GLASS,
        gloss=0.35,
        emission=0.12,
        reflectivity=0.1,
    )
    awning = table.add(
        'Building',
        color,
        texture=Texture.STRIPES,
        second=(0.9, 0.88, 0.82),
        scale=0.5,
        reflectivity=0.5,
    )
    sign = table.add('Building', color, emission=0.25, reflectivity=0.5)
    front = -depth / 2
    parts = [box((width - 1.0, 0.3, 0.55), (0, front, 3.0), sign)]
    bays = max(int(width / 4.5), 1)
    for k in range(bays):
        x = (k + 0.5) * (width - 1.0) / bays - (width - 1.0) / 2
        parts.append(box((3.2, 0.12, 2.1), (x, front - 0.02, 1.5), glass))
        if rng.random() < 0.5:
            slope = np.array(
                [[-1.7, 0, 2.75], [1.7, 0, 2.75], [1.7, -1.1, 2.35], [-1.7, -1.1, 2.35]]
            )
            vertices = slope + np.array([x, front - 0.1, 0])
            parts.append(make_mesh(vertices, [[0, 2, 1], [0, 3, 2]], awning))
    return parts


def _balconies(
    rng: np.random.Generator,
    table: SurfaceTable,
    width: float,
    depth: float,
    height: float,
    storey: float,
) -> list[Mesh]:
    slab = table.add('Building', (0.66, 0.65, 0.62), reflectivity=0.4)
    rail = table.add(
        'Building', (0.3, 0.32, 0.34), texture=Texture.CORRUGATED, scale=0.15, reflectivity=0.4
    )
    parts = []
    for x in np.arange(-width / 2 + 2.5, width / 2 - 1.5, 5.0):
        if rng.random() < 0.3:
            continue
        for z in np.arange(storey, height - 1.0, storey):
            y = -depth / 2 - 0.6
            parts.append(box((2.6, 1.2, 0.15), (float(x), y, float(z) + 0.1), slab))
            parts.append(box((2.6, 0.05, 0.9), (float(x), y - 0.58, float(z) + 0.6), rail))
    return parts


def make_house(rng: np.random.Generator, table: SurfaceTable) -> Building:
    """Return a one-family house with a gable roof, door and chimney."""
    width, depth = float(rng.uniform(8.0, 12.0)), float(rng.uniform(7.0, 9.5))
    eaves = float(rng.choice([3.0, 5.6]))
    ridge = eaves + float(rng.uniform(2.0, 3.5))
    wall = _facade(rng, table, float(rng.uniform(2.5, 3.1)))
    roof_color = [(0.45, 0.20, 0.14), (0.30, 0.18, 0.15), (0.24, 0.25, 0.27)][int(rng.integers(3))]
    roof = table.add(
        'Building',
        varied(rng, roof_color, 0.2),
        texture=Texture.TILES,
        scale=0.35,
        reflectivity=0.35,
    )
    door = table.add(
        'Building', tuple(rng.uniform(0.1, 0.5, 3)), texture=Texture.BARK, reflectivity=0.3
    )
    brick = table.add('Building', (0.5, 0.25, 0.2), texture=Texture.BRICK, reflectivity=0.35)
    w, d, o = width / 2, depth / 2, 0.5
    full = eaves + FOUNDATION_M
    gable = make_mesh(
        [
            [-w, -d, eaves],
            [-w, d, eaves],
            [-w, 0, ridge],
            [w, -d, eaves],
            [w, d, eaves],
            [w, 0, ridge],
        ],
        [[0, 2, 1], [3, 4, 5]],
        wall,
    )
    slopes = make_mesh(
        [[-w - o, -d - o, eaves - 0.3], [w + o, -d - o, eaves - 0.3], [w + o, 0, ridge + 0.1],
         [-w - o, 0, ridge + 0.1], [-w - o, d + o, eaves - 0.3], [w + o, d + o, eaves - 0.3]],
        [[0, 1, 2], [0, 2, 3], [3, 2, 5], [3, 5, 4]],
        roof,
    )  # fmt: skip
    parts = [
        box((width, depth, full), (0, 0, eaves - full / 2), wall),
        gable,
        slopes,
        box((1.1, 0.15, 2.1), (rng.uniform(-w + 1, w - 1), -d, 1.05), door),
        box((0.7, 0.7, 1.8), (rng.uniform(-w + 1, w - 1), 0.8, ridge), brick),
    ]
    return Building(merge(parts), width, depth)


def make_shed(rng: np.random.Generator, table: SurfaceTable) -> Building:
    """Return an industrial hall with gates."""
    width, depth = float(rng.uniform(18.0, 34.0)), float(rng.uniform(12.0, 18.0))
    height = float(rng.uniform(6.0, 9.5))
    shade = float(rng.uniform(0.45, 0.75))
    sheet = table.add(
        'Building',
        (shade, shade * 1.02, shade * 1.05),
        texture=Texture.CORRUGATED,
        scale=0.4,
        reflectivity=0.5,
    )
    gate = table.add(
        'Building', (0.25, 0.35, 0.45), texture=Texture.CORRUGATED, scale=0.6, reflectivity=0.4
    )
    roof = table.add('Building', (0.35, 0.35, 0.37), reflectivity=0.3)
    full = height + FOUNDATION_M
    parts = [
        box((width, depth, full), (0, 0, height - full / 2), sheet),
        box((width + 0.4, depth + 0.4, 0.4), (0, 0, height + 0.1), roof),
    ]
    for x in np.arange(-width / 2 + 4.0, width / 2 - 3.0, 7.0):
        parts.append(box((4.0, 0.2, 4.2), (float(x), -depth / 2, 2.1), gate))
    return Building(merge(parts), width, depth)


def make_bridge(rng: np.random.Generator, table: SurfaceTable, span_m: float) -> Mesh:
    """Return an overpass that crosses the street along y: deck, girders, piers, railing."""
    shade = float(rng.uniform(0.48, 0.62))
    stone = table.add(
        'Bridge',
        (shade, shade * 0.98, shade * 0.93),
        texture=Texture.GRAVEL,
        scale=0.6,
        reflectivity=0.4,
    )
    steel = table.add('Bridge', (0.25, 0.33, 0.38), texture=Texture.WORN_PAINT, reflectivity=0.4)
    rail = table.add('Fence', (0.35, 0.37, 0.4), reflectivity=0.4)
    width, low = float(rng.uniform(5.0, 9.0)), 4.9
    length = span_m + 30.0
    girder = steel if rng.random() < 0.5 else stone
    parts = [
        box((width, length, 0.5), (0, 0, low + 0.95), stone),
        *(box((0.5, length, 1.2), (s * (width / 2 - 0.2), 0, low + 0.6), girder) for s in (-1, 1)),
    ]
    for side in (-1, 1):
        y = side * (span_m / 2)
        for x in (-width / 3, width / 3):
            parts.append(tube((0.5, 0.5), (-1.0, low + 0.3), stone, 10).shaped(_at(x, y)))
        parts.append(
            box((width, 4.0, low + 2.0), (0, side * (length / 2 - 2), low / 2 - 0.5), stone)
        )
        x = side * (width / 2 - 0.1)
        parts.append(box((0.06, length, 0.07), (x, 0, low + 2.2), rail))
        parts.append(box((0.05, length, 0.05), (x, 0, low + 1.7), rail))
        for post in np.arange(-length / 2 + 0.5, length / 2, 1.5):
            parts.append(box((0.06, 0.06, 1.0), (x, float(post), low + 1.7), rail))
    return merge(parts)


def _at(x: float, y: float) -> np.ndarray:
    T = np.eye(4)
    T[:2, 3] = x, y
    return T
