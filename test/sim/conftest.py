"""Small sequences that the tests of this folder share."""

from __future__ import annotations

import pytest

from mmseg_ros.projection import load_rig
from mmseg_ros.sim.sensing.lidar import LidarModel
from mmseg_ros.sim.sequence import Drive, DriveConfig


@pytest.fixture(scope='session')
def small_rig():
    rig = load_rig()
    for name, camera in rig.cameras.items():
        rig = rig.with_camera(name, camera.resized(96, 160))
    return rig


@pytest.fixture(scope='session')
def small_config(small_rig):
    def make(**changes):
        lidar = LidarModel(rings=48, columns=900, sector_deg=90.0)
        return DriveConfig(**{'frames': 2, 'rig': small_rig, 'lidar': lidar, **changes})

    return make


@pytest.fixture(scope='session')
def still_drive(small_config):
    """A vehicle that stands: what its sensors saw in two frames."""
    drive = Drive(2, small_config(speed_mps=0.0))
    return drive, list(drive.frames())
