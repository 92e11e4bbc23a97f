"""From a frame to labels: align, encode, infer, restore the camera's size.

The live node, the bag evaluator, the demo and the benchmarks all run this one class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.aspects import DEFAULT_ASPECT
from mmseg_ros.core.config import EVENT_WINDOW_S
from mmseg_ros.core.errors import BundleError, SampleError
from mmseg_ros.core.timing import StageTimer, StageWatch
from mmseg_ros.core.types import (
    AlignedFrame,
    FrameSet,
    ImageData,
    Modality,
    SegmentationResult,
)
from mmseg_ros.core.unexpected import reason_of
from mmseg_ros.encoding import ENCODINGS, EncodingContext, encode, event_channels
from mmseg_ros.inference.backend import Backend
from mmseg_ros.inference.bundle import Bundle
from mmseg_ros.projection.align import align_in
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.projection.fit import Fit
from mmseg_ros.projection.frame_geometry import FrameGeometry
from mmseg_ros.projection.odometry import Odometry


@dataclass(frozen=True, slots=True)
class PipelineOutput:
    """One processed frame.

    Attributes:
        result: Labels and confidence at the size of the reference camera's image.
        aligned: The planes that went in, at the size of the network's input; of events only the
            channels that their encoding looks at.
        rejected: Why a modality of the frame could not be used, one sentence each.
        geometry: What the alignment has brought to the frame's time, for outputs.
    """

    result: SegmentationResult
    aligned: AlignedFrame
    rejected: Mapping[Modality, str]
    geometry: FrameGeometry


@dataclass(frozen=True, slots=True)
class Prepared:
    """One frame, ready for the network.

    Attributes:
        frame_set: The frame. rig: The calibration it was aligned with.
        fit: How the camera's image lies on the network's input.
        aligned: Its planes. rejected: Why a modality could not be used.
        images: M x H x W x 3 uint8, encoded. available: M bool.
        timer: With the stages so far. geometry: Of the frame.
    """

    frame_set: FrameSet
    rig: Rig
    fit: Fit
    aligned: AlignedFrame
    rejected: Mapping[Modality, str]
    images: NDArray[np.uint8]
    available: NDArray[np.bool_]
    timer: StageTimer
    geometry: FrameGeometry


class Pipeline:
    """Runs one bundle on frames.

    Attributes:
        rig: Intrinsics and extrinsics of frames that are given without any.
        odometry: Motion of the vehicle, if it is known; may grow between two frames.
        bundle: The network.
        watch: Which stages are under way.
        aspect: What becomes of images of another shape than the network's, see `Fit.of`.

    Raises:
        BundleError: The bundle asks for an encoding that this version does not have.
    """

    def __init__(
        self,
        bundle: Bundle,
        backend: Backend,
        rig: Rig,
        event_window_s: float = EVENT_WINDOW_S,
        odometry: Odometry | None = None,
        watch: StageWatch | None = None,
        clock_ns: Callable[[], int] | None = None,
        aspect: str = DEFAULT_ASPECT,
    ) -> None:
        for spec in bundle.manifest.modalities:
            if spec.encoding not in ENCODINGS:
                raise BundleError(
                    f'{bundle.path}: modality {spec.name!r} asks for the encoding '
                    f'{spec.encoding!r}, but there are only: {", ".join(ENCODINGS)}.'
                )
        self.bundle = bundle
        self.rig = rig
        self.odometry = odometry
        self.watch = watch or StageWatch()
        self.aspect = aspect
        self._backend = backend
        self._clock_ns = clock_ns
        self._event_window_ns = round(event_window_s * 1e9)
        self._event_channels = {
            spec.name: event_channels(spec.encoding) for spec in bundle.manifest.modalities
        }

    def process(
        self, frame_set: FrameSet, rig: Rig | None = None, with_surface: bool = False
    ) -> PipelineOutput:
        """Segment one set: `prepare` and `complete` in one.

        Args:
            frame_set: The samples.
            rig: Intrinsics and extrinsics at that time; none takes those of the pipeline.
            with_surface: See `prepare`.

        Raises:
            SampleError: No sample of the frame is usable by the network; says why for each.
            BackendError: The runtime failed.
        """
        return self.complete(self.prepare(frame_set, rig, with_surface))

    def prepare(
        self, frame_set: FrameSet, rig: Rig | None = None, with_surface: bool = False
    ) -> Prepared:
        """Align and encode one frame; may run in another thread than `complete`, one frame ahead.

        Args:
            frame_set: The samples.
            rig: Intrinsics and extrinsics at that time; none takes those of the pipeline.
            with_surface: Whether an output will ask for the depth image at the size of the labels:
                its pixels are moved once for both.

        Raises:
            SampleError: No sample of the frame is usable by the network; says why for each.
        """
        manifest = self.bundle.manifest
        rig = self.rig if rig is None else rig
        timer = StageTimer(self.watch, self._clock_ns)
        size = manifest.height, manifest.width
        label_size = _output_size(frame_set, rig, *size)
        fit = Fit.of(label_size, size, self.aspect)
        geometry = FrameGeometry(
            rig, frame_set.stamp_ns, self.odometry, label_size if with_surface else None
        )
        with timer.stage('align'):
            scaled = fit.scaled_height, fit.scaled_width
            planes, rejected = align_in(
                geometry, frame_set, *scaled, self._event_window_ns, self._event_channels
            )
            aligned = _laid(planes, fit)
        with timer.stage('encode'):
            images, available, not_encoded = self._encode(aligned, rig, fit)
        rejected = {**rejected, **not_encoded}
        if not available.any():
            raise SampleError(_nothing_usable(frame_set, manifest.modality_names, rejected))
        return Prepared(frame_set, rig, fit, aligned, rejected, images, available, timer, geometry)

    def complete(self, prepared: Prepared) -> PipelineOutput:
        """Run the network on what `prepare` returned and restore the camera's size.

        Raises:
            BackendError: The runtime failed.
        """
        manifest = self.bundle.manifest
        frame_set, rig, timer = prepared.frame_set, prepared.rig, prepared.timer
        fit, ignore_id = prepared.fit, manifest.label_space.ignore_id
        with timer.stage('infer'):
            prediction = self._backend.infer(prepared.images, prepared.available)
        with timer.stage('restore'):
            # What a crop leaves out has no class, and no confidence in any.
            labels = fit.restore(prediction.labels, ignore_id)
            confidence = fit.restore(prediction.confidence, 0)
        result = SegmentationResult(
            stamp_ns=frame_set.stamp_ns,
            frame_id=_frame_id(frame_set, rig),
            labels=labels,
            confidence=confidence,
            modalities=manifest.modality_names,
            available=prepared.available,
            router_weights=prediction.router_weights,
            stage_ms=timer.stage_ms,
        )
        return PipelineOutput(result, prepared.aligned, prepared.rejected, prepared.geometry)

    def _encode(
        self, aligned: AlignedFrame, rig: Rig, fit: Fit
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_], dict[Modality, str]]:
        """Return M x H x W x 3 uint8 images, M bool availability, and what cannot be encoded."""
        manifest = self.bundle.manifest
        context = EncodingContext.of_rig(rig, fit)
        shape = (len(manifest.modalities), manifest.height, manifest.width, 3)
        images = np.zeros(shape, np.uint8)
        available = np.zeros(len(manifest.modalities), bool)
        rejected: dict[Modality, str] = {}
        for i, spec in enumerate(manifest.modalities):
            plane = aligned.planes.get(spec.name)
            if plane is None:
                continue
            try:
                images[i] = encode(
                    spec.encoding, plane, replace(context, value_range=spec.value_range)
                )
                available[i] = True
            except Exception as error:  # whatever one plane raises, the others go on
                rejected[spec.name] = reason_of(error, 'encoding')
        return images, available, rejected


def _output_size(frame_set: FrameSet, rig: Rig, height: int, width: int) -> tuple[int, int]:
    sample = frame_set.samples.get(rig.reference)
    if sample is not None and isinstance(sample.payload, ImageData):
        return sample.payload.pixels.shape[0], sample.payload.pixels.shape[1]
    camera = rig.cameras.get(rig.reference)
    return (height, width) if camera is None else (camera.height, camera.width)


def _laid(aligned: AlignedFrame, fit: Fit) -> AlignedFrame:
    """Return the planes on the network's input: padding is invalid."""
    if fit.is_whole:
        return aligned
    planes = {name: fit.lay_plane(plane) for name, plane in aligned.planes.items()}
    return replace(aligned, height=fit.height, width=fit.width, planes=planes)


def _frame_id(frame_set: FrameSet, rig: Rig) -> str:
    sample = frame_set.samples.get(rig.reference)
    if sample is not None:
        return sample.frame_id
    camera = rig.cameras.get(rig.reference)
    return '' if camera is None else camera.frame_id


def _nothing_usable(
    frame_set: FrameSet, modalities: tuple[Modality, ...], rejected: Mapping[Modality, str]
) -> str:
    reasons = [f'{name}: {reason}' for name, reason in rejected.items()]
    reasons += [
        f'{name}: the network has no such input ({", ".join(modalities)})'
        for name in frame_set.samples
        if name not in modalities
    ]
    return 'No usable sample in the frame; ' + ('; '.join(reasons) or 'it is empty') + '.'
