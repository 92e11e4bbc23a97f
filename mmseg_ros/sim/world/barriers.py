"""What runs along a street and keeps things apart: fences, walls, hedges, guard rails."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from mmseg_ros.sim.world import nature
from mmseg_ros.sim.world.mesh import box, merge, sheet
from mmseg_ros.sim.world.season import varied
from mmseg_ros.sim.world.street import KERB_M, StreetBuilder
from mmseg_ros.sim.world.surfaces import Texture

Span = tuple[float, float]


def barrier(street: StreetBuilder, side: int, span: Span, offset: float, kind: str) -> None:
    """Run a fence, wall, hedge, guard rail or concrete barrier along a span.

    Args:
        street: What it runs along.
        side: 1 left, -1 right.
        span: From and to, arc length in meters.
        offset: Distance outside the pavement, meters.
        kind: fence, wall, hedge, guard rail or jersey.
    """
    stage, rng = street.stage, street.stage.rng
    d = side * (street.profile.corridor_m + offset)
    if kind == 'wall':
        stone, height = _masonry(street), float(rng.uniform(1.2, 3.2))
        for dd, z in ((d, (-0.3, height)), (d + 0.3, (-0.3, height))):
            stage.strip(street.route, span, (dd, dd), z, stone)
        stage.strip(street.route, span, (d, d + 0.3), (height, height), stone)
        for s in span:
            T = stage.world_pose(street.route, s, d + 0.15)
            stage.add(box((0.04, 0.3, height), (0, 0, height / 2), stone).transformed(T))
    elif kind == 'hedge':
        for s in np.arange(span[0], span[1] - 3.0, 4.0):
            hedge = nature.make_hedge(rng, stage.table, stage.season, 4.2)
            stage.place(hedge, stage.world_pose(street.route, float(s) + 2.0, d), 'hedge')
    elif kind == 'guard rail':
        _guard_rail(street, span, d)
    elif kind == 'jersey':
        jersey(street, span, d)
    else:
        _fence(street, span, d)


_MASONRY = (
    ((0.62, 0.42, 0.34), Texture.BRICK), ((0.50, 0.30, 0.24), Texture.BRICK),
    ((0.66, 0.64, 0.60), Texture.GRAVEL), ((0.74, 0.70, 0.62), Texture.GRAVEL),
    ((0.56, 0.58, 0.56), Texture.CORRUGATED), ((0.52, 0.54, 0.40), Texture.PAVING),
)  # fmt: skip


def _masonry(street: StreetBuilder) -> int:
    stage = street.stage
    color, texture = _MASONRY[int(stage.rng.integers(len(_MASONRY)))]
    color = varied(stage.rng, color)
    return stage.table.add('Wall', color, texture=texture, scale=0.6, reflectivity=0.4)


def jersey(street: StreetBuilder, span: Span, d: float) -> None:
    """Run a concrete barrier of 0.8 m (class GroundRail) along a span, `d` left of the middle."""
    stage = street.stage
    stone = stage.table.add(
        'GroundRail', varied(stage.rng, (0.62, 0.61, 0.58)), texture=Texture.GRAVEL, scale=0.5,
        reflectivity=0.4,
    )  # fmt: skip
    profile = ((-0.28, 0.0), (-0.24, 0.1), (-0.1, 0.35), (-0.08, 0.8),
               (0.08, 0.8), (0.1, 0.35), (0.24, 0.1), (0.28, 0.0))  # fmt: skip
    for (a, low), (b, high) in pairwise(profile):
        stage.strip(street.route, span, (d + a, d + b), (low, high), stone)


def kerb_railing(street: StreetBuilder, side: int, span: Span) -> None:
    """Run a pedestrian railing (class Fence) along the curb."""
    stage = street.stage
    color = [(0.75, 0.75, 0.74), (0.12, 0.2, 0.14), (0.3, 0.31, 0.33)][int(stage.rng.integers(3))]
    bars = stage.table.add('Fence', color, reflectivity=0.4)
    panel = merge(
        [
            *(box((2.0, 0.05, 0.05), (1.0, 0, z), bars) for z in (0.35, 1.0)),
            *(box((0.05, 0.05, 1.05), (x, 0, 0.52), bars) for x in (0.0, 1.0)),
            *(box((0.03, 0.02, 0.62), (x, 0, 0.68), bars) for x in np.arange(0.25, 2.0, 0.25)),
        ]
    )
    d = side * (street.profile.half_m + 0.35)
    for s in np.arange(span[0], span[1] - 2.0, 2.0):
        stage.place(panel, stage.world_pose(street.route, float(s), d, KERB_M))


def _guard_rail(street: StreetBuilder, span: Span, d: float) -> None:
    stage = street.stage
    steel = stage.table.add('GroundRail', (0.62, 0.63, 0.65), gloss=0.08, reflectivity=0.6)
    profile = ((0.0, 0.42), (0.08, 0.5), (0.0, 0.58), (0.08, 0.66), (0.0, 0.74))
    toward = -np.sign(d)
    for (a, za), (b, zb) in pairwise(profile):
        stage.strip(street.route, span, (d + toward * a, d + toward * b), (za, zb), steel)
    post = box((0.08, 0.1, 0.8), (0, -toward * 0.06, 0.35), steel)
    for s in np.arange(span[0], span[1], 2.0):
        stage.add(post.transformed(stage.world_pose(street.route, float(s), d)))


def _fence(street: StreetBuilder, span: Span, d: float) -> None:
    stage, rng = street.stage, street.stage.rng
    wooden = rng.random() < 0.4
    steel = [(0.25, 0.28, 0.27), (0.62, 0.63, 0.62), (0.15, 0.3, 0.2)][int(rng.integers(3))]
    color = varied(rng, (0.52, 0.38, 0.24) if wooden else steel)
    height = float(rng.uniform(0.9, 1.8))
    bars = stage.table.add(
        'Fence', color, texture=Texture.BARK if wooden else Texture.PLAIN, reflectivity=0.4
    )
    step, width = (0.16, 0.11) if wooden else (0.14, 0.03)
    slats = [
        sheet((width, height - 0.1), (float(x), 0, height / 2 + 0.05), bars)
        for x in np.arange(0.0, 2.0, step)
    ]
    panel = merge(
        [
            *slats,
            box((2.0, 0.04, 0.06), (1.0, 0, 0.25), bars),
            box((2.0, 0.04, 0.06), (1.0, 0, height - 0.1), bars),
            box((0.08, 0.08, height + 0.15), (0, 0, height / 2), bars),
        ]
    )
    for s in np.arange(span[0], span[1] - 2.0, 2.0):
        stage.place(panel, stage.world_pose(street.route, float(s), d))
