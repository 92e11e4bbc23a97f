"""Values that travel from the sensors to the published result.

All stamps are integer nanoseconds on the clock of the message headers. Arrays are views wherever
possible and are never written to after construction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Modality: TypeAlias = str
"""Name of a sensor stream: one of the four below, or any image aligned with the camera."""

RGB: Modality = 'rgb'
DEPTH: Modality = 'depth'
EVENT: Modality = 'event'
LIDAR: Modality = 'lidar'
STANDARD_MODALITIES: tuple[Modality, ...] = (RGB, DEPTH, EVENT, LIDAR)


@dataclass(frozen=True, slots=True)
class ImageData:
    """Pixels of a camera-like sensor.

    Attributes:
        pixels: H x W x 3 uint8 in RGB order for color; H x W uint8, uint16 or float32 otherwise.
    """

    pixels: NDArray[Any]


@dataclass(frozen=True, slots=True)
class DepthData:
    """A depth image (REP-118).

    Attributes:
        depth_m: H x W float32, meters along the optical z axis; NaN where nothing was measured.
    """

    depth_m: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EventData:
    """A packet of events, oldest first.

    Attributes:
        x: N uint16, pixel column. y: N uint16, pixel row.
        stamp_ns: N int64, absolute time on the header clock.
        polarity: N bool, True where the brightness rose.
        width: Sensor columns. height: Sensor rows.
    """

    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    stamp_ns: NDArray[np.int64]
    polarity: NDArray[np.bool_]
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class CloudData:
    """A point cloud with the fields of the message it came from.

    Attributes:
        points: Structured array of height * width points, row-major, with at least the numeric
            fields x, y, z (meters, sensor frame); other fields are kept under their own names.
        height: Rows of an organized cloud, else 1. width: Points per row.
        point_stamp_ns: N int64, absolute time of each point, where the sensor gives it.
        untimed: How many points had no usable time of their own and have their neighbor's.
        time_fault: Why the sensor's point times cannot be used at all, in a sentence; else ''.
        intensity_max: Value of the intensity field that counts as full; 0 lets the values of
            this cloud decide.
    """

    points: NDArray[Any]
    height: int
    width: int
    point_stamp_ns: NDArray[np.int64] | None = None
    untimed: int = 0
    time_fault: str = ''
    intensity_max: float = 0.0

    def xyz(self) -> NDArray[np.float32]:
        """Return N x 3 float32 coordinates in meters, sensor frame; NaN where invalid."""
        return np.stack(
            [self.points[name].astype(np.float32, copy=False) for name in 'xyz'], axis=-1
        )


Payload: TypeAlias = ImageData | DepthData | EventData | CloudData


def pixel_size(payload: Payload) -> tuple[int, int] | None:
    """Return (height, width) of a sample of a camera-like sensor; None of a cloud."""
    if isinstance(payload, ImageData):
        return int(payload.pixels.shape[0]), int(payload.pixels.shape[1])
    if isinstance(payload, DepthData):
        return int(payload.depth_m.shape[0]), int(payload.depth_m.shape[1])
    return (payload.height, payload.width) if isinstance(payload, EventData) else None


@dataclass(frozen=True, slots=True)
class SensorSample:
    """One message of one sensor.

    Attributes:
        modality: Which stream it belongs to.
        stamp_ns: Header stamp. frame_id: Header frame.
        payload: The data.
        received_ns: When it arrived, on the node's clock; None in a replay.
    """

    modality: Modality
    stamp_ns: int
    frame_id: str
    payload: Payload
    received_ns: int | None = None


class CloseReason(str, Enum):
    """Why the collector closed a frame."""

    COMPLETE = 'complete'
    DEADLINE = 'deadline'
    SUPERSEDED = 'superseded'
    JUMP = 'jump'
    FLUSH = 'flush'


@dataclass(frozen=True, slots=True)
class FrameSet:
    """Samples that belong together: at most one per modality.

    Attributes:
        reference: Modality whose stamp names the frame, always one of the samples: where
            the events that named it turned out to have a gap, the next in order.
        stamp_ns: Stamp that named the frame.
        samples: What arrived in time.
        modalities: All configured modalities, in order.
        reason: Why the frame closed.
    """

    reference: Modality
    stamp_ns: int
    samples: Mapping[Modality, SensorSample]
    modalities: tuple[Modality, ...]
    reason: CloseReason

    @property
    def available(self) -> NDArray[np.bool_]:
        """M bool in the order of `modalities`: whose sample is in the frame."""
        return np.array([name in self.samples for name in self.modalities], dtype=bool)

    @property
    def ages_ns(self) -> dict[Modality, int]:
        """Reference stamp minus sample stamp, per modality present; negative if it is newer."""
        return {name: self.stamp_ns - sample.stamp_ns for name, sample in self.samples.items()}


@dataclass(frozen=True, slots=True)
class Plane:
    """One modality in the reference camera's image.

    Attributes:
        values: H x W x C, float32 in physical units (meters, ...) or uint8 pixels.
        valid: H x W bool, where the values are measured.
    """

    values: NDArray[Any]
    valid: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class AlignedFrame:
    """All modalities of one frame in the reference camera's image.

    Attributes:
        stamp_ns: Stamp of the frame. frame_id: Optical frame of the reference camera.
        height: Image rows. width: Image columns.
        planes: One plane per modality that is available; an absent modality has no entry.
    """

    stamp_ns: int
    frame_id: str
    height: int
    width: int
    planes: Mapping[Modality, Plane]


@dataclass(frozen=True, slots=True)
class SegmentationResult:
    """What the model says about one frame, in the reference camera's image.

    Attributes:
        stamp_ns: Stamp of the frame. frame_id: Optical frame of the reference camera.
        labels: H x W uint8 class ids (uint16 above 255 classes).
        confidence: H x W uint8, probability of the chosen class scaled to 0..255.
        modalities: The model's modalities, in order.
        available: M bool, which of them the model could use.
        router_weights: M float32 summing to 1 where the model has a router, else None.
        stage_ms: Milliseconds per stage of the pipeline.
    """

    stamp_ns: int
    frame_id: str
    labels: NDArray[Any]
    confidence: NDArray[np.uint8]
    modalities: tuple[Modality, ...]
    available: NDArray[np.bool_]
    router_weights: NDArray[np.float32] | None = None
    stage_ms: Mapping[str, float] = field(default_factory=dict)
