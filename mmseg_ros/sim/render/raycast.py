"""Casts rays into a scene at a point in time, with embree."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from numba import njit
from numpy.typing import NDArray

from mmseg_ros.sim.world.mesh import FloatArray, IntArray, Mesh, merge
from mmseg_ros.sim.world.scene import Scene

ACTOR_RANGE_M = 110.0
SNAPSHOTS_KEPT = 16


@dataclass(frozen=True, slots=True)
class Hits:
    """Where rays meet the world.

    Attributes:
        distance: N float32 in lengths of the ray's direction; inf where it meets nothing.
        surface: N int32, row of the surface table, or -1.
        instance: N int32, object of the scene graph, or -1.
        normal: N x 3 float32, unit, towards the viewer.
        texture: N x 3 float32, position in the space of the texture.
        texture_normal: N x 3 float32, unit, in the space of the texture.
    """

    distance: FloatArray
    surface: IntArray
    instance: IntArray
    normal: FloatArray
    texture: FloatArray
    texture_normal: FloatArray


@dataclass(frozen=True, slots=True)
class _Tracer:
    """One committed embree scene and the mesh that it was made of."""

    scene: EmbreeScene
    mesh: Mesh
    corners: FloatArray

    @classmethod
    def of(cls, mesh: Mesh) -> _Tracer:
        scene = EmbreeScene()
        if len(mesh.faces):
            TriangleMesh(scene, mesh.vertices, mesh.faces)
        return cls(scene, mesh, mesh.texture[mesh.faces])


class Snapshot:
    """The world at one point in time."""

    def __init__(self, static: _Tracer, moving: _Tracer) -> None:
        self._tracers = [tracer for tracer in (static, moving) if len(tracer.mesh.faces)]

    @property
    def meshes(self) -> list[Mesh]:
        """Return what stands still and what moves, where there is any."""
        return [tracer.mesh for tracer in self._tracers]

    def cast(self, origins: FloatArray, directions: FloatArray) -> Hits:
        """Return what N rays meet first.

        Args:
            origins: N x 3 float32, meters.
            directions: N x 3 float32, of any length.
        """
        count = len(origins)
        hits = Hits(
            np.full(count, np.inf, np.float32),
            np.full(count, -1, np.int32),
            np.full(count, -1, np.int32),
            np.zeros((count, 3), np.float32),
            np.zeros((count, 3), np.float32),
            np.zeros((count, 3), np.float32),
        )
        for tracer in self._tracers:
            found = tracer.scene.run(origins, directions, output=1)
            _resolve(
                found['primID'], found['tfar'], found['u'], found['v'], found['Ng'],
                directions, tracer.mesh.surface, tracer.mesh.instance, tracer.corners,
                hits.distance, hits.surface, hits.instance,
                hits.normal, hits.texture, hits.texture_normal,
            )  # fmt: skip
        return hits

    def occluded(self, origins: FloatArray, direction: FloatArray) -> NDArray[np.bool_]:
        """Return N bool: whether anything stands in the way from N origins along one direction."""
        result = np.zeros(len(origins), np.bool_)
        directions = np.ascontiguousarray(np.broadcast_to(direction, origins.shape), np.float32)
        for tracer in self._tracers:
            result |= tracer.scene.run(origins, directions, query='OCCLUDED') >= 0
        return result


class World:
    """A scene that can be looked at any time."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._static = _Tracer.of(scene.mesh)
        self._snapshots: OrderedDict[int, Snapshot] = OrderedDict()

    def at(self, time_s: float) -> Snapshot:
        """Return the world at a time in seconds; the latest ones are kept."""
        key = round(time_s * 1e9)
        if key not in self._snapshots:
            self._snapshots[key] = Snapshot(self._static, self._actors(time_s))
            if len(self._snapshots) > SNAPSHOTS_KEPT:
                self._snapshots.popitem(last=False)
        self._snapshots.move_to_end(key)
        return self._snapshots[key]

    def _actors(self, time_s: float) -> _Tracer:
        eye = self.scene.ego.pose(time_s)[0, :2, 3]
        near = [
            actor.mesh_at(time_s)
            for actor in self.scene.actors
            if np.hypot(*(actor.position(time_s) - eye)) < ACTOR_RANGE_M
        ]
        return _Tracer.of(merge(near))


@njit(cache=True, nogil=True, error_model='numpy')  # type: ignore[untyped-decorator]
def _resolve(
    prim: IntArray, tfar: FloatArray, u: FloatArray, v: FloatArray, ng: FloatArray,
    direction: FloatArray, face_surface: IntArray, face_instance: IntArray, corners: FloatArray,
    distance: FloatArray, surface: IntArray, instance: IntArray,
    normal: FloatArray, texture: FloatArray, texture_normal: FloatArray,
) -> None:  # fmt: skip
    """Keep the hits that are nearer than what is there, with their attributes."""
    for i in range(prim.shape[0]):
        face = prim[i]
        if face < 0 or face >= len(corners) or not tfar[i] < distance[i]:
            continue
        distance[i] = tfar[i]
        surface[i] = face_surface[face]
        instance[i] = face_instance[face]
        length = np.sqrt(ng[i, 0] ** 2 + ng[i, 1] ** 2 + ng[i, 2] ** 2) + np.float32(1e-20)
        facing = (
            ng[i, 0] * direction[i, 0] + ng[i, 1] * direction[i, 1] + ng[i, 2] * direction[i, 2]
        )
        flip = np.float32(-1.0) if facing > 0 else np.float32(1.0)
        w = np.float32(1.0) - u[i] - v[i]
        a, b, c = corners[face, 0], corners[face, 1], corners[face, 2]
        for k in range(3):
            normal[i, k] = flip * ng[i, k] / length
            texture[i, k] = w * a[k] + u[i] * b[k] + v[i] * c[k]
        e0, e1, e2 = b[0] - a[0], b[1] - a[1], b[2] - a[2]
        f0, f1, f2 = c[0] - a[0], c[1] - a[1], c[2] - a[2]
        n0, n1, n2 = e1 * f2 - e2 * f1, e2 * f0 - e0 * f2, e0 * f1 - e1 * f0
        size = np.sqrt(n0 * n0 + n1 * n1 + n2 * n2) + np.float32(1e-20)
        texture_normal[i, 0] = n0 / size
        texture_normal[i, 1] = n1 / size
        texture_normal[i, 2] = n2 / size
