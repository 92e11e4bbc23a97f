"""A sequence and a recording of what a node might have published, small and known."""

import numpy as np
import pytest

from mmseg_ros.bag import builders
from mmseg_ros.bag.typestore import message_class
from mmseg_ros.bag.writer import BagWriter
from mmseg_ros.core.labels import LabelClass, LabelSpace
from mmseg_ros.core.types import CloudData, DepthData, EventData, ImageData, SensorSample
from mmseg_ros.demo.results import read_frames
from mmseg_ros.demo.schedule import Outage
from mmseg_ros.inference.manifest import Manifest, ModalitySpec
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.extrinsics import Mount, Rig
from mmseg_ros.projection.transforms import pose

START_NS = 1_700_000_000_000_000_000
PERIOD_NS = 100_000_000
FRAMES = 40
LATENCY_NS = 70_000_000
WALL_NS = 1_800_000_000_000_000_000
OUTAGES = (Outage('rgb', 1.0, 2.0), Outage('lidar', 2.5, 3.5))
NAMES = ('rgb', 'depth', 'event', 'lidar')
TRUTH = np.repeat(np.array([[0, 1], [2, 3]], np.uint8), 8, axis=0).repeat(12, axis=1)
CLOUD = np.array(
    [(10.0, 1.0, 0.0, 3), (12.0, -1.0, 0.5, 1), (14.0, 2.0, 0.0, 2), (16.0, 0.0, 1.0, 0)],
    [('x', 'f4'), ('y', 'f4'), ('z', 'f4'), ('label', 'u1')],
)


def cloud_at(i):
    cloud = CLOUD.copy()
    cloud['x'] -= 0.05 * i
    return cloud


def available_at(seconds):
    gone = {o.modality for o in OUTAGES if o.start_s <= seconds < o.stop_s}
    return [name for name in NAMES if name not in gone]


@pytest.fixture(scope='session')
def plan():
    return OUTAGES


@pytest.fixture(scope='session')
def space():
    classes = tuple(LabelClass(i, f'class {i}', (60 * i, 255 - 60 * i, 90), '') for i in range(4))
    return LabelSpace('four', classes, 255)


@pytest.fixture(scope='session')
def manifest(space):
    half = (0.5, 0.5, 0.5)
    specs = tuple(ModalitySpec(name, 'rgb', half, half) for name in NAMES)
    return Manifest('fake', 'fake', {}, specs, 16, 24, space, 'fp32', {}, {}, 'Apache-2.0')


@pytest.fixture(scope='session')
def frames(drive, recording, plan, space):
    return read_frames(drive, recording, plan, space)


@pytest.fixture(scope='session')
def rig():
    forward = (-0.5, 0.5, -0.5, 0.5)
    mounts = {
        name: Mount(name, pose([1.0, 0.0, 1.5], forward), CameraModel.from_fov(24, 16, 70.0, name))
        for name in NAMES[:3]
    }
    return Rig({**mounts, 'lidar': Mount('lidar', pose([0.0, 0.0, 1.9]))})


@pytest.fixture(scope='session')
def drive(tmp_path_factory, rig):
    path = tmp_path_factory.mktemp('demo') / 'drive'
    rng = np.random.default_rng(1)
    with BagWriter(path) as bag:
        bag.write_calibration(START_NS, rig)
        for i in range(FRAMES):
            stamp_ns = START_NS + i * PERIOD_NS
            events = np.arange(5) * 1000 + stamp_ns - 20_000_000
            xy = np.arange(5, dtype=np.uint16)
            payloads = {
                'rgb': ImageData(rng.integers(0, 256, (16, 24, 3), np.uint8)),
                'depth': DepthData(rng.uniform(5, 30, (16, 24)).astype(np.float32)),
                'event': EventData(xy, xy, events, xy % 2 == 0, 24, 16),
                'lidar': CloudData(cloud_at(i)[['x', 'y', 'z']], 1, 4),
            }
            for name, payload in payloads.items():
                begin_ns = events[0] if name == 'event' else stamp_ns
                bag.write_sample(SensorSample(name, int(begin_ns), name, payload, stamp_ns))
            bag.write_truth_labels(stamp_ns, 'rgb', TRUTH)
            bag.write_truth_points(stamp_ns, 'lidar', cloud_at(i))
    return path


def modalities_message(stamp_ns, available):
    pair = message_class('diagnostic_msgs/msg/KeyValue')
    status = message_class('diagnostic_msgs/msg/DiagnosticStatus')
    statuses = [
        status(0, name, '', '', [pair('available', str(name in available).lower())])
        for name in NAMES
    ]
    header = builders.header(stamp_ns, 'rgb')
    return message_class('diagnostic_msgs/msg/DiagnosticArray')(header, statuses)


@pytest.fixture(scope='session')
def recording(tmp_path_factory):
    """Right labels but for one quarter without the camera; 70 ms after the stamp; one missing."""
    path = tmp_path_factory.mktemp('demo') / 'recording'
    clock = message_class('rosgraph_msgs/msg/Clock')
    time = message_class('builtin_interfaces/msg/Time')
    with BagWriter(path) as bag:
        for i in range(10 * FRAMES + 20):
            now_ns = i * PERIOD_NS // 10
            message = clock(time(*divmod(START_NS + now_ns, 1_000_000_000)))
            bag.write('/clock', 'rosgraph_msgs/msg/Clock', WALL_NS + now_ns, message)
        for i in range(FRAMES):
            stamp_ns, received_ns = START_NS + i * PERIOD_NS, WALL_NS + i * PERIOD_NS + LATENCY_NS
            available = available_at(i / 10)
            if i == 15:
                continue
            labels = TRUTH.copy()
            if 'rgb' not in available:
                labels[:8, :12] = 1
            image = builders.image_message(stamp_ns, 'rgb', labels, 'mono8')
            bag.write('/mmseg/labels', builders.IMAGE, received_ns, image)
            bag.write(
                '/mmseg/modalities',
                'diagnostic_msgs/msg/DiagnosticArray',
                received_ns,
                modalities_message(stamp_ns, available),
            )
            if 'lidar' in available:
                points = cloud_at(i)
                points['label'] = (3, 1, 0, 255)
                cloud = builders.cloud_message(stamp_ns, 'lidar', points)
                bag.write('/mmseg/points', builders.POINT_CLOUD, received_ns, cloud)
    return path


@pytest.fixture(scope='session')
def demo_cache(tmp_path_factory):
    """The folder in which the demo's sequence is simulated once."""
    return tmp_path_factory.mktemp('demo_cache')
