"""Where the points of a set fall in its reference image, and which of them it sees."""

from __future__ import annotations

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.core.types import CloudData, DepthData, FrameSet, Plane, SensorSample
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.depth import depth_plane
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.projection.images import scaled_depth_plane
from mmseg_ros.projection.lidar import LidarProjection, project_cloud
from mmseg_ros.projection.motion import RigInMotion
from mmseg_ros.projection.occlusion import hide_occluded
from mmseg_ros.projection.odometry import Odometry


def seen_points(
    sample: SensorSample,
    frame_set: FrameSet,
    rig: Rig,
    camera: CameraModel,
    odometry: Odometry | None = None,
) -> LidarProjection:
    """Return the pixels of a cloud, moved to the time of the set, without the hidden points.

    Args:
        sample: The cloud.
        frame_set: The set it belongs to; its depth image, if there is one, shows what is hidden.
        rig: Intrinsics and extrinsics.
        camera: The reference camera at the size wanted.
        odometry: Motion of the vehicle, if it is known.

    Raises:
        CalibrationError: Intrinsics or extrinsics of camera or LiDAR are unknown.
        ValueError: The sample is no cloud.
    """
    if not isinstance(sample.payload, CloudData):
        raise ValueError(f'The sample of {sample.modality!r} holds no cloud.')
    motion = RigInMotion(rig, frame_set.stamp_ns, odometry)
    xyz = motion.xyz(sample.modality, sample.payload, sample.stamp_ns)
    projection = project_cloud(xyz, rig.T(rig.reference, sample.modality), camera)
    return hide_occluded(projection, _surface(frame_set, rig, camera, motion))


def _surface(
    frame_set: FrameSet, rig: Rig, camera: CameraModel, motion: RigInMotion
) -> Plane | None:
    """Return the depth of the set in the image; None if none can be brought there."""
    for sample in frame_set.samples.values():
        if not isinstance(sample.payload, DepthData):
            continue
        mount = rig.mounts.get(sample.modality)
        if mount is not None and mount.registered:
            return scaled_depth_plane(sample.payload.depth_m, camera.height, camera.width)
        try:
            T = motion.T_reference(sample.modality, sample.stamp_ns)
            return depth_plane(sample.payload, rig.camera(sample.modality), T, camera)
        except CalibrationError:
            # The alignment has told about it; the points still hide each other.
            return None
    return None
