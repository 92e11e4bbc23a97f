"""More of what stands about in streets: squares, cafes, kiosks, and things left on the pavement.

Each function returns a mesh that stands on z = 0. What stays where it was built is of the class
Static, what somebody can move is Dynamic.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mmseg_ros.sim.world.mesh import Mesh, box, disc_wheel, merge, pose, rod, tube
from mmseg_ros.sim.world.season import Color, varied
from mmseg_ros.sim.world.surfaces import SurfaceTable, Texture


def _paint(rng: np.random.Generator, table: SurfaceTable, cls: str, *colors: Color) -> int:
    color = varied(rng, colors[int(rng.integers(len(colors)))], 0.2)
    return table.add(cls, color, reflectivity=float(rng.uniform(0.2, 0.5)))


def cafe_table(rng: np.random.Generator, table: SurfaceTable) -> Mesh:
    """Return a table with chairs, half of them under a parasol (class Dynamic)."""
    wood = _paint(rng, table, 'Dynamic', (0.45, 0.3, 0.16), (0.8, 0.8, 0.78), (0.2, 0.2, 0.22))
    seat = _paint(rng, table, 'Dynamic', (0.6, 0.2, 0.12), (0.2, 0.35, 0.3), (0.5, 0.38, 0.2))
    parts = [tube((0.38, 0.38), (0.70, 0.74), wood, 10), tube((0.04, 0.04), (0.0, 0.7), wood, 5)]
    for angle in rng.uniform(0, 1.5) + np.arange(int(rng.integers(2, 5))) * (np.pi / 2):
        chair = merge(
            [
                box((0.42, 0.42, 0.05), (0, 0, 0.45), seat),
                box((0.05, 0.42, 0.45), (0.2, 0, 0.68), seat),
                *(rod((x, y, 0), (x, y, 0.45), 0.02, wood) for x in (-0.18, 0.18)
                  for y in (-0.18, 0.18)),
            ]
        )  # fmt: skip
        x, y = 0.72 * np.cos(angle), 0.72 * np.sin(angle)
        parts.append(chair.shaped(pose(float(x), float(y), 0.0, float(angle))))
    if rng.random() < 0.5:
        cloth = _paint(rng, table, 'Dynamic', (0.85, 0.8, 0.7), (0.7, 0.15, 0.1), (0.1, 0.35, 0.2))
        parts.append(tube((1.35, 0.05), (2.0, 2.5), cloth, 8))
        parts.append(tube((0.03, 0.03), (0.7, 2.1), wood, 5))
    return merge(parts)


def kiosk(rng: np.random.Generator, table: SurfaceTable) -> Mesh:
    """Return a newspaper stand, an advertising column or a telephone box (class Static)."""
    body = _paint(rng, table, 'Static', (0.1, 0.3, 0.2), (0.6, 0.1, 0.1), (0.75, 0.72, 0.65))
    poster = _paint(rng, table, 'Static', (0.8, 0.6, 0.2), (0.3, 0.5, 0.8), (0.85, 0.3, 0.4))
    glass = table.add('Static', (0.3, 0.38, 0.4), texture=Texture.GLASS, gloss=0.3)
    draw = rng.random()
    if draw < 0.4:
        return merge(
            [
                tube((0.75, 0.75, 0.65, 0.65), (0, 0.4, 0.4, 2.9), poster, 14),
                tube((0.8, 0.8, 0.1), (2.9, 3.05, 3.6), body, 14),
            ]
        )
    if draw < 0.65:
        return merge(
            [
                box((0.9, 0.9, 0.25), (0, 0, 2.3), body),
                *(box((0.08, 0.08, 2.3), (x, y, 1.15), body) for x in (-0.4, 0.4)
                  for y in (-0.4, 0.4)),
                box((0.82, 0.82, 1.7), (0, 0, 1.3), glass),
            ]
        )  # fmt: skip
    width = float(rng.uniform(2.2, 3.4))
    return merge(
        [
            box((2.0, width, 1.0), (0, 0, 0.5), body),
            box((1.9, width - 0.1, 1.2), (0, 0, 1.6), glass),
            box((2.8, width + 0.6, 0.2), (0, 0, 2.4), body),
            box((0.08, width, 0.5), (1.2, 0, 2.7), poster),
        ]
    )


def monument(rng: np.random.Generator, table: SurfaceTable) -> Mesh:
    """Return a statue on its plinth or a fountain (class Static)."""
    stone = _paint(rng, table, 'Static', (0.62, 0.6, 0.56), (0.5, 0.46, 0.42))
    bronze = _paint(rng, table, 'Static', (0.25, 0.36, 0.3), (0.3, 0.24, 0.16))
    if rng.random() < 0.5:
        radius = float(rng.uniform(1.6, 2.4))
        water = table.add('Water', (0.2, 0.3, 0.32), texture=Texture.WATER, gloss=0.4)
        return merge(
            [
                tube((radius, radius), (0.0, 0.55), stone, 14),
                tube((radius - 0.2,) * 2, (0.5, 0.57), water, 14),
                tube((0.35, 0.2, 0.8, 0.1), (0.5, 1.4, 1.6, 2.1), stone, 10),
            ]
        )
    height = float(rng.uniform(1.2, 2.4))
    figure = tube((0.4, 0.3, 0.36, 0.42, 0.14, 0.2, 0.05), (0, 0.5, 1.2, 1.6, 1.8, 2.0, 2.2),
                  bronze, 8)  # fmt: skip
    return merge(
        [
            box((1.8, 1.8, 0.3), (0, 0, 0.15), stone),
            box((1.2, 1.2, height), (0, 0, height / 2), stone),
            figure.shaped(pose(0, 0, height)),
        ]
    )


def postbox(rng: np.random.Generator, table: SurfaceTable) -> Mesh:
    """Return a letter box on its post or a parking meter (class Static)."""
    paint = _paint(rng, table, 'Static', (0.85, 0.68, 0.05), (0.7, 0.06, 0.06), (0.1, 0.2, 0.5))
    steel = _paint(rng, table, 'Static', (0.3, 0.31, 0.33))
    if rng.random() < 0.5:
        return merge(
            [tube((0.05, 0.05), (0, 1.1), steel, 6), box((0.25, 0.3, 0.5), (0, 0, 1.3), steel)]
        )
    return merge(
        [
            box((0.12, 0.12, 0.8), (0, 0, 0.4), steel),
            box((0.4, 0.5, 0.7), (0, 0, 1.1), paint),
        ]
    )


def pram(rng: np.random.Generator, table: SurfaceTable) -> Mesh:
    """Return a pram (class Dynamic)."""
    cloth = _paint(rng, table, 'Dynamic', (0.15, 0.2, 0.4), (0.5, 0.1, 0.15), (0.3, 0.3, 0.32))
    dark = table.add('Dynamic', (0.08, 0.08, 0.08), reflectivity=0.1)
    wheels = [
        disc_wheel(0.14, 0.05, dark, dark).shaped(pose(x, y, 0.0))
        for x in (-0.3, 0.3)
        for y in (-0.24, 0.24)
    ]
    return merge(
        [
            *wheels,
            box((0.75, 0.4, 0.3), (0, 0, 0.6), cloth),
            tube((0.28, 0.2, 0.05), (0.72, 0.9, 1.0), cloth, 8).shaped(pose(0.2, 0, 0)),
            rod((-0.35, 0.2, 0.7), (-0.65, 0.2, 1.0), 0.02, dark),
            rod((-0.35, -0.2, 0.7), (-0.65, -0.2, 1.0), 0.02, dark),
            rod((-0.65, -0.2, 1.0), (-0.65, 0.2, 1.0), 0.02, dark),
        ]
    )


def _trolley(rng: np.random.Generator, table: SurfaceTable) -> Mesh:
    """Return a shopping trolley."""
    wire = _paint(rng, table, 'Dynamic', (0.6, 0.62, 0.64), (0.2, 0.3, 0.6))
    parts = [box((0.85, 0.03, 0.5), (0, y, 0.7), wire) for y in (-0.26, 0.26)]
    parts += [
        box((0.03, 0.5, 0.5), (0.42, 0, 0.7), wire),
        box((0.9, 0.5, 0.04), (0, 0, 0.3), wire),
    ]
    parts += [rod((x, y, 0.0), (x, y, 0.45), 0.025, wire) for x in (-0.38, 0.38)
              for y in (-0.2, 0.2)]  # fmt: skip
    return merge(parts)


def _pallet(rng: np.random.Generator, table: SurfaceTable) -> Mesh:
    """Return a pallet with crates, more or less full."""
    wood = _paint(rng, table, 'Dynamic', (0.6, 0.45, 0.28))
    parts = [box((1.2, 0.8, 0.14), (0, 0, 0.07), wood)]
    for k in range(int(rng.integers(2, 7))):
        crate = _paint(rng, table, 'Dynamic', (0.62, 0.46, 0.28), (0.2, 0.4, 0.7), (0.7, 0.2, 0.1))
        x, y, z = (k % 2) * 0.55 - 0.28, (k // 2 % 2) * 0.4 - 0.2, 0.34 + (k // 4) * 0.4
        parts.append(box((0.5, 0.36, 0.38), (x, y, z), crate))
    return merge(parts)


def _suitcases(rng: np.random.Generator, table: SurfaceTable) -> Mesh:
    """Return one to three pieces of luggage."""
    parts = []
    for k in range(int(rng.integers(1, 4))):
        paint = _paint(rng, table, 'Dynamic', (0.6, 0.1, 0.15), (0.1, 0.15, 0.4), (0.3, 0.3, 0.3))
        height = float(rng.uniform(0.5, 0.85))
        parts.append(
            box((0.28, 0.5, height), (0.4 * k, rng.uniform(-0.2, 0.2), height / 2), paint)
        )
        parts.append(box((0.03, 0.3, 0.35), (0.4 * k, 0, height + 0.15), paint))
    return merge(parts)


def _board(rng: np.random.Generator, table: SurfaceTable) -> Mesh:
    """Return the folding board of a shop."""
    paint = _paint(rng, table, 'Dynamic', (0.12, 0.12, 0.12), (0.8, 0.75, 0.6), (0.6, 0.2, 0.2))
    left = box((0.04, 0.62, 1.1), (-0.16, 0, 0.55), paint)
    right = box((0.04, 0.62, 1.1), (0.16, 0, 0.55), paint)
    return merge([left, right, box((0.36, 0.62, 0.04), (0, 0, 1.08), paint)])


_CLUTTER: tuple[Callable[[np.random.Generator, SurfaceTable], Mesh], ...] = (
    pram, _trolley, _pallet, _suitcases, _board,
)  # fmt: skip


def clutter(rng: np.random.Generator, table: SurfaceTable) -> Mesh:
    """Return something that somebody left here: pram, trolley, crates, luggage or a board."""
    return _CLUTTER[int(rng.integers(len(_CLUTTER)))](rng, table)
