"""Events into the camera image: a half-open time window becomes a plane of counts."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import EventData, Plane
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.compiled import compiled

OUTSIDE = -1


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
    table = pixel_table(sensor, camera, T_camera_event[:3, :3].tobytes())
    counts = np.zeros((camera.height, camera.width, 2), np.float32)
    first, last = window_slice(events.stamp_ns, window_ns)
    refused = _accumulate(
        events.x[first:last],
        events.y[first:last],
        events.polarity[first:last],
        table,
        footprint(sensor, camera),
        counts,
    )
    if refused:
        raise SampleError(
            f'{refused} of {last - first} events lie outside the {events.width} x {events.height} '
            'event sensor; check the size in its CameraInfo or calibration.'
        )
    return Plane(counts, coverage(sensor, camera, T_camera_event[:3, :3].tobytes()))


def window_slice(stamp_ns: NDArray[np.int64], window_ns: tuple[int, int]) -> tuple[int, int]:
    """Return (first, last) so that stamp_ns[first:last] lies in [start, end)."""
    first, last = np.searchsorted(stamp_ns, window_ns, side='left')
    return int(first), int(last)


@lru_cache(maxsize=16)
def pixel_table(source: CameraModel, target: CameraModel, rotation: bytes) -> NDArray[np.int32]:
    """Return source H x W x 2 int32: column and row of each source pixel in the target image.

    Pixels that fall outside are OUTSIDE. Parallax is ignored (homography at infinity).

    Args:
        source: Camera of the pixels.
        target: Camera of the image they go to.
        rotation: The bytes of the 3 x 3 float64 rotation from source into target.
    """
    R = np.frombuffer(rotation).reshape(3, 3)
    uv, valid = target.project(source.rays.reshape(-1, 3).astype(np.float64) @ R.T)
    table = np.full((source.height * source.width, 2), OUTSIDE, np.int32)
    table[valid] = np.floor(uv[valid] + 0.5)
    return table.reshape(source.height, source.width, 2)


@lru_cache(maxsize=16)
def coverage(source: CameraModel, target: CameraModel, rotation: bytes) -> NDArray[np.bool_]:
    """Return target H x W bool: which pixels the source camera sees (homography at infinity)."""
    R = np.frombuffer(rotation).reshape(3, 3)
    _, valid = source.project(target.rays.reshape(-1, 3).astype(np.float64) @ R)
    return valid.reshape(target.height, target.width)


def footprint(source: CameraModel, target: CameraModel) -> tuple[int, int]:
    """Return (rows, columns) that one source pixel covers in the target image."""
    growth = target.parameters[3:5] / source.parameters[3:5]
    columns, rows = (max(1, round(float(g))) for g in growth)
    return rows, columns


@compiled
def _accumulate(
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    polarity: NDArray[np.bool_],
    table: NDArray[np.int32],
    size: tuple[int, int],
    counts: NDArray[np.float32],
) -> int:
    refused = 0
    up, left = (size[0] - 1) // 2, (size[1] - 1) // 2
    for i in range(len(x)):
        if y[i] >= table.shape[0] or x[i] >= table.shape[1]:
            refused += 1
            continue
        u, v = table[y[i], x[i], 0], table[y[i], x[i], 1]
        if u < 0:
            continue
        channel = 0 if polarity[i] else 1
        for row in range(max(0, v - up), min(counts.shape[0], v - up + size[0])):
            for column in range(max(0, u - left), min(counts.shape[1], u - left + size[1])):
                counts[row, column, channel] += 1.0
    return refused
