"""What six simulated cameras and a LiDAR see at one moment, as messages for the six-camera rig."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmseg_ros.bag import builders
from mmseg_ros.core.resources import config_file
from mmseg_ros.core.rig_file import read_rig_file
from mmseg_ros.projection.extrinsics import load_rig
from mmseg_ros.sim.render.camera import Eye
from mmseg_ros.sim.sensing.exposure import camera_exposure, develop
from mmseg_ros.sim.sensing.lidar import LidarModel, SpinningLidar
from mmseg_ros.sim.sequence import Drive, DriveConfig

RIG = config_file('rigs/six_cameras.yaml')
_KNOWN = ('params_file', 'calibration', 'rgb_topic', 'rgb_info_topic', 'lidar_topic', 'odom_topic')
_TIME_S = 0.06
_LIDAR = LidarModel(rings=32, columns=1085, low_deg=-30.0, high_deg=10.0)
"""32 rings with about 34,700 points per turn, as nuScenes' LiDAR."""

Made = tuple[str, str, Any]
"""Topic, message type and message."""


def cameras() -> dict[str, dict[str, str]]:
    """Return the arguments of each camera's node."""
    return {name: dict(values) for name, values in read_rig_file(RIG, _KNOWN).items()}


def scene_messages() -> list[Made]:
    """Return the messages of one scan; their stamps are to be set by whoever publishes them."""
    drive = Drive(5, DriveConfig(frames=1, speed_mps=0.0))
    weather, rng = drive.sky.weather, np.random.default_rng(1)
    exposure = camera_exposure('', weather.gain, weather.name == 'night')
    made: list[Made] = []
    for arguments in cameras().values():
        rig = load_rig(config_file(f'calibration/{arguments["calibration"]}.yaml'))
        eye = Eye(rig.camera('rgb'), drive.world, drive.sky)
        pose = drive.scene.ego.pose(_TIME_S)[0] @ rig.T_base('rgb')
        image = develop(eye.view(_TIME_S, pose, smooth=False).radiance, exposure, rng)
        frame = rig.mounts['rgb'].frame_id
        info = builders.camera_info_message(0, rig.camera('rgb'))
        made.append((arguments['rgb_info_topic'], builders.CAMERA_INFO, info))
        picture = builders.image_message(0, frame, image, 'rgb8')
        made.append((arguments['rgb_topic'], builders.IMAGE, picture))
    lidar = SpinningLidar(_LIDAR, drive.world, weather, rig.T_base('lidar'))
    cloud = lidar.sweep(_TIME_S, 1, rng).cloud
    message = builders.cloud_message(0, rig.mounts['lidar'].frame_id, cloud)
    return [('/lidar/points', builders.POINT_CLOUD, message), *made]
