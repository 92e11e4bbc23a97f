"""The sensors of the vehicle: what each reports of a moment, with its own noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import DEPTH, EVENT, LIDAR, RGB, DepthData, EventData
from mmseg_ros.projection import CameraModel, Rig
from mmseg_ros.sim.render.camera import Eye, View
from mmseg_ros.sim.render.raycast import World
from mmseg_ros.sim.sensing.depth import DepthModel, measure_depth
from mmseg_ros.sim.sensing.events import EventCamera, EventModel
from mmseg_ros.sim.sensing.exposure import add_rain, camera_exposure, develop
from mmseg_ros.sim.sensing.lidar import LidarModel, SpinningLidar, Sweep
from mmseg_ros.sim.world.weather import Sky

START_NS = 1_700_000_000_000_000_000
_NOISE_OF = {EVENT: 3, RGB: 5, DEPTH: 6, LIDAR: 7}


def stamp_of(time_s: float) -> int:
    """Return the stamp of a time of the sequence."""
    return START_NS + round(time_s * 1e9)


def time_of(stamp_ns: int) -> float:
    """Return the time of the sequence, in seconds, of a stamp."""
    return (stamp_ns - START_NS) / 1e9


class Sensors:
    """The sensors of one vehicle. A sample depends on its time alone, not on samples before."""

    def __init__(
        self,
        seed: int,
        rig: Rig,
        world: World,
        sky: Sky,
        failure: str,
        depth: DepthModel,
        lidar: LidarModel,
        renderer: str = 'fast',
    ) -> None:
        self._seed = seed
        self._rig = rig
        self._world = world
        self._sky = sky
        self._failure = failure
        self._depth = depth
        self._eyes = {name: Eye(rig.camera(name), world, sky) for name in (DEPTH, EVENT)}
        self._eyes[RGB] = _eye(renderer, rig.camera(RGB), world, sky)
        self._lidar = SpinningLidar(lidar, world, sky.weather, rig.T_base(LIDAR))

    def picture(self, time_s: float) -> tuple[NDArray[np.uint8], View]:
        """Return the image of the camera, H x W x 3, and the exact view behind it."""
        eye, weather = self._eyes[RGB], self._sky.weather
        view = eye.view(time_s, self._pose(RGB, time_s))
        exposure = camera_exposure(self._failure, weather.gain, weather.name == 'night')
        radiance = view.radiance
        if exposure.blur_samples > 1:
            times = time_s + np.linspace(-0.5, 0.5, exposure.blur_samples) * exposure.exposure_s
            views = [eye.view(float(t), self._pose(RGB, t), smooth=False) for t in times]
            radiance = np.mean([v.radiance for v in views], axis=0)
        rng = self._noise(RGB, time_s)
        if weather.rain > 0:
            radiance = add_rain(radiance, weather.rain, rng)
        return develop(radiance, exposure, rng), view

    def depth_image(self, time_s: float) -> DepthData:
        """Return what the depth camera measures."""
        eye = self._eyes[DEPTH]
        hits = eye.geometry(self._world.at(time_s), self._pose(DEPTH, time_s))
        shape = (eye.camera.height, eye.camera.width)
        gloss = np.append(self._world.scene.surfaces['gloss'], np.float32(0))[hits.surface]
        measured = measure_depth(
            hits.distance.reshape(shape), gloss.reshape(shape), self._depth, self._sky.weather,
            self._noise(DEPTH, time_s),
        )  # fmt: skip
        return DepthData(measured)

    def sweep(self, time_s: float) -> Sweep:
        """Return the turn of the LiDAR whose middle is at a time."""
        return self._lidar.sweep(time_s, stamp_of(time_s), self._noise(LIDAR, time_s))

    def event_camera(self, model: EventModel) -> EventCamera:
        """Return an event camera that has seen nothing yet; its pixels differ by the seed."""
        camera = self._rig.camera(EVENT)
        rng = np.random.default_rng([self._seed, _NOISE_OF[EVENT]])
        return EventCamera(camera.height, camera.width, model, rng)

    def start_events(self, time_s: float, events: EventCamera) -> None:
        """Make an event camera open its eyes at a time."""
        events.reset(self._noise(EVENT, time_s))
        self.watch(time_s, time_s, 1, events)

    def watch(self, since_s: float, time_s: float, steps: int, events: EventCamera) -> EventData:
        """Return the events in (since_s, time_s] from `steps` images; the last is at its end."""
        packets = []
        for t in np.linspace(since_s, time_s, steps + 1)[1:]:
            luminance = self._eyes[EVENT].luminance(float(t), self._pose(EVENT, t))
            packets.append(events.feed(luminance, float(t), START_NS))
        return joined(packets)

    def _pose(self, sensor: str, time_s: float) -> NDArray[np.float64]:
        """Return T_world_sensor."""
        return np.asarray(self._world.scene.ego.pose(time_s)[0] @ self._rig.T_base(sensor))

    def _noise(self, sensor: str, time_s: float) -> np.random.Generator:
        return np.random.default_rng([self._seed, _NOISE_OF[sensor], stamp_of(time_s)])


def _eye(renderer: str, camera: CameraModel, world: World, sky: Sky) -> Eye:
    if renderer == 'fast':
        return Eye(camera, world, sky)
    from mmseg_ros.sim.render.path_tracing import PathTracedEye

    return PathTracedEye(camera, world, sky)


def joined(packets: Sequence[EventData]) -> EventData:
    """Return one packet of several that follow each other."""
    if len(packets) == 1:
        return packets[0]
    return EventData(
        np.concatenate([packet.x for packet in packets]),
        np.concatenate([packet.y for packet in packets]),
        np.concatenate([packet.stamp_ns for packet in packets]),
        np.concatenate([packet.polarity for packet in packets]),
        packets[0].width,
        packets[0].height,
    )
