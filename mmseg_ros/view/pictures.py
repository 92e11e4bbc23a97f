"""Payloads and states as small RGB images for the page."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import (
    DEPTH,
    EVENT,
    CloudData,
    DepthData,
    EventData,
    ImageData,
    Payload,
    Plane,
)
from mmseg_ros.labelling.colors import as_rgb
from mmseg_ros.metrics.pictures import cloud_picture, plane_picture

WIDTH = 480
"""Pixels of the labels on the page; larger images are scaled down."""

STATE_COLORS: Mapping[str, tuple[int, int, int]] = {
    'OK': (38, 160, 90),
    'RECOVERING': (150, 190, 60),
    'LATE': (235, 165, 40),
    'STALE': (225, 125, 40),
    'OFFSET': (170, 70, 170),
    'LOST': (205, 50, 50),
}
_NO_STATE = (170, 175, 182)
_PAPER = (246, 247, 249)
_ROW, _NAME_WIDTH = 26, 92
_FEW_POINTS = 6_000
_TILE_WIDTH, _TILE_HEIGHT, _TITLE = 320, 190, 20


def payload_picture(payload: Payload) -> NDArray[np.uint8]:
    """Return an H x W x 3 uint8 picture of what a sensor sent, as wide as its tile at most."""
    if isinstance(payload, ImageData):
        return as_rgb(scaled(payload.pixels, width=_TILE_WIDTH))
    if isinstance(payload, DepthData):
        depth_m = scaled(payload.depth_m, cv2.INTER_NEAREST, _TILE_WIDTH)
        valid = np.isfinite(depth_m) & (depth_m > 0)
        return plane_picture(DEPTH, Plane(depth_m[..., None], valid))
    if isinstance(payload, EventData):
        return _event_picture(payload)
    return _cloud_picture(payload)


def scaled(image: NDArray[Any], how: int = cv2.INTER_AREA, width: int = WIDTH) -> NDArray[Any]:
    """Return an image at most so wide, with the same proportions."""
    height, wide = image.shape[:2]
    if wide <= width:
        return image
    size = (width, max(1, round(height * width / wide)))
    return np.asarray(cv2.resize(np.ascontiguousarray(image), size, interpolation=how))


def missing(text: str, height: int = 270) -> NDArray[np.uint8]:
    """Return a gray field with a text."""
    field = np.full((height, WIDTH, 3), 226, np.uint8)
    (length, rise), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.7, 2)
    place = ((WIDTH - length) // 2, (height + rise) // 2)
    cv2.putText(field, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.7, (150, 60, 40), 2, cv2.LINE_AA)
    return field


def mosaic(
    pictures: Mapping[str, NDArray[np.uint8] | None], silent: Collection[str] = ()
) -> NDArray[np.uint8]:
    """Return pictures two in a row, each under its name.

    Args:
        pictures: Last picture of each sensor; None, which is said in its place, without any.
        silent: Sensors that are lost: their last picture is dark and crossed out.
    """
    tiles = [_tile(name, picture, name in silent) for name, picture in pictures.items()]
    tiles += [np.full_like(tiles[0], 255)] * (len(tiles) % 2)
    rows = [np.hstack(tiles[k : k + 2]) for k in range(0, len(tiles), 2)]
    return np.vstack(rows)


def _tile(name: str, picture: NDArray[np.uint8] | None, silent: bool) -> NDArray[np.uint8]:
    shown = missing(f'no {name} yet') if picture is None else picture
    tile = np.asarray(
        cv2.resize(shown, (_TILE_WIDTH, _TILE_HEIGHT), interpolation=cv2.INTER_AREA), np.uint8
    )
    if silent and picture is not None:
        tile = np.asarray(tile // 3, np.uint8)
        name += ': LOST'
        color, corner = STATE_COLORS['LOST'], (_TILE_WIDTH - 1, _TILE_HEIGHT - 1)
        cv2.line(tile, (0, 0), corner, color, 3, cv2.LINE_AA)
        cv2.line(tile, (0, corner[1]), (corner[0], 0), color, 3, cv2.LINE_AA)
    framed = cv2.copyMakeBorder(tile, _TITLE, 2, 2, 2, cv2.BORDER_CONSTANT, value=(255,) * 3)
    place = (4, _TITLE - 5)
    cv2.putText(framed, name[:20], place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (50, 54, 60), 1, 16)
    return np.asarray(framed, np.uint8)


def timeline(
    states: Mapping[str, Sequence[tuple[float, str]]], now_s: float, span_s: float
) -> NDArray[np.uint8]:
    """Return bars of the states of each sensor over the last seconds.

    Args:
        states: Per sensor, (time, name of the state) of each change of it, oldest first.
        now_s: Right end.
        span_s: Length.
    """
    field = np.full((timeline_height(len(states)), WIDTH, 3), _PAPER, np.uint8)
    wide = WIDTH - _NAME_WIDTH
    for row, (name, changes) in enumerate(states.items()):
        top = row * _ROW
        ends = [*(time_s for time_s, _ in changes[1:]), now_s]
        for (begin_s, state), end_s in zip(changes, ends, strict=True):
            left, right = (
                _NAME_WIDTH + round(wide * min(max(1 - (now_s - t) / span_s, 0.0), 1.0))
                for t in (begin_s, end_s)
            )
            field[top + 4 : top + _ROW - 4, left:right] = STATE_COLORS.get(state, _NO_STATE)
        place = (4, top + _ROW - 8)
        cv2.putText(field, name[:11], place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (50, 54, 60), 1, 16)
    return field


def timeline_height(sensors: int) -> int:
    """Return the height of the bars of so many sensors, in pixels."""
    return _ROW * max(sensors, 1)


def _event_picture(events: EventData) -> NDArray[np.uint8]:
    height, width = events.height, events.width
    inside = (events.x < width) & (events.y < height)
    x, y = events.x[inside].astype(np.int64), events.y[inside].astype(np.int64)
    cell = 2 * (y * width + x) + ~events.polarity[inside].astype(bool)
    counts = np.bincount(cell, minlength=height * width * 2).astype(np.float32)
    shown = scaled(counts.reshape(height, width, 2), width=_TILE_WIDTH)
    return plane_picture(EVENT, Plane(shown, np.ones(shown.shape[:2], bool)))


def _cloud_picture(cloud: CloudData) -> NDArray[np.uint8]:
    step = max(1, len(cloud.points) // _FEW_POINTS)
    xyz = CloudData(cloud.points[::step], 1, len(cloud.points[::step])).xyz()
    height_m = np.clip((xyz[:, 2] + 2.5) / 6.0, 0, 1)
    level = np.nan_to_num(255 * height_m).astype(np.uint8)
    colors = cv2.applyColorMap(level[:, None], cv2.COLORMAP_TURBO)[:, 0, ::-1]
    colors = np.ascontiguousarray(colors, np.uint8)
    return cloud_picture(xyz, colors, _TILE_HEIGHT, _TILE_WIDTH)
