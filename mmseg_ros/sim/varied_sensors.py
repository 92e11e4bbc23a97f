"""Sensor sets drawn per scene, so that what is trained on many streets does not learn one rig."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import LIDAR, RGB
from mmseg_ros.projection import CameraModel, Rig
from mmseg_ros.projection.transforms import rotation
from mmseg_ros.sim.sensing.depth import DepthModel
from mmseg_ros.sim.sensing.events import EventModel
from mmseg_ros.sim.sensing.lidar import LidarModel

NOMINAL_SHARE = 0.3
"""Share of the drawn sets that keep the rig as it is: it is the one that will be driven."""
_LIDARS: dict[int, tuple[tuple[int, ...], tuple[float, float], tuple[float, float]]] = {
    16: ((900, 1800), (-16.0, -14.0), (10.0, 16.0)),
    32: ((1024, 1800), (-26.0, -20.0), (6.0, 12.0)),
    64: ((1024, 2048), (-25.0, -20.0), (2.0, 16.0)),
    128: ((1024,), (-25.0, -20.0), (10.0, 20.0)),
}
"""Rings -> columns per turn, lowest and highest elevation in degrees, as such sensors are sold."""


@dataclass(frozen=True, slots=True)
class SensorSet:
    """The sensors of one scene.

    Attributes:
        rig: Where they sit and how the cameras see. lidar: LiDAR. depth: Depth camera.
        events: Event camera.
    """

    rig: Rig
    lidar: LidarModel
    depth: DepthModel
    events: EventModel


def draw_sensors(seed: int, rig: Rig, sector_deg: float) -> SensorSet:
    """Return the sensor set of a scene: another mount, other lenses, LiDAR and noise per seed.

    Args:
        seed: Of the scene; equal seeds give equal sets.
        rig: What is varied.
        sector_deg: Sector of the LiDAR that is simulated.
    """
    rng = np.random.default_rng([seed, 23])
    nominal = rng.random() < NOMINAL_SHARE
    return SensorSet(
        rig if nominal else _draw_rig(rng, rig),
        LidarModel(sector_deg=sector_deg) if nominal else _draw_lidar(rng, sector_deg),
        _draw_depth(rng),
        _draw_events(rng),
    )


def _draw_rig(rng: np.random.Generator, rig: Rig) -> Rig:
    """Return the rig on another vehicle: moved, tilted and with other lenses."""
    shift = np.array([rng.uniform(-0.7, 0.7), rng.uniform(-0.25, 0.25), rng.uniform(-0.35, 0.8)])
    pitch = float(np.clip(rng.normal(0.0, 3.0), -7.0, 9.0))
    tilt = _tilt(pitch, rng.normal(0.0, 1.0), rng.normal(0.0, 2.0))
    zoom = float(np.exp(rng.uniform(np.log(0.72), np.log(1.35))))
    cameras = rig.cameras
    for name in rig.mounts:
        pose = rig.T_base(name).copy()
        if name == LIDAR:
            pose[:3, 3] += shift + rng.normal(0.0, 0.1, 3)
            pose[:3, :3] = _tilt(*rng.normal(0.0, 0.7, 3)) @ pose[:3, :3]
        else:
            # The other cameras sit around the reference, at distances of their own.
            baseline = np.zeros(3) if name == RGB else rng.normal(0.0, 0.04, 3)
            pose[:3, 3] += shift + baseline
            pose[:3, :3] = tilt @ pose[:3, :3]
        rig = rig.with_pose(name, pose)
        if name in cameras:
            rig = rig.with_camera(name, _zoomed(cameras[name], zoom))
    return rig


def _tilt(pitch_deg: float, roll_deg: float, yaw_deg: float) -> NDArray[np.float64]:
    """Return the 3 x 3 rotation of a mount in the base frame; pitch down is positive."""
    pitch, roll, yaw = np.deg2rad([pitch_deg, roll_deg, yaw_deg])
    T = rotation('z', yaw) @ rotation('y', pitch) @ rotation('x', roll)
    return np.asarray(T[:3, :3])


def _zoomed(camera: CameraModel, zoom: float) -> CameraModel:
    """Return the camera behind a lens of another focal length."""
    K = camera.K.copy()
    K[0, 0] *= zoom
    K[1, 1] *= zoom
    return CameraModel(
        width=camera.width, height=camera.height, K=K, D=camera.D,
        distortion_model=camera.distortion_model, frame_id=camera.frame_id,
    )  # fmt: skip


def _draw_lidar(rng: np.random.Generator, sector_deg: float) -> LidarModel:
    rings = int(rng.choice(list(_LIDARS)))
    columns, low, high = _LIDARS[rings]
    return LidarModel(
        rings=rings,
        columns=int(rng.choice(columns)),
        low_deg=float(rng.uniform(*low)),
        high_deg=float(rng.uniform(*high)),
        sector_deg=sector_deg,
        max_range_m=float(rng.uniform(70.0, 200.0)),
        noise_m=float(rng.uniform(0.008, 0.04)),
        dropout=float(rng.uniform(0.002, 0.06)),
    )


def _draw_depth(rng: np.random.Generator) -> DepthModel:
    """Return a stereo camera of another baseline, or a nearly exact one."""
    exact = rng.random() < 0.2
    noise = rng.uniform(0.0001, 0.0004) if exact else np.exp(rng.uniform(*np.log([5e-4, 4e-3])))
    return DepthModel(
        max_range_m=float(rng.uniform(25.0, 100.0)),
        min_range_m=float(rng.uniform(0.4, 1.2)),
        noise_per_m=float(noise),
        hole_share=float(rng.uniform(0.005, 0.08)),
    )


def _draw_events(rng: np.random.Generator) -> EventModel:
    return replace(
        EventModel(),
        threshold=float(np.exp(rng.uniform(*np.log([0.14, 0.42])))),
        mismatch=float(rng.uniform(0.02, 0.06)),
        refractory_s=float(rng.uniform(0.0002, 0.0015)),
        noise_hz=float(np.exp(rng.uniform(*np.log([0.05, 0.8])))),
    )
