"""A small rig and one second of random sensor samples."""

import numpy as np
import pytest

from mmseg_ros.core.types import CloudData, DepthData, EventData, ImageData, SensorSample
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.extrinsics import Mount, Rig
from mmseg_ros.projection.transforms import pose

START_NS = 1_700_000_000_123_456_789
PERIOD_NS = 100_000_000
EVENT_SPAN_NS = 50_000_000
FRAMES = {name: f'{name}_optical' for name in ('rgb', 'depth', 'event')} | {'lidar': 'lidar'}
CLOUD_FIELDS = [('x', 'f4'), ('y', 'f4'), ('z', 'f4'), ('intensity', 'f4'), ('label', 'u1')]


@pytest.fixture(scope='session')
def rig():
    look_forward = (-0.5, 0.5, -0.5, 0.5)
    turn = (0.0, 0.0, np.sin(0.3), np.cos(0.3))
    cameras = {
        name: CameraModel.from_fov(48, 32, 70.0, FRAMES[name])
        for name in ('rgb', 'depth', 'event')
    }
    mounts = {
        name: Mount(FRAMES[name], pose([1.0, 0.1 * i, 1.5], look_forward), cameras[name])
        for i, name in enumerate(cameras)
    }
    return Rig({**mounts, 'lidar': Mount('lidar', pose([0.5, 0.0, 1.9], turn))})


def payload(modality, rng, stamp_ns):
    if modality == 'rgb':
        return ImageData(rng.integers(0, 256, (32, 48, 3), np.uint8))
    if modality == 'depth':
        depth_m = rng.uniform(0.5, 40.0, (32, 48)).astype(np.float32)
        depth_m[::7] = np.nan
        return DepthData(depth_m)
    if modality == 'event':
        times_ns = np.sort(rng.integers(0, 50_000, 90)) * 1000 + stamp_ns - EVENT_SPAN_NS
        x, y = rng.integers(0, 48, 90), rng.integers(0, 32, 90)
        return EventData(
            x.astype(np.uint16), y.astype(np.uint16), times_ns, rng.random(90) < 0.5, 48, 32
        )
    points = np.zeros(64, CLOUD_FIELDS)
    for name in 'xyz':
        points[name] = rng.normal(0.0, 10.0, 64)
    points['label'] = rng.integers(0, 25, 64)
    return CloudData(points, 1, 64)


@pytest.fixture(scope='session')
def sensor_samples():
    rng = np.random.default_rng(7)
    made = []
    for i in range(10):
        for k, name in enumerate(FRAMES):
            stamp_ns = START_NS + i * PERIOD_NS
            data = payload(name, rng, stamp_ns)
            received_ns = stamp_ns + 5_000_000 + k
            begin_ns = stamp_ns - EVENT_SPAN_NS if name == 'event' else stamp_ns
            made.append(SensorSample(name, begin_ns, FRAMES[name], data, received_ns))
    return made
