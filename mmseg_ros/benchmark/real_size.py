"""Samples of a simulated frame at the sizes that sensors of a vehicle have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import cv2
import numpy as np

from mmseg_ros.core.types import (
    DEPTH,
    RGB,
    CloudData,
    DepthData,
    EventData,
    ImageData,
    Modality,
    SensorSample,
)
from mmseg_ros.projection.extrinsics import Rig

HEIGHT, WIDTH = 720, 1280
POINTS = 130_000
_JITTER_M = 0.02


def real_size(
    samples: Mapping[Modality, SensorSample], rig: Rig
) -> tuple[dict[Modality, SensorSample], Rig]:
    """Return the samples with images of 1280 x 720 and clouds of 130,000 points, and their rig.

    Images are scaled, points are repeated with a jitter of 2 cm; events stay as they are.

    Args:
        samples: Of one frame.
        rig: Its calibration.
    """
    for name in (RGB, DEPTH):
        rig = rig.with_camera(name, rig.camera(name).resized(HEIGHT, WIDTH))
    return {name: _scaled(sample) for name, sample in samples.items()}, rig


def many_events(stamp_ns: int, count: int, span_ns: int) -> EventData:
    """Return random events of a sensor of 1280 x 720 pixels, oldest first.

    Args:
        stamp_ns: Time of the first one.
        count: How many.
        span_ns: Over which time they spread.
    """
    rng = np.random.default_rng(count)
    return EventData(
        x=rng.integers(0, WIDTH, count).astype(np.uint16),
        y=rng.integers(0, HEIGHT, count).astype(np.uint16),
        stamp_ns=stamp_ns + np.sort(rng.integers(0, span_ns, count)),
        polarity=rng.random(count) < 0.5,
        width=WIDTH,
        height=HEIGHT,
    )


def _scaled(sample: SensorSample) -> SensorSample:
    payload, size = sample.payload, (WIDTH, HEIGHT)
    if isinstance(payload, ImageData):
        return replace(sample, payload=ImageData(np.asarray(cv2.resize(payload.pixels, size))))
    if isinstance(payload, DepthData):
        depth_m = cv2.resize(payload.depth_m, size, interpolation=cv2.INTER_NEAREST)
        return replace(sample, payload=DepthData(np.asarray(depth_m, np.float32)))
    if isinstance(payload, CloudData):
        return replace(sample, payload=_dense(payload))
    return sample


def _dense(cloud: CloudData) -> CloudData:
    rng = np.random.default_rng(len(cloud.points))
    order = np.arange(POINTS) * len(cloud.points) // POINTS
    points = cloud.points[order]
    for name in 'xyz':
        points[name] += rng.normal(0.0, _JITTER_M, POINTS).astype(points.dtype[name])
    stamps = None if cloud.point_stamp_ns is None else cloud.point_stamp_ns[order]
    return CloudData(points, 1, POINTS, stamps, intensity_max=cloud.intensity_max)
