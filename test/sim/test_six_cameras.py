"""Six cameras in a simulated street: merged labels against what the LiDAR really hit."""

import numpy as np
import pytest

from mmseg_ros.core.resources import config_file
from mmseg_ros.core.rig_file import read_rig_file
from mmseg_ros.labelling import labelled_cloud, merge_clouds, transfer_labels
from mmseg_ros.projection.extrinsics import load_rig
from mmseg_ros.projection.lidar import project_cloud
from mmseg_ros.projection.occlusion import hide_occluded
from mmseg_ros.sim.render.camera import Eye
from mmseg_ros.sim.sensing.lidar import LidarModel, SpinningLidar
from mmseg_ros.sim.sequence import Drive, DriveConfig

KNOWN = ('params_file', 'calibration', 'rgb_topic', 'rgb_info_topic', 'lidar_topic', 'odom_topic')
HEIGHT, WIDTH = 225, 400
TIME_S = 0.06
IGNORED = 255
PALETTE = np.zeros((256, 3), np.uint8)


@pytest.fixture(scope='module')
def rigs():
    path = config_file('rigs/six_cameras.yaml')
    return {
        name: load_rig(config_file(f'calibration/{arguments["calibration"]}.yaml'))
        for name, arguments in read_rig_file(path, KNOWN).items()
    }


@pytest.fixture(scope='module')
def drive():
    return Drive(5, DriveConfig(frames=1, speed_mps=0.0))


@pytest.fixture(scope='module')
def sweep(rigs, drive):
    model = LidarModel(rings=32, columns=720, low_deg=-16.0, high_deg=10.0)
    lidar = SpinningLidar(model, drive.world, drive.sky.weather, rigs['front'].T_base('lidar'))
    return lidar.sweep(TIME_S, 1, np.random.default_rng(1))


@pytest.fixture(scope='module')
def views(rigs, drive, sweep):
    """What each camera's node publishes if its network is never wrong."""
    xyz = np.stack([sweep.cloud.points[n] for n in 'xyz'], -1).astype(np.float32)
    made = {}
    for name, rig in rigs.items():
        camera = rig.camera('rgb').resized(HEIGHT, WIDTH)
        T_world_camera = drive.scene.ego.pose(TIME_S)[0] @ rig.T_base('rgb')
        eye = Eye(camera, drive.world, drive.sky)
        labels = eye.labels(eye.geometry(drive.world.at(TIME_S), T_world_camera))
        projection = hide_occluded(project_cloud(xyz, rig.T('rgb', 'lidar'), camera))
        column = np.abs(np.arange(WIDTH) - WIDTH / 2)
        surer_in_the_middle = np.tile((255 - column).astype(np.uint8), (HEIGHT, 1))
        point_labels, confidence, _ = transfer_labels(
            labels, surer_in_the_middle, projection, IGNORED
        )
        made[name] = labelled_cloud(sweep.cloud, point_labels, confidence, PALETTE)
    return made


def test_together_they_name_the_street_all_around_and_rightly(views, sweep):
    merged = merge_clouds(list(views.values()), IGNORED)
    real = sweep.labels != IGNORED
    named = real & (merged['label'] != IGNORED)
    assert named[real].mean() > 0.7
    assert (merged['label'] == sweep.labels)[named].mean() > 0.97
    azimuth = np.degrees(np.arctan2(merged['y'], merged['x']))
    for sector in range(-180, 180, 30):
        inside = (azimuth >= sector) & (azimuth < sector + 30)
        assert named[inside].any(), sector


def test_no_camera_names_what_none_of_them_sees(views):
    merged = merge_clouds(list(views.values()), IGNORED)
    seen = np.stack([view['label'] != IGNORED for view in views.values()])
    np.testing.assert_array_equal(merged['label'] != IGNORED, seen.any(axis=0))
    assert (merged['confidence'][~seen.any(axis=0)] == 0).all()
    assert (seen.sum(axis=0) > 1).any(), 'neighbors overlap'
    one = seen.mean(axis=1)
    assert one.max() < 0.5 < seen.any(axis=0).mean()
