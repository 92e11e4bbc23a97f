"""What a camera in the world sees: rays, light, labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mmseg_ros.projection import CameraModel
from mmseg_ros.sim.render.raycast import Hits, Snapshot, World
from mmseg_ros.sim.render.shading import Transport, shade
from mmseg_ros.sim.world.mesh import FloatArray
from mmseg_ros.sim.world.weather import Sky

SKY_CLASS = 12
IGNORED = 255
_AA_OFFSETS = ((0.33, 0.17), (-0.17, 0.33), (-0.33, -0.33))


@dataclass(frozen=True, slots=True)
class View:
    """What a camera could see at one time, before its own faults.

    Attributes:
        radiance: H x W x 3 float32, linear. depth_m: H x W float32 along z; inf in the sky.
        labels: H x W uint8 class ids. instances: H x W int32 of the scene graph, or -1.
    """

    radiance: FloatArray
    depth_m: FloatArray
    labels: NDArray[np.uint8]
    instances: NDArray[np.int32]


class Eye:
    """A camera in the world: casts one ray per pixel center, and more where edges need them."""

    def __init__(self, camera: CameraModel, world: World, sky: Sky) -> None:
        self.camera = camera
        self._world = world
        self._sky = sky
        self._surfaces = world.scene.surfaces
        self._lamps = world.scene.lamps.astype(np.float32)
        self._pixel_angle = float(1.0 / camera.K[0, 0])
        self._rays = camera.rays.reshape(-1, 3)
        self._seen = np.isfinite(self._rays).all(1)

    def geometry(self, snapshot: Snapshot, T_world_camera: NDArray[np.float64]) -> Hits:
        """Return what the pixel centers see, row by row."""
        origin, directions = self.rays(T_world_camera)
        return snapshot.cast(np.broadcast_to(origin, directions.shape).copy(), directions)

    def view(
        self, time_s: float, T_world_camera: NDArray[np.float64], smooth: bool = True
    ) -> View:
        """Render the world.

        Args:
            time_s: When.
            T_world_camera: 4 x 4, optical frame.
            smooth: Whether edges get three more rays per pixel.
        """
        snapshot = self._world.at(time_s)
        hits = self.geometry(snapshot, T_world_camera)
        radiance = self._radiance(snapshot, hits, T_world_camera, smooth)
        shape = (self.camera.height, self.camera.width)
        return View(
            radiance.reshape(*shape, 3),
            hits.distance.reshape(shape),
            self.labels(hits),
            hits.instance.reshape(shape),
        )

    def rays(self, T_world_camera: NDArray[np.float64]) -> tuple[FloatArray, FloatArray]:
        """Return the origin, 3, and the directions, N x 3, of the pixel centers, row by row."""
        return self._cast_rays(T_world_camera, self._rays)

    def shade(
        self,
        snapshot: Snapshot,
        hits: Hits,
        T_world_camera: NDArray[np.float64],
        transport: Transport | None = None,
    ) -> FloatArray:
        """Return N x 3 float32, the radiance of what the pixel centers see; see `shade`."""
        return self._shade(snapshot, hits, T_world_camera, self._rays, transport)

    def labels(self, hits: Hits) -> NDArray[np.uint8]:
        """Return H x W uint8 class ids; rays that meet nothing see the sky."""
        classes = np.append(self._surfaces['label'], np.uint8(SKY_CLASS))
        labels = classes[hits.surface]
        labels[~self._seen] = IGNORED
        return labels.reshape(self.camera.height, self.camera.width)

    def luminance(self, time_s: float, T_world_camera: NDArray[np.float64]) -> FloatArray:
        """Return H x W float32 linear luminance, rendered without extra rays."""
        radiance = self.view(time_s, T_world_camera, smooth=False).radiance
        return np.asarray(radiance @ np.array([0.27, 0.67, 0.06], np.float32))

    def _radiance(
        self, snapshot: Snapshot, hits: Hits, T: NDArray[np.float64], smooth: bool
    ) -> FloatArray:
        radiance = self.shade(snapshot, hits, T)
        if smooth:
            self._smooth(snapshot, hits, radiance, T)
        return radiance

    def _cast_rays(
        self, T: NDArray[np.float64], rays: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        directions = np.empty_like(rays)
        _rotate(T[:3, :3].astype(np.float32), rays, directions)
        return T[:3, 3].astype(np.float32), directions

    def _shade(
        self,
        snapshot: Snapshot,
        hits: Hits,
        T: NDArray[np.float64],
        rays: FloatArray,
        transport: Transport | None = None,
    ) -> FloatArray:
        origin, directions = self._cast_rays(T, rays)
        forward = T[:3, 2].astype(np.float32)
        return shade(
            snapshot, hits, origin, directions, self._surfaces, self._sky, self._lamps, forward,
            self._pixel_angle, transport,
        )  # fmt: skip

    def _smooth(
        self, snapshot: Snapshot, hits: Hits, radiance: FloatArray, T: NDArray[np.float64]
    ) -> None:
        """Average edge pixels over four rays, in place."""
        index = np.flatnonzero(_edges(hits, radiance, self.camera.height, self.camera.width))
        total = radiance[index].copy()
        rays = self._nearby_rays(index)
        origin, directions = self._cast_rays(T, rays)
        more = snapshot.cast(np.broadcast_to(origin, directions.shape).copy(), directions)
        extra = self._shade(snapshot, more, T, rays).reshape(len(_AA_OFFSETS), -1, 3)
        # A lamp in one of four rays must not outshine the pixel.
        total += np.minimum(extra, 4.0).sum(0)
        radiance[index] = total / (1 + len(_AA_OFFSETS))

    def _nearby_rays(self, index: NDArray[np.intp]) -> FloatArray:
        """Return the rays at _AA_OFFSETS beside pixels; to first order, from their neighbors."""
        width, height = self.camera.width, self.camera.height
        shifts = np.array(_AA_OFFSETS, np.float32)
        rays = np.empty((len(shifts) * len(index), 3), np.float32)
        _shift_rays(self._rays, index, shifts, height, width, rays)
        return rays


def _edges(hits: Hits, radiance: FloatArray, height: int, width: int) -> NDArray[np.bool_]:
    """Return N bool: pixels that differ from a neighbor in object, surface or brightness."""
    different = np.zeros(height * width, np.bool_)
    _mark_edges(hits.surface, hits.instance, radiance.sum(1) + np.float32(0.02), width, different)
    return different


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _mark_edges(
    surface: NDArray[np.int32], instance: NDArray[np.int32], light: FloatArray, width: int,
    different: NDArray[np.bool_],
) -> None:  # fmt: skip
    for i in range(len(surface)):
        for step in (1, width):
            j = i + step
            if j >= len(surface) or (step == 1 and j % width == 0):
                continue
            low, high = min(light[i], light[j]), max(light[i], light[j])
            if surface[i] != surface[j] or instance[i] != instance[j] or high > 1.45 * low:
                different[i] = different[j] = True


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _rotate(R: FloatArray, rays: FloatArray, directions: FloatArray) -> None:
    """Fill in R times each ray; a pixel without a ray looks along the axis."""
    for i in range(len(rays)):
        x, y, z = rays[i, 0], rays[i, 1], rays[i, 2]
        if not np.isfinite(x + y):
            x, y = np.float32(0), np.float32(0)
        for k in range(3):
            directions[i, k] = R[k, 0] * x + R[k, 1] * y + R[k, 2] * z


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _shift_rays(
    rays: FloatArray, index: NDArray[np.intp], shifts: FloatArray, height: int, width: int,
    shifted: FloatArray,
) -> None:  # fmt: skip
    count = len(index)
    for i in range(count):
        if index[i] < 0 or index[i] >= min(len(rays), height * width):
            shifted[i::count] = 0
            continue
        v, u = divmod(index[i], width)
        left, right = v * width + max(u - 1, 0), v * width + min(u + 1, width - 1)
        above, below = max(v - 1, 0) * width + u, min(v + 1, height - 1) * width + u
        for s in range(len(shifts)):
            for k in range(3):
                shifted[s * count + i, k] = (
                    rays[index[i], k]
                    + np.float32(0.5) * shifts[s, 0] * (rays[right, k] - rays[left, k])
                    + np.float32(0.5) * shifts[s, 1] * (rays[below, k] - rays[above, k])
                )
