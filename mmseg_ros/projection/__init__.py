"""Every sensor into the image of the reference camera."""

from mmseg_ros.projection.align import align
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.depth import depth_plane
from mmseg_ros.projection.events import event_plane
from mmseg_ros.projection.extrinsics import Mount, Rig, load_rig
from mmseg_ros.projection.lidar import LidarProjection, lidar_plane, project_cloud

__all__ = [
    'CameraModel',
    'LidarProjection',
    'Mount',
    'Rig',
    'align',
    'depth_plane',
    'event_plane',
    'lidar_plane',
    'load_rig',
    'project_cloud',
]
