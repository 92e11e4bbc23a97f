"""A drive: the vehicle moves through a scene and its sensors report, with exact truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import ConfigError
from mmseg_ros.core.types import (
    DEPTH,
    EVENT,
    LIDAR,
    RGB,
    EventData,
    ImageData,
    Modality,
    Payload,
    SensorSample,
)
from mmseg_ros.projection import Rig, load_rig
from mmseg_ros.sim.render.raycast import World
from mmseg_ros.sim.sensing.clocks import TRIGGERED, SensorClock, check_clocks
from mmseg_ros.sim.sensing.depth import DepthModel
from mmseg_ros.sim.sensing.events import EventCamera, EventModel
from mmseg_ros.sim.sensing.lidar import LidarModel, Sweep
from mmseg_ros.sim.sensing.sensors import START_NS, Sensors, joined, stamp_of, time_of
from mmseg_ros.sim.world.scene import Scene, build_scene
from mmseg_ros.sim.world.weather import FAILURES, make_sky

FIRST_S = 0.06
"""Time of the first picture: the event camera looks before it."""
_LONGEST_GAP_S = 0.15
RENDERERS = ('fast', 'mitsuba')


def check_renderer(name: str) -> None:
    """Raise ConfigError unless there is such a renderer."""
    if name not in RENDERERS:
        raise ConfigError(f'There is no renderer {name!r}; there are: {", ".join(RENDERERS)}.')


@dataclass(frozen=True, kw_only=True)
class DriveConfig:
    """What to simulate.

    Attributes:
        frames: Camera frames. interval_s: Time between them (0.1 is 10 Hz).
        condition: One of weather.CONDITIONS. failure: One of weather.FAILURES, or ''.
        theme: One of scene.THEMES; empty draws one from the seed.
        clocks: When each sensor measures, and how late its samples arrive.
        event_steps: Images behind the events per packet; in between, light changes evenly.
        rig: Sensors.
        lidar: LiDAR. events: Event camera. depth: Depth camera.
        speed_mps: Speed of the vehicle; None draws one from the seed, 0 stands still.
        renderer: What makes the camera's images, one of RENDERERS.
        meshes: One of library.LIBRARIES: models of an installed package in the street, or ''.

    Raises:
        ConfigError: A value is unknown or out of range.
    """

    frames: int = 50
    interval_s: float = 0.1
    condition: str = 'sun'
    failure: str = ''
    theme: str = ''
    clocks: Mapping[Modality, SensorClock] = field(default_factory=lambda: dict(TRIGGERED))
    event_steps: int = 1
    rig: Rig = field(default_factory=load_rig)
    lidar: LidarModel = field(default_factory=LidarModel)
    events: EventModel = field(default_factory=EventModel)
    depth: DepthModel = field(default_factory=DepthModel)
    speed_mps: float | None = None
    renderer: str = 'fast'
    meshes: str = ''

    def __post_init__(self) -> None:
        check_renderer(self.renderer)
        if self.failure and self.failure not in FAILURES:
            raise ConfigError(
                f'There is no sensor failure {self.failure!r}; there are: {", ".join(FAILURES)}.'
            )
        if self.frames < 1 or self.interval_s <= 0:
            raise ConfigError(
                f'A sequence needs at least one frame and a positive interval, but got '
                f'{self.frames} frames every {self.interval_s} s.'
            )
        check_clocks(self.clocks)


@dataclass(frozen=True, slots=True)
class DriveFrame:
    """One camera frame and everything the other sensors reported since the one before.

    Where frames lie far apart (more than 0.15 s), since FIRST_S before it.

    Attributes:
        stamp_ns: Stamp of the camera. picture: Its sample.
        reports: What the other sensors measured, each at its own time. Event packets are stamped
            with their begin, sweeps with their middle.
        sweeps: The turns of the LiDAR among the reports, with true labels, oldest first.
        labels: H x W uint8, class per pixel of the camera. instances: H x W int32, see View.
        T_world_base: 4 x 4, pose of the vehicle.
        true_depth_m: H x W float32, exact depth in the camera; inf in the sky.
    """

    stamp_ns: int
    picture: SensorSample
    reports: tuple[SensorSample, ...]
    sweeps: tuple[Sweep, ...]
    labels: NDArray[np.uint8]
    instances: NDArray[np.int32]
    T_world_base: NDArray[np.float64]
    true_depth_m: NDArray[np.float32]

    @property
    def event_packets(self) -> tuple[SensorSample, ...]:
        """Return the event packets among the reports, oldest first."""
        return tuple(sample for sample in self.reports if sample.modality == EVENT)

    @property
    def samples(self) -> dict[Modality, SensorSample]:
        """Return the newest sample of each modality; the events of all packets are joined.

        A sensor slower than the camera is missing where it reported nothing.
        """
        newest = {sample.modality: sample for sample in (*self.reports, self.picture)}
        events = [p.payload for p in self.event_packets if isinstance(p.payload, EventData)]
        if events:
            joint = joined(events)
            newest[EVENT] = replace(newest[EVENT], stamp_ns=self.stamp_ns, payload=joint)
        return newest

    @property
    def point_labels(self) -> NDArray[np.uint8]:
        """Return the true class per point of the newest sweep, N uint8."""
        return self.sweeps[-1].labels if self.sweeps else np.zeros(0, np.uint8)


class Drive:
    """A simulated sequence. Equal seeds and configurations give equal sequences.

    >>> drive = Drive(3, DriveConfig(frames=2))
    >>> drive.config.frames, drive.seed
    (2, 3)
    """

    def __init__(self, seed: int, config: DriveConfig | None = None) -> None:
        self.seed = seed
        self.config = config or DriveConfig()
        self.rig = _failing_rig(self.config)
        distance = self.config.frames * self.config.interval_s * (self.config.speed_mps or 16.0)
        self.scene: Scene = build_scene(
            seed, distance, self.config.theme, self.config.speed_mps, self.config.meshes
        )
        self.sky = make_sky(seed, self.config.condition)
        self.world = World(self.scene)
        self._sensors = Sensors(
            seed, self.rig, self.world, self.sky, self.config.failure, self.config.depth,
            _failing_lidar(self.config), self.config.renderer,
        )  # fmt: skip

    def frames(self, first: int = 0, stop: int | None = None) -> Iterator[DriveFrame]:
        """Yield the frames of the sequence, oldest first.

        Args:
            first: Index of the first frame; the event camera opens its eyes for it anew.
            stop: Index of the first frame that is left out; None goes to the end.
        """
        weather = self.sky.weather
        noise_hz = self.config.events.noise_hz * (1 + 6 * weather.rain) * weather.gain**0.5
        events = self._sensors.event_camera(replace(self.config.events, noise_hz=noise_hz))
        last = self.config.frames
        for k in range(first, last if stop is None else min(stop, last)):
            yield self._frame(k, events, k == first)

    @property
    def start_ns(self) -> int:
        """Return a stamp before every sample of the sequence."""
        return START_NS - 100_000_000

    def poses(self, stamps_ns: Sequence[int]) -> NDArray[np.float64]:
        """Return N x 4 x 4: the vehicle in the world at each stamp."""
        return self.scene.ego.pose([time_of(stamp_ns) for stamp_ns in stamps_ns])

    def samples(self) -> Iterator[SensorSample]:
        """Yield every sample of the sequence in the order in which they are received."""
        waiting: list[SensorSample] = []
        for frame in self.frames():
            waiting = sorted([*waiting, *frame.reports, frame.picture], key=_receipt)
            # What a later frame brings was measured after this one, and received later still.
            ready = [s for s in waiting if _receipt(s) <= frame.stamp_ns]
            waiting = waiting[len(ready) :]
            yield from ready
        yield from waiting

    def _frame(self, k: int, events: EventCamera, anew: bool) -> DriveFrame:
        time_s = FIRST_S + k * self.config.interval_s
        follows = k > 0 and self.config.interval_s <= _LONGEST_GAP_S
        since_s = time_s - (self.config.interval_s if follows else FIRST_S)
        pixels, view = self._sensors.picture(time_s)
        reports, sweeps = [], []
        for t in self._times(DEPTH, since_s, time_s):
            reports.append(self._sample(DEPTH, t, self._sensors.depth_image(t)))
        for t in self._times(LIDAR, since_s, time_s):
            sweeps.append(self._sensors.sweep(t))
            # The sweep ends half a turn after its stamp.
            late_s = 0.5 * self.config.lidar.period_s
            reports.append(self._sample(LIDAR, t, sweeps[-1].cloud, late_s))
        reports += self._packets(since_s, time_s, events, anew or not follows)
        picture = self._sample(RGB, time_s, ImageData(pixels))
        return DriveFrame(
            picture.stamp_ns, picture, tuple(reports), tuple(sweeps), view.labels, view.instances,
            self.scene.ego.pose(time_s)[0], view.depth_m,
        )  # fmt: skip

    def _times(self, modality: Modality, since_s: float, until_s: float) -> list[float]:
        """Return when a sensor measures in (since_s, until_s]."""
        times = self.config.clocks[modality].times(since_s - FIRST_S, until_s - FIRST_S)
        return [FIRST_S + t for t in times]

    def _packets(
        self, since_s: float, time_s: float, events: EventCamera, anew: bool
    ) -> list[SensorSample]:
        """Return the event packets that end in (since_s, time_s]."""
        ends, rate_hz = self._times(EVENT, since_s, time_s), self.config.clocks[EVENT].rate_hz
        length_s = 1.0 / rate_hz if rate_hz else time_s - since_s
        if anew and ends:
            self._sensors.start_events(ends[0] - length_s, events)
        found = []
        for end_s in ends:
            begin_s = end_s - length_s
            packet = self._sensors.watch(begin_s, end_s, self.config.event_steps, events)
            found.append(self._sample(EVENT, begin_s, packet, length_s))
        return found

    def _sample(
        self, modality: Modality, time_s: float, payload: Payload, late_s: float = 0.0
    ) -> SensorSample:
        """Return a sample stamped `time_s`, whose measurement ends `late_s` after it."""
        mount, clock = self.rig.mounts[modality], self.config.clocks[modality]
        received_ns = stamp_of(time_s + late_s + clock.latency_s)
        return SensorSample(modality, stamp_of(time_s), mount.frame_id, payload, received_ns)


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
