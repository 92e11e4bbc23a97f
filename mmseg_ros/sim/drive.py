"""A drive: the vehicle moves through a scene and its sensors report, with exact truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.types import (
    DEPTH,
    EVENT,
    LIDAR,
    RGB,
    DepthData,
    EventData,
    ImageData,
    Modality,
    Payload,
    SensorSample,
)
from mmseg_ros.projection import Rig, load_rig
from mmseg_ros.sim.camera import Eye, View
from mmseg_ros.sim.depth import DepthModel, measure_depth
from mmseg_ros.sim.events import EventCamera, EventModel
from mmseg_ros.sim.exposure import add_rain, camera_exposure, develop
from mmseg_ros.sim.lidar import LidarModel, SpinningLidar
from mmseg_ros.sim.raycast import World
from mmseg_ros.sim.scene import Scene, build_scene
from mmseg_ros.sim.weather import FAILURES, make_sky

START_NS = 1_700_000_000_000_000_000
LATENCY_NS: dict[Modality, int] = {
    RGB: 12_000_000, DEPTH: 22_000_000, EVENT: 21_000_000, LIDAR: 56_000_000
}  # fmt: skip
"""From stamp to receipt. Event packets are stamped with their begin, sweeps with their middle."""
WARM_UP_S = 0.06
_LONGEST_EVENT_GAP_S = 0.15


@dataclass(frozen=True, kw_only=True)
class DriveConfig:
    """What to simulate.

    Attributes:
        frames: Camera frames. interval_s: Time between them (0.1 is 10 Hz).
        condition: One of weather.CONDITIONS. failure: One of weather.FAILURES, or ''.
        theme: One of scene.THEMES; empty draws one from the seed.
        event_rate_hz: Event packets per second.
        event_steps: Pictures behind the events per packet; in between, light changes evenly.
        rig: Sensors. threads: Threads of the ray caster.
        lidar: LiDAR. events: Event camera. depth: Depth camera.
        speed_mps: Speed of the vehicle; None draws one from the seed, 0 stands still.

    Raises:
        ConfigError: A value is unknown or out of range.
    """

    frames: int = 50
    interval_s: float = 0.1
    condition: str = 'sun'
    failure: str = ''
    theme: str = ''
    event_rate_hz: float = 50.0
    event_steps: int = 1
    rig: Rig = field(default_factory=load_rig)
    threads: int = 1
    lidar: LidarModel = field(default_factory=LidarModel)
    events: EventModel = field(default_factory=EventModel)
    depth: DepthModel = field(default_factory=DepthModel)
    speed_mps: float | None = None

    def __post_init__(self) -> None:
        if self.failure and self.failure not in FAILURES:
            raise ConfigError(
                f'There is no sensor failure {self.failure!r}; there are: {", ".join(FAILURES)}.'
            )
        if self.frames < 1 or self.interval_s <= 0:
            raise ConfigError(
                f'A drive needs at least one frame and a positive interval, but got {self.frames} '
                f'frames every {self.interval_s} s.'
            )


@dataclass(frozen=True, slots=True)
class DriveFrame:
    """One camera frame and everything the other sensors reported since the one before.

    Attributes:
        stamp_ns: Stamp of the camera. samples: One sample per modality; the events are those
            since the previous frame (of the last WARM_UP_S if frames lie farther apart).
        labels: H x W uint8, class per pixel of the camera. instances: H x W int32, see View.
        point_labels: N uint8, class per LiDAR point.
        T_world_base: 4 x 4, pose of the vehicle.
        true_depth_m: H x W float32, exact depth in the camera; inf in the sky.
    """

    stamp_ns: int
    samples: dict[Modality, SensorSample]
    event_packets: tuple[SensorSample, ...]
    labels: NDArray[np.uint8]
    instances: NDArray[np.int32]
    point_labels: NDArray[np.uint8]
    T_world_base: NDArray[np.float64]
    true_depth_m: NDArray[np.float32]


class Drive:
    """A simulated drive. Equal seeds and configurations give equal drives.

    >>> drive = Drive(3, DriveConfig(frames=2))
    >>> frames = list(drive.frames())  # doctest: +SKIP
    """

    def __init__(self, seed: int, config: DriveConfig | None = None) -> None:
        self.seed = seed
        self.config = config or DriveConfig()
        self.rig = _failing_rig(self.config)
        distance = self.config.frames * self.config.interval_s * (self.config.speed_mps or 16.0)
        self.scene: Scene = build_scene(seed, distance, self.config.theme, self.config.speed_mps)
        self.sky = make_sky(seed, self.config.condition)
        self.world = World(self.scene, self.config.threads)
        self._eyes = {
            name: Eye(self.rig.camera(name), self.world, self.sky) for name in (RGB, DEPTH, EVENT)
        }
        lidar = _failing_lidar(self.config)
        self._lidar = SpinningLidar(lidar, self.world, self.sky.weather, self.rig.T_base(LIDAR))

    def frames(self, first: int = 0, stop: int | None = None) -> Iterator[DriveFrame]:
        """Yield the frames of the drive, oldest first.

        Args:
            first: Index of the first frame; the events before it are those of WARM_UP_S.
            stop: Index of the first frame that is left out; None goes to the end.
        """
        camera, weather = self.rig.camera(EVENT), self.sky.weather
        noise_hz = self.config.events.noise_hz * (1 + 6 * weather.rain) * weather.gain**0.5
        model = replace(self.config.events, noise_hz=noise_hz)
        events = EventCamera(
            camera.height, camera.width, model, np.random.default_rng([self.seed, 3, first])
        )
        last = self.config.frames
        for k in range(first, last if stop is None else min(stop, last)):
            if k == first or self.config.interval_s > _LONGEST_EVENT_GAP_S:
                events.reset()
            yield self._frame(k, events)
        if stop is None:
            self.world.close()

    @property
    def start_ns(self) -> int:
        """Return a stamp before every sample of the drive."""
        return START_NS - 100_000_000

    def samples(self) -> Iterator[SensorSample]:
        """Yield every sample of the drive in the order in which they are received."""
        waiting: list[SensorSample] = []
        for frame in self.frames():
            waiting += [s for name, s in frame.samples.items() if name != EVENT]
            waiting = sorted([*waiting, *frame.event_packets], key=_receipt)
            # Nothing of a later frame is received before the end of its first event packet.
            ready = [s for s in waiting if _receipt(s) <= frame.stamp_ns]
            waiting = waiting[len(ready) :]
            yield from ready
        yield from waiting

    def _frame(self, k: int, events: EventCamera) -> DriveFrame:
        time_s = WARM_UP_S + k * self.config.interval_s
        stamp_ns = START_NS + round(time_s * 1e9)
        rng = np.random.default_rng([self.seed, 5, k])
        T_world_base = self.scene.ego.pose(time_s)[0]
        view = self._eyes[RGB].view(time_s, T_world_base @ self.rig.T_base(RGB))
        sweep = self._lidar.sweep(time_s, stamp_ns, rng)
        packets = self._packets(time_s, events)
        samples = {
            RGB: self._sample(RGB, stamp_ns, ImageData(self._picture(view, time_s, rng))),
            DEPTH: self._sample(DEPTH, stamp_ns, self._depth(time_s, T_world_base, rng)),
            EVENT: self._sample(EVENT, stamp_ns, _joined([s.payload for s in packets])),
            LIDAR: self._sample(LIDAR, stamp_ns, sweep.cloud),
        }
        return DriveFrame(
            stamp_ns, samples, tuple(packets), view.labels, view.instances, sweep.labels,
            T_world_base, view.depth_m,
        )  # fmt: skip

    def _sample(self, modality: Modality, stamp_ns: int, payload: Payload) -> SensorSample:
        frame_id = self.rig.mounts[modality].frame_id
        return SensorSample(modality, stamp_ns, frame_id, payload, stamp_ns + LATENCY_NS[modality])

    def _picture(self, view: View, time_s: float, rng: np.random.Generator) -> NDArray[np.uint8]:
        weather = self.sky.weather
        exposure = camera_exposure(self.config.failure, weather.gain, weather.name == 'night')
        radiance = view.radiance
        if exposure.blur_samples > 1:
            times = time_s + np.linspace(-0.5, 0.5, exposure.blur_samples) * exposure.exposure_s
            poses = self.scene.ego.pose(times) @ self.rig.T_base(RGB)
            views = [
                self._eyes[RGB].view(t, T, smooth=False) for t, T in zip(times, poses, strict=True)
            ]
            radiance = np.mean([v.radiance for v in views], axis=0)
        if weather.rain > 0:
            radiance = add_rain(radiance, weather.rain, rng)
        return develop(radiance, exposure, rng)

    def _depth(
        self, time_s: float, T_world_base: NDArray[np.float64], rng: np.random.Generator
    ) -> DepthData:
        eye = self._eyes[DEPTH]
        hits = eye.geometry(self.world.at(time_s), T_world_base @ self.rig.T_base(DEPTH))
        shape = (eye.camera.height, eye.camera.width)
        gloss = np.append(self.scene.surfaces['gloss'], np.float32(0))[hits.surface].reshape(shape)
        distance = hits.distance.reshape(shape)
        return DepthData(measure_depth(distance, gloss, self.config.depth, self.sky.weather, rng))

    def _packets(self, time_s: float, events: EventCamera) -> list[SensorSample]:
        """Return the event packets since the previous frame, stamped with their begin."""
        step = 1.0 / self.config.event_rate_hz
        count = round(self.config.interval_s / step)
        if events.is_new:
            count = round(WARM_UP_S / step)
            self._look(time_s - count * step, events)
        times = time_s + step * np.arange(1 - count, 1)
        packets = [(t, self._look(t, events, self.config.event_steps)) for t in times]
        return [
            self._sample(EVENT, START_NS + round(float(t - step) * 1e9), packet)
            for t, packet in packets
        ]

    def _look(self, time_s: float, events: EventCamera, steps: int = 1) -> EventData:
        """Return the events of one packet that ends at `time_s`."""
        step = 1.0 / self.config.event_rate_hz / steps
        parts = []
        for t in float(time_s) - step * np.arange(steps - 1, -1, -1.0):
            T = self.scene.ego.pose(t)[0] @ self.rig.T_base(EVENT)
            parts.append(events.feed(self._eyes[EVENT].luminance(float(t), T), float(t), START_NS))
        return _joined(parts)


def _receipt(sample: SensorSample) -> int:
    return sample.stamp_ns if sample.received_ns is None else sample.received_ns


def _failing_rig(config: DriveConfig) -> Rig:
    """Return the rig; a failing event camera bins four by four pixels."""
    if config.failure != 'eventlowres':
        return config.rig
    camera = config.rig.camera(EVENT)
    return config.rig.with_camera(EVENT, camera.resized(camera.height // 4, camera.width // 4))


def _failing_lidar(config: DriveConfig) -> LidarModel:
    return (
        replace(config.lidar, jitter_deg=0.8) if config.failure == 'lidarjitter' else config.lidar
    )


def _joined(packets: Sequence[object]) -> EventData:
    """Return one packet of several that follow each other."""
    parts = [packet for packet in packets if isinstance(packet, EventData)]
    if len(parts) == 1:
        return parts[0]
    return EventData(
        np.concatenate([part.x for part in parts]),
        np.concatenate([part.y for part in parts]),
        np.concatenate([part.stamp_ns for part in parts]),
        np.concatenate([part.polarity for part in parts]),
        parts[0].width,
        parts[0].height,
    )
