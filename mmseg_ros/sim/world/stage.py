"""The building site of a scene: collects meshes and objects, and keeps them from colliding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.sim.world.library import MeshLibrary, Taken
from mmseg_ros.sim.world.mesh import Mesh, make_mesh, merge, pose
from mmseg_ros.sim.world.route import Land, Route
from mmseg_ros.sim.world.season import Season
from mmseg_ros.sim.world.surfaces import SurfaceTable

TESSELLATION_M = 2.0


@dataclass(frozen=True, slots=True)
class SceneObject:
    """A thing with a name in the scene graph.

    Attributes:
        instance: Its id in meshes. kind: What one calls it ('red car' has kind 'car').
        color: Color word, or ''. moving: Whether it is an actor.
    """

    instance: int
    kind: str
    color: str = ''
    moving: bool = False


class Stage:
    """Where the static world is put together."""

    def __init__(
        self,
        rng: np.random.Generator,
        land: Land,
        routes: list[Route],
        season: Season,
        library: MeshLibrary | None = None,
    ) -> None:
        self.rng = rng
        self.land = land
        self.season = season
        self.library = library
        self.routes = routes
        self.table = SurfaceTable()
        self.objects: list[SceneObject] = []
        self.lamps: list[NDArray[np.float64]] = []
        self._parts: list[Mesh] = []
        self._pools: dict[str, list[Mesh]] = {}
        self._footprints: list[tuple[float, float, float]] = []
        self.clearances: list[tuple[Route, float]] = []

    def add(self, mesh: Mesh) -> None:
        """Add a mesh that stands in world coordinates."""
        self._parts.append(mesh)

    def new_object(self, kind: str, color: str = '', moving: bool = False) -> int:
        """Register an object in the scene graph and return its instance id."""
        self.objects.append(SceneObject(len(self.objects), kind, color, moving))
        return len(self.objects) - 1

    def world_pose(
        self, route: Route, s: float, d: float, z: float = 0.0, turn: float = 0.0
    ) -> NDArray[np.float64]:
        """Return the 4 x 4 pose of a thing on the land at (s, d), turned against the route."""
        x, y, heading = route.at(s, d)
        return pose(float(x), float(y), float(self.land.height(x, y)) + z, float(heading) + turn)

    def place(
        self, mesh: Mesh, T_world: NDArray[np.float64], kind: str = '', color: str = ''
    ) -> None:
        """Put an object where it belongs; one with a `kind` enters the scene graph."""
        placed = mesh.transformed(T_world)
        self.add(placed.of_instance(self.new_object(kind, color)) if kind else placed)

    def taken(self, *kinds: str) -> Taken | None:
        """Return a model from the mesh library in place of a built one, or None."""
        return self.library.take(self.rng, self.table, *kinds) if self.library else None

    def variant(self, kind: str, make: Callable[[], Mesh], count: int = 7) -> Mesh:
        """Return one of `count` meshes of a kind, made as they are first needed."""
        pool = self._pools.setdefault(kind, [])
        if len(pool) < count:
            pool.append(make())
            return pool[-1]
        return pool[int(self.rng.integers(count))]

    def free(self, x: float, y: float, radius_m: float) -> bool:
        """Return whether a circle meets no reserved one."""
        return all(
            (px - x) ** 2 + (py - y) ** 2 >= (pr + radius_m) ** 2
            for px, py, pr in self._footprints
        )

    def claim(self, x: float, y: float, radius_m: float, *, off_roads: bool = True) -> bool:
        """Reserve a circle; False if it meets another one or a road."""
        if not self.free(x, y, radius_m):
            return False
        if off_roads and not self.off_roads(np.array([[x, y]]), radius_m):
            return False
        self._footprints.append((x, y, radius_m))
        return True

    def off_roads(self, xy: NDArray[np.float64], margin_m: float) -> bool:
        """Return whether all points (N x 2) keep `margin_m` from every paved corridor."""
        return all(
            bool((route.distance(xy) > half + margin_m).all()) for route, half in self.clearances
        )

    def strip(
        self,
        route: Route,
        s: tuple[float, float],
        d: tuple[float, float],
        z: tuple[float, float],
        surface: int,
    ) -> None:
        """Add a ribbon along a route, between the edges (d[0], z[0]) and (d[1], z[1]).

        Heights are above the land, in meters; an upright ribbon has equal distances.
        """
        rows = max(int(np.ceil((s[1] - s[0]) / TESSELLATION_M)), 1) + 1
        columns = max(int(np.ceil(abs(d[1] - d[0]) / 4.0)), 1) + 1
        along, share = np.meshgrid(
            np.linspace(*s, rows), np.linspace(0, 1, columns), indexing='ij'
        )
        across = d[0] + (d[1] - d[0]) * share
        x, y, _ = route.at(along, across)
        height = self.land.height(x, y) + z[0] + (z[1] - z[0]) * share
        self.add(_grid(np.stack([x, y, height], -1), surface))

    def ground(self, surface: int, lowered: list[tuple[Route, float, float, int]]) -> None:
        """Add the land around all routes; `lowered` lists (route, s0, s1, side) of river beds."""
        xy = np.concatenate([route.xy for route in self.routes])
        low, high = xy.min(0) - 150.0, xy.max(0) + 150.0
        x = np.arange(low[0], high[0], 5.0)
        y = np.arange(low[1], high[1], 5.0)
        gx, gy = np.meshgrid(x, y, indexing='ij')
        height = self.land.height(gx, gy) - 0.2
        for route, start, end, side in lowered:
            height -= 4.0 * _river_share(route, start, end, side, gx, gy)
        self.add(_grid(np.stack([gx, gy, height], -1), surface))
        far = np.array([[-900, -900], [900, -900], [900, 900], [-900, 900]]) + xy.mean(0)
        self.add(
            make_mesh(np.column_stack([far, np.full(4, -8.0)]), [[0, 1, 2], [0, 2, 3]], surface)
        )

    def mesh(self) -> Mesh:
        """Return everything that was added, as one mesh."""
        return merge(self._parts)


def _river_share(
    route: Route,
    start: float,
    end: float,
    side: int,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return 0..1 per ground vertex: 1 in the bed of the river beside the route."""
    middle = 0.5 * (start + end)
    cx, cy, heading = route.at(middle)
    along = (x - cx) * np.cos(heading) + (y - cy) * np.sin(heading)
    left = side * (-(x - cx) * np.sin(heading) + (y - cy) * np.cos(heading))
    inside = (np.abs(along) < (end - start) / 2 - 2.0) & (left > 6.0) & (left < 75.0)
    xy = np.column_stack([x.ravel(), y.ravel()])
    gap = route.distance(xy).reshape(x.shape)
    return np.where(inside & (gap > 9.0), 1.0, 0.0)


def _grid(points: NDArray[np.float64], surface: int) -> Mesh:
    """Return the mesh of a grid of points (rows x columns x 3)."""
    rows, columns, _ = points.shape
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns - 1), indexing='ij')
    a = i * columns + j
    b, c, d = a + 1, a + columns, a + columns + 1
    faces = np.stack([a, c, d, a, d, b], -1).reshape(-1, 3)
    return make_mesh(points.reshape(-1, 3), faces, surface)
