"""The spinning LiDAR: rings, per-point time, intensity, losses, noise, motion during the sweep."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import CloudData
from mmseg_ros.sim.render.camera import IGNORED
from mmseg_ros.sim.render.raycast import World
from mmseg_ros.sim.world.weather import Weather

POINT_DTYPE = np.dtype(
    [('x', 'f4'), ('y', 'f4'), ('z', 'f4'), ('intensity', 'f4'), ('ring', 'u2'), ('time', 'f4')]
)
"""One point as in the cloud message: meters, 0..255, ring 0 lowest, seconds since the stamp."""
STEPS_PER_M = 1024.0
"""Sensors measure in steps (here of 1 mm, and of one in intensity); clouds also pack better so."""


@dataclass(frozen=True, slots=True)
class LidarModel:
    """The sensor.

    Attributes:
        rings: Number of lasers. columns: Firings per turn.
        low_deg: Elevation of the lowest ring. high_deg: Of the highest.
        sector_deg: Width of the sector that is kept, centered on x; 360 keeps all.
        period_s: Time of a turn; the stamp is when the beam looks along x.
        max_range_m: Range of a white target. noise_m: Standard deviation of the range.
        dropout: Share of shots that are lost. jitter_deg: Disturbance of their direction.
    """

    rings: int = 64
    columns: int = 1024
    low_deg: float = -24.0
    high_deg: float = 8.0
    sector_deg: float = 360.0
    period_s: float = 0.1
    max_range_m: float = 120.0
    noise_m: float = 0.015
    dropout: float = 0.01
    jitter_deg: float = 0.0
    slices: int = 5

    def azimuths(self) -> NDArray[np.float64]:
        """Return the azimuth of each column in radians, in the order of firing (clockwise)."""
        all_columns = np.pi - (np.arange(self.columns) + 0.5) * (2 * np.pi / self.columns)
        kept = np.abs(all_columns) <= np.deg2rad(self.sector_deg) / 2
        return np.asarray(all_columns[kept])

    def times(self) -> NDArray[np.float64]:
        """Return the time of each column in seconds since the stamp."""
        return -self.azimuths() / (2 * np.pi) * self.period_s


@dataclass(frozen=True, slots=True)
class Sweep:
    """One turn of the LiDAR.

    Attributes:
        cloud: Points as published, POINT_DTYPE, organized by firing order.
        labels: N uint8, class of each point; the ignored id for noise and rain.
        instances: N int32, object of the scene graph, or -1.
    """

    cloud: CloudData
    labels: NDArray[np.uint8]
    instances: NDArray[np.int32]


class SpinningLidar:
    """A LiDAR in the world."""

    def __init__(
        self, model: LidarModel, world: World, weather: Weather, T_base_lidar: NDArray[np.float64]
    ) -> None:
        self.model = model
        self._world = world
        self._weather = weather
        self._T_base_lidar = T_base_lidar
        elevation = np.deg2rad(np.linspace(model.low_deg, model.high_deg, model.rings))
        azimuth = model.azimuths()
        c = np.cos(elevation)[None]
        self._beams = np.stack(
            [np.cos(azimuth)[:, None] * c, np.sin(azimuth)[:, None] * c,
             np.broadcast_to(np.sin(elevation), (len(azimuth), model.rings))],
            -1,
        )  # fmt: skip
        self._times = model.times()

    def sweep(self, time_s: float, stamp_ns: int, rng: np.random.Generator) -> Sweep:
        """Return the points of the turn whose middle is at `time_s`.

        Points are in the frame of the sensor at the time of each point: driving bends the cloud.
        """
        beams = self._jittered(rng)
        distance = np.empty(beams.shape[:2], np.float32)
        incidence = np.empty_like(distance)
        surface = np.empty(beams.shape[:2], np.int32)
        instance = np.empty_like(surface)
        for part, moment in self._slices(time_s):
            T = self._world.scene.ego.pose(time_s + self._times[part]) @ self._T_base_lidar
            origin = np.repeat(T[:, None, :3, 3], self.model.rings, 1).astype(np.float32)
            direction = np.einsum('cij,crj->cri', T[:, :3, :3], beams[part]).astype(np.float32)
            flat = np.ascontiguousarray(direction.reshape(-1, 3))
            hits = self._world.at(moment).cast(origin.reshape(-1, 3), flat)
            shape = (-1, self.model.rings)
            distance[part] = hits.distance.reshape(shape)
            surface[part] = hits.surface.reshape(shape)
            instance[part] = hits.instance.reshape(shape)
            incidence[part] = np.abs(np.einsum('ni,ni->n', hits.normal, flat)).reshape(shape)
        return self._publish(beams, distance, incidence, surface, instance, stamp_ns, rng)

    def _slices(self, time_s: float) -> list[tuple[slice, float]]:
        """Cut the turn into pieces during which traffic stands still: (columns, time)."""
        step = self.model.period_s / self.model.slices
        index = np.floor(self._times / step + 0.5).astype(int)
        edges = np.flatnonzero(np.diff(index, prepend=index[0] - 1, append=index[-1] + 1))
        return [(slice(int(a), int(b)), time_s + int(index[a]) * step) for a, b in pairwise(edges)]

    def _jittered(self, rng: np.random.Generator) -> NDArray[np.float64]:
        if not self.model.jitter_deg:
            return self._beams
        noise = rng.normal(0, np.deg2rad(self.model.jitter_deg), self._beams.shape)
        beams = self._beams + noise
        return np.asarray(beams / np.linalg.norm(beams, axis=-1, keepdims=True))

    def _publish(
        self,
        beams: NDArray[np.float64],
        distance: NDArray[np.float32],
        incidence: NDArray[np.float32],
        surface: NDArray[np.int32],
        instance: NDArray[np.int32],
        stamp_ns: int,
        rng: np.random.Generator,
    ) -> Sweep:
        surfaces, weather, shape = self._world.scene.surfaces, self._weather, distance.shape
        reflectivity = np.append(surfaces['reflectivity'], np.float32(0))[surface]
        # A retro-reflector answers whatever the angle.
        echo = reflectivity * np.where(reflectivity > 0.7, 0.4 + 0.6 * incidence, incidence)
        reach = np.where(np.isfinite(distance), distance, 1.0)
        power = echo * np.exp(-2 * weather.extinction_per_m * reach)
        noisy = reach + rng.normal(0, self.model.noise_m * (1 + weather.rain), shape)
        kept = np.isfinite(distance) & (power * self.model.max_range_m**2 > 0.1 * reach**2)
        kept &= rng.random(shape) > self.model.dropout + 0.06 * weather.rain * (1 - power)
        stray, near = self._speckle(shape, rng)
        stray &= ~kept | (near < reach)
        noisy = np.where(stray, near, noisy)
        kept |= stray
        labels = np.append(surfaces['label'], np.uint8(IGNORED))[surface]
        labels[stray] = IGNORED
        points = np.zeros(shape, POINT_DTYPE)
        for k, name in enumerate('xyz'):
            points[name] = np.rint(beams[..., k] * noisy * STEPS_PER_M) / STEPS_PER_M
        strength = 255 * np.clip(power + rng.normal(0, 0.015, shape), 0, 1)
        points['intensity'] = np.rint(np.where(stray, rng.uniform(0, 12, shape), strength))
        points['ring'] = np.arange(shape[1])
        points['time'] = self._times[:, None]
        flat = points[kept]
        stamps = stamp_ns + np.round(flat['time'].astype(np.float64) * 1e9).astype(np.int64)
        cloud = CloudData(flat, 1, len(flat), stamps)
        return Sweep(cloud, labels[kept], np.where(stray, -1, instance)[kept])

    def _speckle(
        self, shape: tuple[int, ...], rng: np.random.Generator
    ) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Return which shots are answered by drops or fog, and from how far."""
        fog = max(self._weather.extinction_per_m - 0.005, 0.0)
        chance = 0.012 * self._weather.rain + 0.9 * fog
        near = 1.2 + rng.exponential(3.0 + 6.0 * (fog > 0), shape)
        return rng.random(shape) < chance, near
