"""Trees, bushes and hedges."""

from __future__ import annotations

import numpy as np

from mmseg_ros.sim.world.mesh import Mesh, blob, box, make_mesh, merge, rod, tube
from mmseg_ros.sim.world.season import Season, varied
from mmseg_ros.sim.world.surfaces import SurfaceTable, Texture


def _leaves(
    rng: np.random.Generator, table: SurfaceTable, season: Season, scale: float = 0.35
) -> int:
    green = varied(rng, season.leaves[int(rng.integers(len(season.leaves)))])
    return table.add('Vegetation', green, texture=Texture.FOLIAGE, scale=scale, reflectivity=0.55)


def _sprigs(
    rng: np.random.Generator, count: int, radius: np.ndarray, center: np.ndarray, surface: int
) -> Mesh:
    """Return loose triangles around an ellipsoid: the ragged edge of a crown."""
    direction = rng.normal(0, 1, (count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    foot = center + direction * radius * rng.uniform(0.8, 1.12, (count, 1))
    corners = foot[:, None] + rng.normal(0, 0.24, (count, 3, 3))
    return make_mesh(corners.reshape(-1, 3), np.arange(3 * count), surface)


def make_tree(
    rng: np.random.Generator, table: SurfaceTable, season: Season, kind: str = ''
) -> Mesh:
    """Return a broad-leaved tree, bare in winter, or a conifer; 4 m to 11 m high."""
    kind = kind or str(rng.choice(['broad', 'broad', 'broad', 'conifer']))
    bark = table.add('Vegetation', (0.30, 0.22, 0.15), texture=Texture.BARK, reflectivity=0.35)
    leaves = _leaves(rng, table, season)
    height = float(rng.uniform(4.5, 10.0))
    if kind == 'conifer':
        parts = [tube((0.16, 0.10), (0.0, height * 0.5), bark, 6)]
        levels = 5
        for k in range(levels):
            low = height * (0.14 + 0.16 * k)
            radius = height * 0.24 * (1 - 0.17 * k) * float(rng.uniform(0.9, 1.1))
            parts.append(
                tube(
                    (radius, radius * 0.75, 0.05), (low, low + 0.1, low + height * 0.27), leaves, 9
                )
            )
        return merge(parts)
    if rng.random() < season.bare:
        return _bare_tree(rng, height, bark)
    trunk = height * float(rng.uniform(0.28, 0.4))
    parts = [tube((0.22, 0.16, 0.12), (0.0, trunk * 0.6, trunk + 0.8), bark, 7)]
    spread = height * float(rng.uniform(0.2, 0.3))
    for _ in range(int(rng.integers(4, 7))):
        offset = rng.normal(0, 0.45, 3) * (spread, spread, height * 0.14)
        center = np.array([0, 0, trunk + (height - trunk) * 0.5]) + offset
        size = spread * rng.uniform(0.55, 0.8) * np.array([1, 1, 0.8])
        parts.append(blob(rng, size, center, leaves))
        parts.append(_sprigs(rng, 60, size, center, leaves))
        parts.append(rod((0, 0, trunk * 0.8), center, 0.07, bark))
    return merge(parts)


def _bare_tree(rng: np.random.Generator, height: float, bark: int) -> Mesh:
    """Return a trunk with boughs and twigs."""
    trunk = height * float(rng.uniform(0.3, 0.45))
    parts = [tube((0.22, 0.16, 0.10), (0.0, trunk * 0.6, height * 0.8), bark, 7)]
    for _ in range(int(rng.integers(7, 12))):
        angle, low = rng.uniform(0, 2 * np.pi), rng.uniform(trunk * 0.8, height * 0.65)
        reach = height * rng.uniform(0.15, 0.28)
        foot = np.array([0.0, 0.0, low])
        out = np.array([np.cos(angle), np.sin(angle), 0.0])
        tip = foot + reach * out + (0, 0, reach * rng.uniform(0.6, 1.2))
        parts.append(rod(foot, tip, 0.05, bark))
        for share in (0.5, 0.75, 1.0):
            base = foot + share * (tip - foot)
            twig = base + rng.normal(0, 0.35, 3) * reach + (0, 0, 0.4 * reach)
            parts.append(rod(base, twig, 0.022, bark))
    return merge(parts)


def make_bush(rng: np.random.Generator, table: SurfaceTable, season: Season) -> Mesh:
    """Return a bush of about a meter."""
    leaves = _leaves(rng, table, season, 0.22)
    parts = []
    for _ in range(int(rng.integers(2, 4))):
        radius = rng.uniform(0.4, 0.8) * np.array([1.0, 1.0, 0.85])
        center = np.array([*rng.uniform(-0.5, 0.5, 2), radius[2] * 0.75])
        parts.append(blob(rng, radius, center, leaves))
        parts.append(_sprigs(rng, 40, radius, center, leaves))
    return merge(parts)


def make_hedge(
    rng: np.random.Generator, table: SurfaceTable, season: Season, length_m: float
) -> Mesh:
    """Return a clipped hedge along x, centered, 1 m to 1.6 m high."""
    leaves = _leaves(rng, table, season, 0.2)
    height = float(rng.uniform(1.0, 1.6))
    count = int(length_m * 14)
    body = box((length_m, 0.7, height), (0, 0, height / 2), leaves)
    foot = rng.uniform(-0.5, 0.5, (count, 3)) * (length_m, 0.8, 0.0)
    foot[:, 2] = rng.uniform(0.1, height + 0.05, count)
    foot[:, 1] = np.where(foot[:, 2] > height * 0.85, foot[:, 1], np.sign(foot[:, 1]) * 0.36)
    corners = foot[:, None] + rng.normal(0, 0.13, (count, 3, 3))
    return merge([body, make_mesh(corners.reshape(-1, 3), np.arange(3 * count), leaves)])
