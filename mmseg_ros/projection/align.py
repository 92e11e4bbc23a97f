"""All samples of one frame into the image of the reference camera."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import (
    AlignedFrame,
    CloudData,
    DepthData,
    EventData,
    FrameSet,
    ImageData,
    Modality,
    Plane,
    SensorSample,
)
from mmseg_ros.core.unexpected import reason_of
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.events import EVENT_CHANNELS, event_plane
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.projection.frame_geometry import FrameGeometry, Size
from mmseg_ros.projection.images import registered_plane, scaled_plane
from mmseg_ros.projection.lidar import lidar_plane
from mmseg_ros.projection.odometry import Odometry

_ALL: Mapping[Modality, int] = MappingProxyType({})


def align(
    frame_set: FrameSet,
    rig: Rig,
    height: int,
    width: int,
    event_window_ns: int,
    odometry: Odometry | None = None,
) -> tuple[AlignedFrame, dict[Modality, str]]:
    """Return the planes of a frame, and for every sample that has none the reason in a sentence.

    LiDAR, depth and events are projected straight at `height` x `width`, which is the reference
    camera's image scaled to the size the network takes.

    Args:
        frame_set: The samples.
        rig: Intrinsics and extrinsics. Images of the reference camera need neither.
        height: Rows of the planes.
        width: Columns of the planes.
        event_window_ns: Length of the event window that ends at the stamp of the frame.
        odometry: Motion of the vehicle: with it, points are moved from their own times, and depth
            from its stamp, to the stamp of the frame.
    """
    geometry = FrameGeometry(rig, frame_set.stamp_ns, odometry)
    return align_in(geometry, frame_set, height, width, event_window_ns)


def align_in(
    geometry: FrameGeometry,
    frame_set: FrameSet,
    height: int,
    width: int,
    event_window_ns: int,
    event_channels: Mapping[Modality, int] = _ALL,
) -> tuple[AlignedFrame, dict[Modality, str]]:
    """Return what `align` does, by the geometry of the frame, which keeps what others may need.

    Args:
        geometry: Of the frame.
        frame_set: The samples.
        height: Rows of the planes.
        width: Columns of the planes.
        event_window_ns: Length of the event window that ends at the stamp of the frame.
        event_channels: How many channels of `event_plane` are needed, all where nothing is said.
    """
    window_ns = (frame_set.stamp_ns - event_window_ns, frame_set.stamp_ns)
    aligner = _Aligner(geometry, (height, width), window_ns, event_channels)
    planes: dict[Modality, Plane] = {}
    rejected: dict[Modality, str] = {}
    # Depth first: what it measures moves images and events of other cameras.
    for sample in sorted(frame_set.samples.values(), key=_is_no_depth):
        try:
            planes[sample.modality] = aligner.plane(sample)
        except Exception as error:  # whatever one sample raises, the others go on
            rejected[sample.modality] = reason_of(error, 'aligning')
    planes = {name: planes[name] for name in frame_set.samples if name in planes}
    frame_id = aligner.frame_id(frame_set)
    return AlignedFrame(frame_set.stamp_ns, frame_id, height, width, planes), rejected


def _is_no_depth(sample: SensorSample) -> bool:
    return not isinstance(sample.payload, DepthData)


class _Aligner:
    """Brings one sample at a time into the reference image."""

    def __init__(
        self,
        geometry: FrameGeometry,
        size: Size,
        window_ns: tuple[int, int],
        event_channels: Mapping[Modality, int],
    ) -> None:
        self._geometry = geometry
        self._rig = geometry.rig
        self._size = size
        self._window_ns = window_ns
        self._event_channels = event_channels
        self._surface: Plane | None = None

    def plane(self, sample: SensorSample) -> Plane:
        payload = sample.payload
        if isinstance(payload, ImageData):
            return self._image(sample.modality, payload)
        if isinstance(payload, DepthData):
            return self._depth(sample, payload)
        if isinstance(payload, EventData):
            return self._events(sample.modality, payload)
        return self._cloud(sample, payload)

    def frame_id(self, frame_set: FrameSet) -> str:
        sample = frame_set.samples.get(self._rig.reference)
        mount = self._rig.mounts.get(self._rig.reference)
        return sample.frame_id if sample else mount.frame_id if mount else ''

    @property
    def _camera(self) -> CameraModel:
        return self._geometry.camera(self._size)

    def _image(self, modality: Modality, image: ImageData) -> Plane:
        mount = self._rig.mounts.get(modality)
        # An image sensor without its own calibration is one that is delivered aligned.
        if self._geometry.is_in_reference_image(modality) or mount is None or mount.camera is None:
            return scaled_plane(image.pixels, *self._size)
        T = self._rig.T(self._rig.reference, modality)
        return registered_plane(image.pixels, mount.camera, T, self._camera, self._surface)

    def _depth(self, sample: SensorSample, depth: DepthData) -> Plane:
        plane = self._geometry.surface(sample, depth, self._size)
        if not plane.valid.any():
            raise SampleError(
                f'No pixel of {sample.modality!r} holds a depth that falls into the camera image.'
            )
        self._surface = plane
        return plane

    def _events(self, modality: Modality, events: EventData) -> Plane:
        if self._geometry.is_in_reference_image(modality):
            T, event_camera, surface = np.eye(4), self._rig.camera(self._rig.reference), None
        else:
            T = self._rig.T(self._rig.reference, modality)
            event_camera, surface = self._rig.camera(modality), self._surface
        channels = self._event_channels.get(modality, EVENT_CHANNELS)
        return event_plane(
            events, T, event_camera, self._camera, self._window_ns, surface, channels
        )

    def _cloud(self, sample: SensorSample, cloud: CloudData) -> Plane:
        name = sample.modality
        T = self._rig.T(self._rig.reference, name)
        xyz, ahead = self._geometry.xyz(sample, cloud), self._geometry.ahead(sample, cloud)
        plane = lidar_plane(cloud, T, self._rig.T_base(name), self._camera, xyz, ahead)
        if not plane.valid.any():
            raise SampleError(
                f'None of the {len(cloud.points)} points of {name!r} falls into the camera '
                'image: the cloud is empty or NaN, or its calibration is wrong.'
            )
        return plane
