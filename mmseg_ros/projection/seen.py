"""Where the points of a set fall in its reference image, and which of them it sees."""

from __future__ import annotations

import contextlib

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
    surface: Plane | None = None,
) -> LidarProjection:
    """Return the pixels of a cloud, moved to the time of the set, without the hidden points.

    Args:
        sample: The cloud.
        frame_set: The set it belongs to; its depth image, if there is one, shows what is hidden.
        rig: Intrinsics and extrinsics.
        camera: The reference camera at the size wanted.
        odometry: Motion of the vehicle, if it is known.
        surface: What `seen_surface` returned for the same arguments, if it is there already.

    Raises:
        CalibrationError: Intrinsics or extrinsics of camera or LiDAR are unknown.
        ValueError: The sample is no cloud.
    """
    if not isinstance(sample.payload, CloudData):
        raise ValueError(f'The sample of {sample.modality!r} holds no cloud.')
    motion = RigInMotion(rig, frame_set.stamp_ns, odometry)
    xyz = motion.xyz(sample.modality, sample.payload, sample.stamp_ns)
    projection = project_cloud(xyz, rig.T(rig.reference, sample.modality), camera)
    if surface is None:
        # What the calibration lacks, the alignment has told; the points still hide each other.
        with contextlib.suppress(CalibrationError):
            surface = seen_surface(frame_set, rig, camera, odometry)
    return hide_occluded(projection, surface)


def seen_surface(
    frame_set: FrameSet, rig: Rig, camera: CameraModel, odometry: Odometry | None = None
) -> Plane | None:
    """Return the depth of the set in the image; None if it has none.

    Args:
        frame_set: The set; its first depth image counts.
        rig: Intrinsics and extrinsics.
        camera: The reference camera at the size wanted.
        odometry: Motion of the vehicle, if it is known.

    Raises:
        CalibrationError: Intrinsics or extrinsics of the depth camera are unknown.
    """
    motion = RigInMotion(rig, frame_set.stamp_ns, odometry)
    for sample in frame_set.samples.values():
        if not isinstance(sample.payload, DepthData):
            continue
        mount = rig.mounts.get(sample.modality)
        if mount is not None and mount.registered:
            return scaled_depth_plane(sample.payload.depth_m, camera.height, camera.width)
        T = motion.T_reference(sample.modality, sample.stamp_ns)
        at_rest = rig.T(rig.reference, sample.modality)
        return depth_plane(sample.payload, rig.camera(sample.modality), T, camera, at_rest)
    return None
