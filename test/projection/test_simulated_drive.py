"""True labels onto simulated points, while driving and through a distorted lens."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from mmseg_ros.core.types import RGB
from mmseg_ros.labelling import transfer_labels
from mmseg_ros.projection import project_cloud
from mmseg_ros.projection.motion import RigInMotion

pytest.importorskip('embreex')

BENCH = Path(__file__).parents[1] / 'benchmarks' / 'bench_hidden_points.py'
DRIVES = (('small', 72, 'night'), ('small', 75, 'cloud'), ('large', 81, 'cloud'))


@pytest.fixture(scope='module')
def bench():
    spec = importlib.util.spec_from_file_location('bench_hidden_points', BENCH)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_visible_points_get_their_class_and_hidden_ones_none(bench):
    """The table of docs/benchmarks/geometry.md has more sequences."""
    total = {name: bench.Counts() for name in bench.METHODS}
    for drive in DRIVES:
        for name, counts in bench.count_drive(*drive, frames=2).items():
            total[name].add(counts)
    both, lidar = total['lidar+depth'], total['lidar']
    assert both.clear > 50_000
    assert both.hidden > 1_000
    assert both.clear_right / both.clear >= 0.99
    assert both.found / both.hidden >= 0.98
    assert lidar.clear_right / lidar.clear >= 0.985
    assert lidar.found / lidar.hidden >= 0.85
    # Half a pixel around an outline nobody can tell; even so.
    assert both.seen_right / both.seen >= 0.975
    assert both.blocked_found / both.blocked >= 0.9


@pytest.mark.slow
def test_points_that_were_not_moved_miss_their_objects(bench):
    """Driving straight moves points by decimetres, a turn by many pixels."""
    from mmseg_ros.sim.sequence import Drive, DriveConfig

    rig, lidar = bench.small_rig()
    drive = Drive(11, DriveConfig(frames=1, rig=rig, lidar=lidar, speed_mps=bench.SPEED_MPS))
    frame = next(drive.frames())
    odometry = bench.odometry_around(drive, frame.stamp_ns)
    sample, camera = frame.samples['lidar'], rig.camera(RGB)
    right = []
    for poses in (odometry, None):
        motion = RigInMotion(rig, frame.stamp_ns, poses)
        xyz = motion.xyz('lidar', sample.payload, sample.stamp_ns)
        projection = project_cloud(xyz, rig.T(RGB, 'lidar'), camera)
        found, _, visible = transfer_labels(
            frame.labels, np.zeros_like(frame.labels), projection, 255
        )
        right.append((found == frame.point_labels)[visible].mean())
    moved, still = right
    assert moved > still
