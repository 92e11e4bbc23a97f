"""Open land beside a street: parks, squares, rivers and meadows."""

from __future__ import annotations

import numpy as np

from mmseg_ros.sim.world import buildings
from mmseg_ros.sim.world.barriers import barrier
from mmseg_ros.sim.world.plots import (
    BENCH,
    BUSH,
    CLUTTER,
    KIOSK,
    MONUMENT,
    TABLE,
    TREE,
    Span,
    build_row,
    grass_surface,
    plane,
    scatter,
)  # fmt: skip
from mmseg_ros.sim.world.season import varied
from mmseg_ros.sim.world.street import StreetBuilder
from mmseg_ros.sim.world.surfaces import Texture


def park(street: StreetBuilder, side: int, span: Span) -> None:
    """Grass, trees and benches."""
    stage = street.stage
    plane(street, side, span, 45.0, grass_surface(street))
    length = span[1] - span[0]
    if stage.rng.random() < 0.4:
        _pond(street, side, span)
    elif stage.rng.random() < 0.5:
        barrier(street, side, span, 0.4, 'hedge' if stage.rng.random() < 0.5 else 'fence')
    scatter(street, side, span, (2.0, 42.0), int(length / 2.6), TREE)
    scatter(street, side, span, (1.5, 20.0), int(length / 7), BUSH)
    scatter(street, side, span, (0.8, 2.0), int(length / 18) + 1, BENCH)


def _pond(street: StreetBuilder, side: int, span: Span) -> None:
    """Fill a part of a park with still water, level with the grass."""
    stage, rng = street.stage, street.stage.rng
    inner = street.profile.corridor_m + float(rng.uniform(1.5, 5.0))
    edges = (side * inner, side * (inner + float(rng.uniform(10.0, 28.0))))
    along = (span[0] + 4.0, span[1] - 4.0)
    bank = stage.table.add(
        'Ground', varied(rng, (0.55, 0.52, 0.46)), texture=Texture.GRAVEL, reflectivity=0.35
    )
    stage.strip(street.route, along, (edges[0] - side * 1.2, edges[0]), (0.05, 0.05), bank)
    stage.strip(street.route, along, edges, (0.045, 0.045), _water(street))
    for s in np.arange(along[0] + 2.0, along[1], 7.0):
        for d in np.arange(min(edges) + 3.0, max(edges), 6.0):
            x, y, _ = (float(v) for v in street.route.at(float(s), float(d)))
            stage.claim(x, y, 3.4)


def _water(street: StreetBuilder) -> int:
    rng = street.stage.rng
    return street.stage.table.add(
        'Water', varied(rng, (0.13, 0.22, 0.24), 0.3), texture=Texture.WATER,
        gloss=float(rng.uniform(0.4, 0.65)), reflectivity=0.02,
    )  # fmt: skip


def square(street: StreetBuilder, side: int, span: Span) -> None:
    """A paved square (class Ground) with benches, trees, a monument and houses behind it."""
    stage, rng = street.stage, street.stage.rng
    color = [(0.52, 0.48, 0.43), (0.60, 0.46, 0.38), (0.45, 0.45, 0.46)][int(rng.integers(3))]
    stone = stage.table.add(
        'Ground', varied(rng, color), texture=Texture.PAVING,
        scale=float(rng.uniform(0.15, 0.4)), reflectivity=0.35,
    )  # fmt: skip
    depth = float(rng.uniform(14.0, 26.0))
    plane(street, side, span, depth + 3.0, stone)
    length = span[1] - span[0]
    scatter(street, side, span, (5.0, depth - 4.0), 1, MONUMENT)
    scatter(street, side, span, (4.0, depth - 3.0), int(length / 14) + 1, KIOSK)
    scatter(street, side, span, (1.0, depth - 3.0), int(length / 5), TABLE)
    scatter(street, side, span, (1.0, depth - 3.0), int(length / 10), BENCH)
    scatter(street, side, span, (2.0, depth - 2.0), int(length / 9), TREE)
    scatter(street, side, span, (1.0, depth - 3.0), int(length / 9), CLUTTER)
    build_row(
        street, side, span, (depth, depth + 2.0),
        lambda: buildings.make_block(rng, stage.table), (0.2, 4.0),
    )  # fmt: skip


def river(street: StreetBuilder, side: int, span: Span) -> None:
    """A quay with a railing, water and the far bank."""
    stage, inner = street.stage, street.profile.corridor_m
    water, level = _water(street), float(stage.rng.uniform(-1.7, -0.35))
    quay = stage.table.add(
        'Wall', (0.50, 0.48, 0.45), texture=Texture.BRICK, scale=0.9, reflectivity=0.35
    )
    grass = grass_surface(street)
    bank, edge = side * (inner + 52.0), side * (inner + 1.6)
    stage.strip(street.route, span, (side * inner, edge), (0.06, 0.02), grass)
    stage.strip(street.route, span, (edge, edge), (-1.9, 0.02), quay)
    stage.strip(street.route, span, (edge, bank), (level, level), water)
    stage.strip(street.route, span, (bank, side * (inner + 60.0)), (level - 0.1, 0.4), grass)
    kind = str(stage.rng.choice(['fence', 'guard rail', 'none'], p=[0.45, 0.3, 0.25]))
    if kind != 'none':
        barrier(street, side, span, 0.8, kind)
    scatter(street, side, span, (58.0, 75.0), int((span[1] - span[0]) / 5), TREE)


def meadow(street: StreetBuilder, side: int, span: Span) -> None:
    """Open land beside a rural road, often behind a guard rail."""
    stage = street.stage
    plane(street, side, span, 60.0, grass_surface(street))
    kind = str(stage.rng.choice(['guard rail', 'jersey', 'fence', 'none'], p=[0.5, 0.1, 0.2, 0.2]))
    if kind != 'none':
        barrier(street, side, span, 0.7, kind)
    length = span[1] - span[0]
    scatter(street, side, span, (5.0, 60.0), int(length / 4), TREE)
    scatter(street, side, span, (2.5, 30.0), int(length / 5), BUSH)
