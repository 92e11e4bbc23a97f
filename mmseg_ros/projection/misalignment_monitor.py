"""Watches the extrinsics of a rig over the frames of a drive."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.core.types import (
    CloudData,
    DepthData,
    FrameSet,
    ImageData,
    Modality,
    SensorSample,
)
from mmseg_ros.projection.extrinsics import Mount, Rig
from mmseg_ros.projection.misalignment import Misalignment, MisalignmentEstimator
from mmseg_ros.projection.motion import RigInMotion
from mmseg_ros.projection.odometry import Odometry
from mmseg_ros.projection.outline_frame import ImageEdges, outline_frame
from mmseg_ros.projection.outlines import Outlines, depth_outlines, scan_outlines

_UNKNOWN = Mount()


class MisalignmentMonitor:
    """Estimates how far LiDAR and depth camera are off, each against the reference camera.

    A depth image that is registered to the camera image has no extrinsics of its own and is left
    out. When the extrinsics of a sensor change, what was gathered with the old ones is forgotten.

    Args:
        most_frames: How many of the last frames count; 0 keeps all.
    """

    def __init__(self, most_frames: int = 0) -> None:
        self._most_frames = most_frames
        self._estimators: dict[Modality, MisalignmentEstimator] = {}
        self._extrinsics: dict[Modality, NDArray[np.float64]] = {}

    def add(self, frame_set: FrameSet, rig: Rig, odometry: Odometry | None = None) -> bool:
        """Take one frame; return whether it says anything.

        Args:
            frame_set: The samples.
            rig: Intrinsics and extrinsics at that time.
            odometry: Motion of the vehicle, if it is known.
        """
        image = frame_set.samples.get(rig.reference)
        if image is None or not isinstance(image.payload, ImageData):
            return False
        pixels = image.payload.pixels
        if pixels.dtype != np.uint8:
            return False
        rgb = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
        measured = [
            sample
            for sample in frame_set.samples.values()
            if isinstance(sample.payload, CloudData | DepthData)
            and not rig.mounts.get(sample.modality, _UNKNOWN).registered
        ]
        if not measured:
            return False
        edges = ImageEdges.of(rgb)
        camera_size = rgb.shape[0], rgb.shape[1]
        said = [
            self._add_sensor(edges, camera_size, s, frame_set, rig, odometry) for s in measured
        ]
        return any(said)

    def report(self, limit_deg: float) -> dict[Modality, Misalignment]:
        """Return what the frames say, per sensor that was seen with the camera.

        Args:
            limit_deg: Which angle the confidence is about.
        """
        return {name: e.estimate(limit_deg) for name, e in sorted(self._estimators.items())}

    def _add_sensor(
        self,
        edges: ImageEdges,
        camera_size: tuple[int, int],
        sample: SensorSample,
        frame_set: FrameSet,
        rig: Rig,
        odometry: Odometry | None,
    ) -> bool:
        name = sample.modality
        motion = RigInMotion(rig, frame_set.stamp_ns, odometry)
        try:
            camera = rig.camera(rig.reference).resized(*camera_size)
            T_at_rest = rig.T(rig.reference, name)
            T = T_at_rest
            outlines: Outlines
            if isinstance(sample.payload, CloudData):
                xyz = motion.xyz(name, sample.payload, sample.stamp_ns)
                outlines = scan_outlines(xyz, T, camera)
            else:
                assert isinstance(sample.payload, DepthData)  # noqa: S101 - for the type checker
                T = motion.T_reference(name, sample.stamp_ns)
                depth_m = sample.payload.depth_m
                outlines = depth_outlines(depth_m, rig.camera(name).resized(*depth_m.shape))
        except CalibrationError:
            return False
        frame = outline_frame(edges, outlines, T, camera)
        self._estimator(name, T_at_rest).add(frame)
        return len(frame.uv) > 0

    def _estimator(self, name: Modality, T: NDArray[np.float64]) -> MisalignmentEstimator:
        known = self._extrinsics.get(name)
        if known is None or not np.array_equal(known, T):
            self._extrinsics[name] = T
            self._estimators[name] = MisalignmentEstimator(self._most_frames)
        return self._estimators[name]
