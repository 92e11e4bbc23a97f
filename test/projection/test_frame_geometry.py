"""What alignment and outputs share of one frame."""

import numpy as np
import pytest

from mmseg_ros.core.types import CloseReason, CloudData, DepthData, FrameSet, SensorSample
from mmseg_ros.projection import Rig, frame_geometry
from mmseg_ros.projection.align import align, align_in
from mmseg_ros.projection.frame_geometry import FrameGeometry
from mmseg_ros.projection.motion import RigInMotion
from mmseg_ros.projection.odometry import Odometry
from mmseg_ros.projection.seen import seen_points, seen_surface
from mmseg_ros.projection.transforms import pose

STAMP_NS = 5_000_000_000
INPUT, LABELS = (192, 320), (384, 640)


@pytest.fixture
def frame_set():
    rng = np.random.default_rng(6)
    depth_m = rng.uniform(4, 30, LABELS).astype(np.float32)
    depth_m[rng.random(LABELS) < 0.1] = np.nan
    points = np.zeros(3000, [('x', '<f4'), ('y', '<f4'), ('z', '<f4')])
    points['x'] = rng.uniform(3, 30, 3000)
    points['y'], points['z'] = rng.uniform(-6, 6, 3000), rng.uniform(-1, 2, 3000)
    samples = {
        'depth': SensorSample('depth', STAMP_NS - 30_000_000, 'depth', DepthData(depth_m)),
        'lidar': SensorSample('lidar', STAMP_NS, 'lidar', CloudData(points, 1, 3000)),
    }
    return FrameSet('depth', STAMP_NS, samples, ('depth', 'lidar'), CloseReason.COMPLETE)


@pytest.fixture
def odometry():
    found = Odometry()
    for i in range(-5, 6):
        found.add(STAMP_NS + i * 10**8, pose((0.8 * i, 0.0, 0.0)))
    return found


def same(plane, other):
    return (
        plane.values.tobytes() == other.values.tobytes()
        and plane.valid.tobytes() == other.valid.tobytes()
    )


@pytest.mark.parametrize('moves', [False, True])
def test_a_surface_that_came_with_the_planes_is_that_of_its_own_pass(
    rig, frame_set, odometry, moves
):
    known = odometry if moves else None
    camera = rig.camera(rig.reference).resized(*LABELS)
    shared = FrameGeometry(rig, STAMP_NS, known, label_size=LABELS)
    aligned, rejected = align_in(shared, frame_set, *INPUT, 1)
    assert not rejected
    alone, _ = align(frame_set, rig, *INPUT, 1, known)
    own = FrameGeometry(rig, STAMP_NS, known)
    for name in ('depth', 'lidar'):
        assert same(aligned.planes[name], alone.planes[name])
    surface = seen_surface(frame_set, shared, camera)
    assert surface.valid.any()
    assert same(surface, seen_surface(frame_set, own, camera))
    cloud = frame_set.samples['lidar']
    points, expected = (seen_points(cloud, frame_set, g, camera) for g in (shared, own))
    np.testing.assert_array_equal(points.visible, expected.visible)


def test_depth_and_points_are_moved_once_per_frame(rig, frame_set, monkeypatch):
    calls = []

    def counted(name, function):
        return lambda *args: calls.append(name) or function(*args)

    for name in ('depth_plane', 'depth_planes'):
        monkeypatch.setattr(frame_geometry, name, counted(name, getattr(frame_geometry, name)))
    monkeypatch.setattr(RigInMotion, 'xyz', counted('xyz', RigInMotion.xyz))
    geometry = FrameGeometry(rig, STAMP_NS, label_size=LABELS)
    align_in(geometry, frame_set, *INPUT, 1)
    camera = rig.camera(rig.reference).resized(*LABELS)
    for _ in range(2):
        seen_points(frame_set.samples['lidar'], frame_set, geometry, camera)
    assert sorted(calls) == ['depth_planes', 'xyz']


def test_another_sample_of_the_sensor_is_not_taken_for_the_one_of_the_frame(rig, frame_set):
    geometry = FrameGeometry(rig, STAMP_NS)
    cloud = frame_set.samples['lidar']
    geometry.xyz(cloud, cloud.payload)
    later = CloudData(cloud.payload.points[:5], 1, 5)
    assert len(geometry.xyz(SensorSample('lidar', STAMP_NS + 1, 'lidar', later), later)) == 5


def test_a_registered_depth_image_needs_no_calibration_of_its_camera(frame_set):
    rig = Rig(reference='rgb').with_registered('depth')
    depth = frame_set.samples['depth']
    plane = FrameGeometry(rig, STAMP_NS, label_size=LABELS).surface(depth, depth.payload, INPUT)
    assert plane.valid.shape == INPUT
