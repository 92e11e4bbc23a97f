"""Triangle meshes with a surface and an instance per face, and the solids that scenes are made of.

Lengths are meters. Objects stand on z = 0 with x forward, y left and z up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmseg_ros.projection.transforms import rotation

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Mesh:
    """A bag of triangles.

    Attributes:
        vertices: V x 3 float32, positions in meters.
        texture: V x 3 float32, where each vertex was before it was posed; textures live there, so
            that they move with the object.
        faces: F x 3 int32, vertex indices.
        surface: F int32, rows of the scene's surface table.
        instance: F int32, object of the scene graph, or -1 for the fabric of the street.
    """

    vertices: FloatArray
    texture: FloatArray
    faces: IntArray
    surface: IntArray
    instance: IntArray

    def transformed(self, T: ArrayLike) -> Mesh:
        """Return the mesh under the 4 x 4 transform `T`; textures stay with the object."""
        matrix = np.asarray(T, np.float64)
        moved = self.vertices @ matrix[:3, :3].T + matrix[:3, 3]
        return replace(self, vertices=moved.astype(np.float32))

    def shaped(self, T: ArrayLike) -> Mesh:
        """Return the mesh under `T` as a part of a larger object: textures are moved too."""
        moved = self.transformed(T)
        return replace(moved, texture=moved.vertices)

    def of_instance(self, instance: int) -> Mesh:
        """Return the mesh with every face belonging to object `instance`."""
        return replace(self, instance=np.full(len(self.faces), instance, np.int32))


def make_mesh(vertices: ArrayLike, faces: ArrayLike, surface: ArrayLike) -> Mesh:
    """Build a mesh; `surface` is one id or one per face."""
    points = np.asarray(vertices, np.float32).reshape(-1, 3)
    triangles = np.asarray(faces, np.int32).reshape(-1, 3)
    surfaces = np.empty(len(triangles), np.int32)
    surfaces[:] = surface
    return Mesh(points, points, triangles, surfaces, np.full(len(triangles), -1, np.int32))


def merge(meshes: Iterable[Mesh]) -> Mesh:
    """Return one mesh of all `meshes`, in order."""
    parts = list(meshes)
    if not parts:
        return make_mesh(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0))
    offsets = np.cumsum([0] + [len(part.vertices) for part in parts[:-1]])
    return Mesh(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate([part.texture for part in parts]),
        np.concatenate([part.faces + np.int32(o) for part, o in zip(parts, offsets, strict=True)]),
        np.concatenate([part.surface for part in parts]),
        np.concatenate([part.instance for part in parts]),
    )


def pose(x: float, y: float, z: float, yaw: float = 0.0) -> NDArray[np.float64]:
    """Return the 4 x 4 transform of an upright object at (x, y, z), turned by `yaw` radians."""
    T = np.eye(4)
    c, s = np.cos(yaw), np.sin(yaw)
    T[:2, :2] = [[c, -s], [s, c]]
    T[:3, 3] = x, y, z
    return T


_BOX_CORNERS = np.array(
    [[x, y, z] for z in (-0.5, 0.5) for y in (-0.5, 0.5) for x in (-0.5, 0.5)], np.float32
)
_BOX_FACES = np.array(
    [
        [0, 2, 3], [0, 3, 1], [4, 5, 7], [4, 7, 6], [0, 1, 5], [0, 5, 4],
        [2, 6, 7], [2, 7, 3], [0, 4, 6], [0, 6, 2], [1, 3, 7], [1, 7, 5],
    ],
    np.int32,
)  # fmt: skip


def box(size: Sequence[float], center: Sequence[float], surface: int) -> Mesh:
    """Return a box of edge lengths `size` around `center`."""
    corners = _BOX_CORNERS * np.asarray(size, np.float32) + np.asarray(center, np.float32)
    return make_mesh(corners, _BOX_FACES, surface)


def sheet(size: Sequence[float], center: Sequence[float], surface: int) -> Mesh:
    """Return an upright rectangle in the plane of x and z: `size` = (width, height)."""
    w, h = size[0] / 2, size[1] / 2
    corners = np.array([[-w, 0, -h], [w, 0, -h], [w, 0, h], [-w, 0, h]]) + np.asarray(center)
    return make_mesh(corners, [[0, 1, 2], [0, 2, 3]], surface)


@lru_cache(maxsize=256)
def ring_faces(rings: int, points: int) -> IntArray:
    """Return the faces (F x 3, read-only) that join closed rings; outward for ccw rings.

    Args:
        rings: Number of rings.
        points: Vertices per ring.
    """
    i, j = np.meshgrid(np.arange(rings - 1), np.arange(points), indexing='ij')
    k = (j + 1) % points
    a, b = i * points + j, i * points + k
    c, d = a + points, b + points
    faces = np.stack([a, b, d, a, d, c], -1).reshape(-1, 3).astype(np.int32)
    faces.flags.writeable = False
    return faces


@lru_cache(maxsize=256)
def _tube_faces(rings: int, sides: int) -> IntArray:
    """Return the faces of a closed solid of revolution, with its two ends."""
    last = (rings - 1) * sides
    caps = [[0, k + 1, k] for k in range(1, sides - 1)]
    caps += [[last, last + k, last + k + 1] for k in range(1, sides - 1)]
    return np.concatenate([ring_faces(rings, sides), np.array(caps, np.int32)])


def tube(radii: Sequence[float], heights: Sequence[float], surface: int, sides: int = 8) -> Mesh:
    """Return a closed solid of revolution about z through `radii` at `heights`."""
    angle = np.arange(sides) * (2 * np.pi / sides)
    rings = np.empty((len(radii), sides, 3), np.float32)
    radius = np.asarray(radii, np.float32)[:, None]
    rings[..., 0], rings[..., 1] = radius * np.cos(angle), radius * np.sin(angle)
    rings[..., 2] = np.asarray(heights, np.float32)[:, None]
    return make_mesh(rings, _tube_faces(len(rings), sides), surface)


def rod(start: ArrayLike, end: ArrayLike, radius: float, surface: int) -> Mesh:
    """Return a five-sided bar from `start` to `end`."""
    a, b = np.asarray(start, float), np.asarray(end, float)
    length = float(np.linalg.norm(b - a))
    z = (b - a) / length
    helper = np.array([0.0, 1.0, 0.0]) if abs(z[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    x = _cross(helper, z)
    x /= np.sqrt(x @ x)
    T = np.eye(4)
    T[:3, 0], T[:3, 1], T[:3, 2], T[:3, 3] = x, _cross(z, x), z, a
    return tube((radius, radius), (0.0, length), surface, sides=5).shaped(T)


def _cross(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array(
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    )


def disc_wheel(radius: float, width: float, tyre: int, hub: int) -> Mesh:
    """Return a wheel whose axle is y, standing on z = 0 at the origin."""
    upright = rotation('x', np.pi / 2)
    lift = pose(0.0, 0.0, radius)
    parts = [
        tube((radius, radius), (-width / 2, width / 2), tyre, sides=11),
        tube((radius * 0.6,) * 2, (-width / 2 - 0.01, width / 2 + 0.01), hub, sides=7),
    ]
    return merge(parts).shaped(lift @ upright)


def plate(size: Sequence[float], center: Sequence[float], front: int, back: int) -> Mesh:
    """Return a thin upright board that faces -x, `size` = (thickness, width, height)."""
    board = box(size, center, back)
    # Faces 8 and 9 of a box look to -x.
    board.surface[8:10] = front
    return board


def blob(rng: np.random.Generator, radius: ArrayLike, center: ArrayLike, surface: int) -> Mesh:
    """Return a lumpy ellipsoid of 128 faces, as crowns and bushes are made of."""
    ring_count, sides = 9, 8
    polar = np.linspace(0.04, np.pi - 0.04, ring_count)
    azimuth = np.arange(sides) * (2 * np.pi / sides)
    unit = np.stack(
        [
            np.sin(polar)[:, None] * np.cos(azimuth),
            np.sin(polar)[:, None] * np.sin(azimuth),
            -np.cos(polar)[:, None] * np.ones(sides),
        ],
        -1,
    ).reshape(-1, 3)
    lumps = 1.0 + rng.normal(0.0, 0.12, (len(unit), 1)).clip(-0.3, 0.3)
    return make_mesh(
        unit * lumps * np.asarray(radius) + np.asarray(center),
        ring_faces(ring_count, sides),
        surface,
    )
