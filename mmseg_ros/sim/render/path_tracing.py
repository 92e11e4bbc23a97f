"""Images with the light that walls and streets pass on, traced by Mitsuba and denoised.

Geometry, labels, textures and the air stay those of the fast renderer; traced is the light that
reaches each pixel's surface, and what shiny surfaces mirror.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.projection import CameraModel
from mmseg_ros.sim.render.camera import Eye
from mmseg_ros.sim.render.mitsuba_runtime import load_mitsuba
from mmseg_ros.sim.render.mitsuba_scene import emitters, mean_albedo, to_mitsuba
from mmseg_ros.sim.render.raycast import Hits, Snapshot, World
from mmseg_ros.sim.render.shading import Transport, reflected_directions
from mmseg_ros.sim.world.mesh import FloatArray, Mesh
from mmseg_ros.sim.world.surfaces import Texture
from mmseg_ros.sim.world.weather import Sky

_LIGHT_SAMPLES, _MIRROR_SAMPLES = 2, 1
_MAX_DEPTH = 4
_FINER = 2
# A lamp in one of four rays must not outshine the pixel.
_BRIGHTEST = 4.0
_MIRRORS = (int(Texture.FACADE), int(Texture.GLASS), int(Texture.WATER))


@dataclass(frozen=True, slots=True)
class Rays:
    """Rays of an image: origins and directions N x 3, what they met, rows and columns."""

    origins: FloatArray
    directions: FloatArray
    hits: Hits
    shape: tuple[int, int]

    @property
    def points(self) -> FloatArray:
        """Return N x 3: where they met it; the origin where they met nothing."""
        distance = np.where(np.isfinite(self.hits.distance), self.hits.distance, 0)
        return np.asarray(self.origins + distance[:, None] * self.directions, np.float32)


class PathTracer:
    """Traces the light of one street under one sky.

    Args:
        world: The street. sky: Its light.

    Raises:
        ConfigError: Mitsuba, its denoiser or LLVM is missing; see `load_mitsuba`.
    """

    def __init__(self, world: World, sky: Sky) -> None:
        self._mi = load_mitsuba()
        self._denoise = importlib.import_module('pyoidn').denoise
        self._sky = sky
        self._lamps = world.scene.lamps.astype(np.float32)
        self._albedo = mean_albedo(world.scene.surfaces)
        kinds, gloss = world.scene.surfaces['texture'], world.scene.surfaces['gloss']
        self._is_mirror = np.append((gloss > 0) | np.isin(kinds, _MIRRORS), False)
        self._shapes: dict[int, tuple[Mesh, Any]] = {}
        self._light = self._integrator(hide_emitters=True)
        self._mirror = self._integrator(hide_emitters=False)

    def trace(self, snapshot: Snapshot, rays: Rays, forward: FloatArray, seed: int) -> Transport:
        """Return the light on what the rays met, and what is mirrored there.

        Args:
            snapshot: The street at one time.
            rays: Of one image.
            forward: 3, where the vehicle looks.
            seed: Of the random directions.
        """
        scene = self._scene(snapshot, rays.origins[0], forward)
        # What meets nothing is white.
        albedo = np.vstack([self._albedo, np.ones((1, 3), np.float32)])[rays.hits.surface]
        guides = (albedo.reshape(*rays.shape, 3), rays.hits.normal.reshape(*rays.shape, 3))
        radiance = self._run(
            scene, self._light, rays.origins, rays.directions, _LIGHT_SAMPLES, seed
        )
        light = self._denoised(np.asarray(radiance / albedo), guides, rays.shape)
        mirrored = np.zeros_like(light)
        index = np.flatnonzero(self._mirrors(rays.hits))
        if len(index):
            towards = reflected_directions(rays.directions[index], rays.hits.normal[index])
            start = rays.points[index] + np.float32(0.01) * rays.hits.normal[index]
            mirrored[index] = self._run(
                scene, self._mirror, start, towards, _MIRROR_SAMPLES, seed + 1
            )
            mirrored = self._denoised(mirrored, guides, rays.shape)
        return Transport(light, mirrored)

    def _mirrors(self, hits: Hits) -> NDArray[np.bool_]:
        wet = (hits.normal[:, 2] > 0.85) & (self._sky.weather.wetness > 0)
        return np.asarray(self._is_mirror[hits.surface] | wet & (hits.surface >= 0))

    def _integrator(self, hide_emitters: bool) -> Any:
        return self._mi.load_dict(
            {'type': 'path', 'max_depth': _MAX_DEPTH, 'hide_emitters': hide_emitters}
        )

    def _scene(self, snapshot: Snapshot, eye: FloatArray, forward: FloatArray) -> Any:
        """Return the Mitsuba scene; what stands still is converted once."""
        # Each mesh is kept beside its shape: the id of one that is gone may be another's.
        self._shapes = {
            id(mesh): self._shapes.get(id(mesh))
            or (mesh, to_mitsuba(self._mi, mesh, self._albedo))
            for mesh in snapshot.meshes
        }
        shapes = {f'mesh{k}': shape for k, (_, shape) in enumerate(self._shapes.values())}
        lights = emitters(self._mi, self._sky, self._lamps, eye, forward)
        return self._mi.load_dict({'type': 'scene', **shapes, **lights})

    def _run(
        self,
        scene: Any,
        integrator: Any,
        origins: FloatArray,
        directions: FloatArray,
        samples: int,
        seed: int,
    ) -> FloatArray:
        """Return N x 3 float32, the mean radiance of `samples` paths per ray."""
        mi, count = self._mi, len(origins)
        unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        ray = mi.RayDifferential3f(
            o=mi.Point3f(*np.ascontiguousarray(origins.T)),
            d=mi.Vector3f(*np.ascontiguousarray(unit.T)),
        )
        sampler = mi.load_dict({'type': 'independent'})
        total = np.zeros((3, count), np.float32)
        for k in range(samples):
            sampler.seed(seed * 64 + k, count)
            spectrum, _, _ = integrator.sample(scene, sampler, ray)
            total += np.asarray(spectrum.numpy())
        return np.ascontiguousarray(np.nan_to_num(total.T) / samples, np.float32)

    def _denoised(
        self, values: FloatArray, guides: tuple[FloatArray, FloatArray], shape: tuple[int, int]
    ) -> FloatArray:
        """Return N x 3; colors and normals, H x W x 3 each, tell where edges are."""
        color, normal = guides
        image = np.ascontiguousarray(values.reshape(*shape, 3), np.float32)
        clean = self._denoise(image, albedo=color, normal=normal, hdr=True, quality='balanced')
        return np.maximum(np.asarray(clean, np.float32), 0).reshape(-1, 3)


class PathTracedEye(Eye):
    """A camera whose images are path traced, at twice its rows and columns.

    Args:
        camera: Its model. world: The street. sky: The light.

    Raises:
        ConfigError: See `PathTracer`.
    """

    def __init__(self, camera: CameraModel, world: World, sky: Sky) -> None:
        super().__init__(camera, world, sky)
        self._tracer = PathTracer(world, sky)
        self._fine = Eye(camera.resized(_FINER * camera.height, _FINER * camera.width), world, sky)

    def _radiance(
        self, snapshot: Snapshot, hits: Hits, T: NDArray[np.float64], smooth: bool
    ) -> FloatArray:
        eye: Eye = self._fine if smooth else self
        hits = eye.geometry(snapshot, T) if smooth else hits
        origin, directions = eye.rays(T)
        shape = (eye.camera.height, eye.camera.width)
        origins = np.ascontiguousarray(np.broadcast_to(origin, directions.shape))
        rays = Rays(origins, directions, hits, shape)
        # The same place and street give the same image.
        seed = int(abs(T[:3, 3] @ (73.0, 179.0, 283.0)) * 1000) % 2**24
        transport = self._tracer.trace(snapshot, rays, T[:3, 2].astype(np.float32), seed)
        radiance = eye.shade(snapshot, hits, T, transport=transport)
        if not smooth:
            return radiance
        image = np.minimum(radiance.reshape(*shape, 3), np.float32(_BRIGHTEST))
        size = (self.camera.width, self.camera.height)
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.float32).reshape(-1, 3)
