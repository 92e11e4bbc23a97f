"""One processed frame with what several outputs need from it, computed at most once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.ground_config import GroundConfig
from mmseg_ros.core.labels import LabelSpace
from mmseg_ros.core.types import (
    CloudData,
    DepthData,
    FrameSet,
    ImageData,
    Modality,
    Plane,
    SegmentationResult,
    SensorSample,
)
from mmseg_ros.labelling.colors import as_rgb
from mmseg_ros.labelling.ground import GroundGrid, drivable_ids, ground_grid
from mmseg_ros.labelling.points import labelled_cloud, organized_cloud, transfer_labels
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.projection.frame_geometry import FrameGeometry
from mmseg_ros.projection.lidar import LidarProjection
from mmseg_ros.projection.odometry import Odometry
from mmseg_ros.projection.seen import seen_points, seen_surface


class Frame:
    """Labels of one frame, with the samples and the rig they were made from.

    Attributes:
        frame_set: The samples. result: The labels, at the camera's size. rig: The calibration.
        label_space: What the labels mean. geometry: Clouds and depth images at the frame's time.
    """

    def __init__(
        self,
        frame_set: FrameSet,
        result: SegmentationResult,
        rig: Rig,
        label_space: LabelSpace,
        odometry: Odometry | None = None,
        geometry: FrameGeometry | None = None,
    ) -> None:
        """Hold the parts of a frame.

        Args:
            frame_set: The samples.
            result: The labels.
            rig: The calibration.
            label_space: What the labels mean.
            odometry: Motion of the vehicle, if it is known.
            geometry: What the alignment of this frame has computed; none computes it again.
        """
        self.frame_set = frame_set
        self.result = result
        self.rig = rig
        self.label_space = label_space
        self.geometry = geometry or FrameGeometry(rig, frame_set.stamp_ns, odometry)

    @cached_property
    def camera(self) -> CameraModel:
        """Return the reference camera at the size of the labels.

        Raises:
            CalibrationError: Its intrinsics are unknown.
        """
        height, width = self.result.labels.shape
        return self.rig.camera(self.rig.reference).resized(height, width)

    @cached_property
    def rgb(self) -> NDArray[np.uint8]:
        """Return the H x W x 3 uint8 camera image, black if the camera is not in the frame."""
        sample = self.frame_set.samples.get(self.rig.reference)
        if sample is None or not isinstance(sample.payload, ImageData):
            return np.zeros((*self.result.labels.shape, 3), np.uint8)
        return as_rgb(sample.payload.pixels)

    @cached_property
    def lidar(self) -> SensorSample | None:
        """Return the first cloud of the frame, if any."""
        return self._first(CloudData)

    @cached_property
    def depth(self) -> SensorSample | None:
        """Return the first depth image of the frame, if any."""
        return self._first(DepthData)

    @cached_property
    def projection(self) -> LidarProjection:
        """Return the pixels of the cloud in the label image, without hidden points.

        Raises:
            CalibrationError: Intrinsics or extrinsics are unknown.
            ValueError: The frame holds no cloud.
        """
        if self.lidar is None:
            raise ValueError('The frame holds no cloud.')
        return seen_points(self.lidar, self.frame_set, self.geometry, self.camera)

    @property
    def surface(self) -> Plane | None:
        """Return the depth image in the label image, moved to its time; None if there is none.

        Raises:
            CalibrationError: Intrinsics or extrinsics of one of the two cameras are unknown.
        """
        return seen_surface(self.frame_set, self.geometry, self.camera)

    @property
    def router_weights(self) -> dict[str, float]:
        """Return the router's weight per modality; empty for a network without a router."""
        weights = self.result.router_weights
        if weights is None:
            return {}
        return dict(zip(self.result.modalities, map(float, weights), strict=True))

    @cached_property
    def point_labels(self) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """Return (label N, confidence N in 0..1) of the cloud's points.

        Raises:
            CalibrationError: Intrinsics or extrinsics are unknown.
            ValueError: The frame holds no cloud.
        """
        labels, confidence, _ = transfer_labels(
            self.result.labels,
            self.result.confidence,
            self.projection,
            self.label_space.ignore_id,
        )
        return labels, confidence

    def ground(self, config: GroundConfig) -> GroundGrid:
        """Return the grid of where the vehicle can drive, in the base frame."""
        cloud = _payload(self.lidar, CloudData)
        T = self.rig.T_base('' if self.lidar is None else self.lidar.modality)
        return ground_grid(
            cloud.xyz() @ T[:3, :3].T + T[:3, 3],
            self.point_labels[0],
            drivable_ids(self.label_space, config.classes),
            config.size_m,
            config.resolution_m,
            config.highest_m,
            config.min_points,
        )

    def labelled_points(self, preset: str = 'default') -> NDArray[Any]:
        """Return the cloud's points as a structured array with the fields of a preset added."""
        cloud = _payload(self.lidar, CloudData)
        labels, confidence = self.point_labels
        return labelled_cloud(cloud, labels, confidence, self.label_space.palette(), preset)

    def organized_points(self) -> CloudData:
        """Return the depth image as H x W labeled points in the camera's optical frame."""
        result, plane = self.result, self.surface
        if plane is None:
            raise ValueError('The frame holds no depth image.')
        return organized_cloud(
            plane.values[..., 0],
            plane.valid,
            self.camera,
            result.labels,
            result.confidence,
            self.label_space.palette(),
        )

    def projection_image(self) -> NDArray[np.uint8]:
        """Return the camera image with the visible LiDAR points on it, near red to far blue."""
        image = self.rgb.copy()
        shown = self.projection.shown
        if not shown.any():
            return image
        depth_m = self.projection.depth_m[shown]
        near = np.clip(255 - 255 * np.log1p(depth_m) / np.log1p(80.0), 0, 255).astype(np.uint8)
        colors = cv2.applyColorMap(near[:, None], cv2.COLORMAP_JET)[:, 0, ::-1]
        for du in (0, 1):
            for dv in (0, 1):
                v = np.minimum(self.projection.v[shown] + dv, image.shape[0] - 1)
                u = np.minimum(self.projection.u[shown] + du, image.shape[1] - 1)
                image[v, u] = colors
        return image

    def _first(self, kind: type) -> SensorSample | None:
        samples = self.frame_set.samples.values()
        return next((s for s in samples if isinstance(s.payload, kind)), None)


def usable_samples(frame_set: FrameSet, rejected: Collection[Modality]) -> FrameSet:
    """Return a frame without the samples that the pipeline could not use."""
    samples = {name: s for name, s in frame_set.samples.items() if name not in rejected}
    return replace(frame_set, samples=samples)


def _payload(sample: SensorSample | None, kind: type[Any]) -> Any:
    if sample is None or not isinstance(sample.payload, kind):
        raise ValueError(f'The frame holds no {kind.__name__}.')
    return sample.payload
