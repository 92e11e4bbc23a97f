"""What of one frame is brought into the reference image more than once, computed once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import CloudData, DepthData, Modality, Plane, SensorSample
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.cloud_ahead import CloudAhead, cloud_ahead
from mmseg_ros.projection.depth import depth_plane, depth_planes
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.projection.images import scaled_depth_plane
from mmseg_ros.projection.motion import RigInMotion
from mmseg_ros.projection.odometry import Odometry

Size = tuple[int, int]


class FrameGeometry:
    """Clouds and depth images of one frame at the time of its stamp.

    The alignment needs them at the size of the network's input, the outputs at the size of the
    labels. Used by one thread at a time.

    Args:
        rig: Intrinsics and extrinsics.
        stamp_ns: Time of the frame.
        odometry: Motion of the vehicle, if it is known.
        label_size: Rows and columns of the labels, if an output will ask for `surface` there: a
            depth image then goes into both images in one pass.

    Attributes:
        rig: As given. motion: The rig around the time of the frame.
    """

    def __init__(
        self,
        rig: Rig,
        stamp_ns: int,
        odometry: Odometry | None = None,
        label_size: Size | None = None,
    ) -> None:
        self.rig = rig
        self.motion = RigInMotion(rig, stamp_ns, odometry)
        self._stamp_ns = stamp_ns
        self._label_size = label_size
        # A sensor and a stamp name a sample.
        self._xyz: dict[tuple[Modality, int], NDArray[np.float32]] = {}
        self._ahead: dict[tuple[Modality, int], CloudAhead] = {}
        self._surfaces: dict[tuple[Modality, int, Size], Plane] = {}

    def for_other_clouds(self, odometry: Odometry | None) -> FrameGeometry:
        """Return one that knows the depth images of this one, and none of its clouds.

        Args:
            odometry: As the frame knew it; that of this one may have gone on.
        """
        other = FrameGeometry(self.rig, self._stamp_ns, odometry, self._label_size)
        other._surfaces.update(self._surfaces)
        return other

    def camera(self, size: Size) -> CameraModel:
        """Return the reference camera at a size.

        Raises:
            CalibrationError: Its intrinsics are unknown.
        """
        return self.rig.camera(self.rig.reference).resized(*size)

    def is_in_reference_image(self, modality: Modality) -> bool:
        """Return whether the images of a sensor have the pixels of the reference camera."""
        mount = self.rig.mounts.get(modality)
        return modality == self.rig.reference or (mount is not None and mount.registered)

    def xyz(self, sample: SensorSample, cloud: CloudData) -> NDArray[np.float32]:
        """Return N x 3 float32 meters, LiDAR frame; see `RigInMotion.xyz`.

        Args:
            sample: The sample of the frame.
            cloud: Its payload.

        Raises:
            CalibrationError: The pose of the LiDAR is unknown.
        """
        key = sample.modality, sample.stamp_ns
        if key not in self._xyz:
            self._xyz[key] = self.motion.xyz(sample.modality, cloud, sample.stamp_ns)
        return self._xyz[key]

    def ahead(self, sample: SensorSample, cloud: CloudData) -> CloudAhead:
        """Return the points of a cloud before the reference camera, at the time of the frame.

        Args:
            sample: The sample of the frame.
            cloud: Its payload.

        Raises:
            CalibrationError: Intrinsics or extrinsics of camera or LiDAR are unknown.
        """
        key = sample.modality, sample.stamp_ns
        if key not in self._ahead:
            columns = np.ascontiguousarray(self.xyz(sample, cloud).T, np.float32)
            T = self.rig.T(self.rig.reference, sample.modality)
            self._ahead[key] = cloud_ahead(columns, T, self.rig.camera(self.rig.reference))
        return self._ahead[key]

    def surface(self, sample: SensorSample, depth: DepthData, size: Size) -> Plane:
        """Return a depth image in the reference image: size x 1 float32 meters, 0 where invalid.

        Args:
            sample: The sample of the frame.
            depth: Its payload.
            size: Rows and columns of the reference image.

        Raises:
            CalibrationError: Intrinsics or extrinsics of one of the two cameras are unknown.
        """
        key = sample.modality, sample.stamp_ns, size
        if key not in self._surfaces:
            for found, plane in self._surfaces_of(sample, depth, size).items():
                self._surfaces[sample.modality, sample.stamp_ns, found] = plane
        return self._surfaces[key]

    def _surfaces_of(
        self, sample: SensorSample, depth: DepthData, size: Size
    ) -> dict[Size, Plane]:
        """Return the surface at `size`, and what came with it."""
        name = sample.modality
        if self.is_in_reference_image(name):
            return {size: scaled_depth_plane(depth.depth_m, *size)}
        T = self.motion.T_reference(name, sample.stamp_ns)
        at_rest = self.rig.T(self.rig.reference, name)
        source = self.rig.camera(name)
        label_size = self._label_size
        if label_size is None or label_size == size:
            return {size: depth_plane(depth, source, T, self.camera(size), at_rest)}
        cameras = self.camera(size), self.camera(label_size)
        small, large = depth_planes(depth, source, T, cameras, at_rest)
        return {size: small, label_size: large}
