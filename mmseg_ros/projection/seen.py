"""Where the points of a set fall in its reference image, and which of them it sees."""

from __future__ import annotations

import contextlib

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.core.types import CloudData, DepthData, FrameSet, Plane, SensorSample
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.frame_geometry import FrameGeometry
from mmseg_ros.projection.lidar import LidarProjection, project_cloud
from mmseg_ros.projection.occlusion import hide_occluded


def seen_points(
    sample: SensorSample, frame_set: FrameSet, geometry: FrameGeometry, camera: CameraModel
) -> LidarProjection:
    """Return the pixels of a cloud, moved to the time of the set, without the hidden points.

    Args:
        sample: The cloud.
        frame_set: The set it belongs to; its depth image, if there is one, shows what is hidden.
        geometry: Of the set.
        camera: The reference camera at the size wanted.

    Raises:
        CalibrationError: Intrinsics or extrinsics of camera or LiDAR are unknown.
        ValueError: The sample is no cloud.
    """
    if not isinstance(sample.payload, CloudData):
        raise ValueError(f'The sample of {sample.modality!r} holds no cloud.')
    rig = geometry.rig
    xyz = geometry.xyz(sample, sample.payload)
    ahead = geometry.ahead(sample, sample.payload)
    T = rig.T(rig.reference, sample.modality)
    projection = project_cloud(xyz, T, camera, ahead=ahead)
    surface = None
    # What the calibration lacks, the alignment has told; the points still hide each other.
    with contextlib.suppress(CalibrationError):
        surface = seen_surface(frame_set, geometry, camera)
    return hide_occluded(projection, surface)


def seen_surface(
    frame_set: FrameSet, geometry: FrameGeometry, camera: CameraModel
) -> Plane | None:
    """Return the depth of the set in the image; None if it has none.

    Args:
        frame_set: The set; its first depth image counts.
        geometry: Of the set.
        camera: The reference camera at the size wanted.

    Raises:
        CalibrationError: Intrinsics or extrinsics of the depth camera are unknown.
    """
    for sample in frame_set.samples.values():
        if isinstance(sample.payload, DepthData):
            return geometry.surface(sample, sample.payload, (camera.height, camera.width))
    return None
