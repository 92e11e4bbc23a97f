"""Events into the camera image: a half-open time window becomes a plane of counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import EventData, Plane
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.compiled import compiled
from mmseg_ros.projection.footprint import Rotation, coverage, pixel_areas


def event_plane(
    events: EventData,
    T_camera_event: NDArray[np.float64],
    event_camera: CameraModel,
    camera: CameraModel,
    window_ns: tuple[int, int],
) -> Plane:
    """Return H x W x 2 float32: how often the brightness of a pixel rose, and how often it fell.

    Events have no depth, so they move by the homography at infinity (rotation only). `valid` is
    what the event camera sees: a pixel in it without events is a measurement.

    Args:
        events: The events.
        T_camera_event: 4 x 4, from the event camera's optical frame into that of `camera`.
        event_camera: Intrinsics of the event camera.
        camera: The target image.
        window_ns: (start, end); events in [start, end) count.
    """
    sensor = event_camera.resized(events.height, events.width)
    rotation = Rotation.of(T_camera_event)
    counts = np.zeros((camera.height, camera.width, 2), np.float32)
    first, last = window_slice(events.stamp_ns, window_ns)
    refused = _accumulate(
        events.x[first:last],
        events.y[first:last],
        events.polarity[first:last],
        pixel_areas(sensor, camera, rotation),
        counts,
    )
    if refused:
        raise SampleError(
            f'{refused} of {last - first} events lie outside the {events.width} x {events.height} '
            'event sensor; check the size in its CameraInfo or calibration.'
        )
    return Plane(counts, coverage(sensor, camera, rotation))


def window_slice(stamp_ns: NDArray[np.int64], window_ns: tuple[int, int]) -> tuple[int, int]:
    """Return (first, last) so that stamp_ns[first:last] lies in [start, end)."""
    first, last = np.searchsorted(stamp_ns, window_ns, side='left')
    return int(first), int(last)


@compiled
def _accumulate(
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    polarity: NDArray[np.bool_],
    areas: NDArray[np.int32],
    counts: NDArray[np.float32],
) -> int:
    refused = 0
    for i in range(len(x)):
        if y[i] >= areas.shape[0] or x[i] >= areas.shape[1]:
            refused += 1
            continue
        area = areas[y[i], x[i]]
        channel = 0 if polarity[i] else 1
        for row in range(area[2], area[3]):
            for column in range(area[0], area[1]):
                counts[row, column, channel] += 1.0
    return refused
