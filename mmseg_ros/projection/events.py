"""Events into the camera image: a half-open time window becomes a plane of counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import EventData, Plane
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.compiled import compiled
from mmseg_ros.projection.event_window import events_in_window
from mmseg_ros.projection.footprint import Rotation, coverage, pixel_areas
from mmseg_ros.projection.parallax import areas_through_depth

RISES, FALLS, FIRST_BIN, LAST_RISE, LAST_FALL = 0, 1, 2, 5, 6
EVENT_BINS = 3
EVENT_CHANNELS, COUNT_CHANNELS = 7, 2


def event_plane(
    events: EventData,
    T_camera_event: NDArray[np.float64],
    event_camera: CameraModel,
    camera: CameraModel,
    window_ns: tuple[int, int],
    surface: Plane | None = None,
    channels: int = EVENT_CHANNELS,
) -> Plane:
    """Return H x W x 7 float32: what every encoding of events needs.

    * RISES, FALLS: how often the brightness of a pixel rose, and how often it fell.
    * FIRST_BIN and the two after it: signed events, shared between the two nearest of three bins
      in time, which are centered on the start, the middle and the end of the window.
    * LAST_RISE, LAST_FALL: when the last one was, 0 for none, else above 0 at the start of the
      window and up to 1 at its end.

    Events have no depth: they move through that of `surface`, by the homography at infinity
    (rotation only) where there is none. `valid` is what the event camera sees at infinity: a pixel
    in it without events is a measurement.

    Args:
        events: The events, in any order.
        T_camera_event: 4 x 4, from the event camera's optical frame into that of `camera`.
        event_camera: Intrinsics of the event camera.
        camera: The target image.
        window_ns: (start, end); events in [start, end) count.
        surface: H x W x 1 meters of the target image, if there is a depth image.
        channels: `COUNT_CHANNELS` fills RISES and FALLS alone, in a plane of two channels.

    Raises:
        SampleError: An event lies outside the sensor.

    Source: bins as in Zhu et al., CVPR 2019, section 3.1; last times as in Lagorce et al., TPAMI
    2017.
    """
    sensor = event_camera.resized(events.height, events.width)
    rotation = Rotation.of(T_camera_event)
    if surface is None:
        areas = pixel_areas(sensor, camera, rotation)
    else:
        areas = areas_through_depth(sensor, camera, T_camera_event, surface)
    values = np.zeros((camera.height, camera.width, channels), np.float32)
    part = events_in_window(events, window_ns)
    rejected = _fill(part, window_ns, areas, values)
    if rejected:
        raise SampleError(
            f'{rejected} of {len(part.x)} events lie outside the {events.width} x {events.height} '
            'event sensor; check the size in its CameraInfo or calibration.'
        )
    return Plane(values, coverage(sensor, camera, rotation))


def plane_at_pixels(
    events: EventData,
    pixels: NDArray[np.int32],
    window_ns: tuple[int, int],
    height: int,
    width: int,
    channels: int = EVENT_CHANNELS,
) -> NDArray[np.float32]:
    """Return height x width x 7 float32 as `event_plane` does, by a table of pixels.

    Args:
        events: The events, in any order; those outside the sensor do not count.
        pixels: Sensor H x W x 2, column and row of each sensor pixel in the target image.
        window_ns: (start, end); events in [start, end) count.
        height: Rows of the target image.
        width: Its columns.
        channels: As there.
    """
    u, v = pixels[..., 0], pixels[..., 1]
    areas = np.ascontiguousarray(np.stack([u, u + 1, v, v + 1], axis=-1), np.int32)
    values = np.zeros((height, width, channels), np.float32)
    _fill(events_in_window(events, window_ns), window_ns, areas, values)
    return values


def _fill(
    part: EventData,
    window_ns: tuple[int, int],
    areas: NDArray[np.int32],
    values: NDArray[np.float32],
) -> int:
    """Add the events of a window to a plane; return how many lie outside the sensor."""
    if values.shape[2] == EVENT_CHANNELS:
        return _accumulate(
            part.x, part.y, part.polarity, part.stamp_ns, window_ns[0], window_ns[1], areas, values
        )
    # Counted on the sensor, which is small and then read row by row: faster than adding every
    # event to its pixels of the image.
    counts = np.zeros((*areas.shape[:2], COUNT_CHANNELS), np.int32)
    rejected = _count(part.x, part.y, part.polarity, counts)
    _add_counts(counts, areas, values)
    return rejected


@compiled
def _count(
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    polarity: NDArray[np.bool_],
    counts: NDArray[np.int32],
) -> int:
    rejected = 0
    for i in range(len(x)):
        if 0 <= y[i] < counts.shape[0] and 0 <= x[i] < counts.shape[1]:
            counts[y[i], x[i], RISES if polarity[i] else FALLS] += 1
        else:
            rejected += 1
    return rejected


@compiled
def _add_counts(
    counts: NDArray[np.int32], areas: NDArray[np.int32], values: NDArray[np.float32]
) -> None:
    rows, columns = values.shape[0], values.shape[1]
    for i in range(counts.shape[0]):
        for j in range(counts.shape[1]):
            rises, falls = counts[i, j, RISES], counts[i, j, FALLS]
            if rises == 0 and falls == 0:
                continue
            area = areas[i, j]
            for row in range(max(area[2], 0), min(area[3], rows)):
                for column in range(max(area[0], 0), min(area[1], columns)):
                    values[row, column, RISES] += np.float32(rises)
                    values[row, column, FALLS] += np.float32(falls)


@compiled
def _accumulate(
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    polarity: NDArray[np.bool_],
    stamp_ns: NDArray[np.int64],
    start_ns: int,
    end_ns: int,
    areas: NDArray[np.int32],
    values: NDArray[np.float32],
) -> int:
    """Add what lies in [start, end) and in the image; return how many lie outside the sensor."""
    rejected = 0
    rows, columns = values.shape[0], values.shape[1]
    scale = 1.0 / max(end_ns - start_ns, 1)
    for i in range(len(x)):
        if not (0 <= y[i] < areas.shape[0] and 0 <= x[i] < areas.shape[1]):
            rejected += 1
            continue
        if not start_ns <= stamp_ns[i] < end_ns:
            continue
        area = areas[y[i], x[i]]
        channel = RISES if polarity[i] else FALLS
        share = (stamp_ns[i] - start_ns) * scale
        time = share * (EVENT_BINS - 1)
        low = min(max(int(time), 0), EVENT_BINS - 2)
        late = np.float32(time - low)
        sign = np.float32(1.0) if polarity[i] else np.float32(-1.0)
        for row in range(max(area[2], 0), min(area[3], rows)):
            for column in range(max(area[0], 0), min(area[1], columns)):
                pixel = values[row, column]
                pixel[channel] += np.float32(1.0)
                pixel[FIRST_BIN + low] += sign * (np.float32(1.0) - late)
                pixel[FIRST_BIN + low + 1] += sign * late
                # Later events come later; the first instant of the window is not `none`.
                pixel[LAST_RISE + channel] = max(np.float32(share), np.float32(1e-6))
    return rejected
