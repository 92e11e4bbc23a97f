"""Encoded images at another size, so that each says what it would say if rendered at that size.

A photograph is averaged. A measurement is not: an average of a car and the sky behind it is a
distance where nothing is, and a LiDAR image shrunk like a photograph loses its points.

* Color, gray and degree of polarization: areas are averaged, and interpolated when they grow.
* Angle of polarization: its sine and cosine are averaged over the pixels that have any.
* Depth: the nearest pixel that is measured; the angle of HHA is averaged over its surface.
* LiDAR points: found again, each covers 3 x 3 pixels of the new size, the nearest wins.
* Events: a pixel shows the events of all pixels that fall on it; a density is not divided.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.encoding.pooling import (
    NO_EVENTS,
    fill_from_cells,
    pool_largest,
    pool_signed,
    scatter_points,
    take_nearest,
)
from mmseg_ros.encoding.range_intensity_height import spread
from mmseg_ros.encoding.surface_angles import average_angles
from mmseg_ros.encoding.view import View
from mmseg_ros.projection.fit import Fit
from mmseg_ros.projection.scratch import scratch

_POINTS = 'range_intensity_height'
_ANGLES = 'aolp_sincos'
_SURFACES = 'hha'
_DEPTHS = frozenset({_SURFACES, 'inverse_depth'})
_EVENTS = frozenset({'polarity', 'time_surface'})
_SIGNED_EVENTS = 'voxel_grid'


def resize_images(
    images: NDArray[np.uint8], encodings: Sequence[str], height: int, width: int
) -> NDArray[np.uint8]:
    """Return M x height x width x 3 uint8: the planes resized, without touching equal sizes.

    Args:
        images: M x H x W x 3 uint8.
        encodings: How each is encoded.
        height: Rows wanted.
        width: Columns wanted.
    """
    if images.shape[1:3] == (height, width):
        return images
    view = View.whole(images.shape[1:3], height, width)
    return np.stack(
        [show(plane, encoding, view) for plane, encoding in zip(images, encodings, strict=True)]
    )


def fitted_images(
    images: NDArray[np.uint8], encodings: Sequence[str], fit: Fit
) -> NDArray[np.uint8]:
    """Return M x H x W x 3 uint8 on the network's input; padding is 0, as without measurement."""
    scaled = resize_images(images, encodings, fit.scaled_height, fit.scaled_width)
    return scaled if fit.is_whole else np.stack([fit.lay(plane) for plane in scaled])


def show(image: NDArray[np.uint8], encoding: str, view: View) -> NDArray[np.uint8]:
    """Return the part of a scaled encoded image that a view shows; black outside of the image.

    Args:
        image: H x W x 3 uint8.
        encoding: How it is encoded; what is not known is an image like a photograph.
        view: Made for H x W.
    """
    if view.is_identity:
        return image
    if encoding == _POINTS:
        return _points(image, view)
    if encoding == _ANGLES:
        return _angles(image, view)
    if encoding in _DEPTHS:
        return _depths(image, encoding == _SURFACES, view)
    if encoding in _EVENTS or encoding == _SIGNED_EVENTS:
        return _events(image, encoding == _SIGNED_EVENTS, view)
    return photograph(image, view)


def show_labels(labels: NDArray[Any], view: View, border: int) -> NDArray[Any]:
    """Return the part of scaled labels that a view shows, nearest; `border` outside."""
    cut = np.full(view.size, border, labels.dtype)
    cut[: view.rows.shown, : view.columns.shown] = _nearest(labels, view)
    return cut


def mirrored(image: NDArray[np.uint8], encoding: str) -> NDArray[np.uint8]:
    """Return an encoded image as a mirrored camera would have seen it, left to right.

    The angle of polarization turns the other way: its sine changes its sign.
    """
    turned = np.asarray(cv2.flip(image, 1), np.uint8)
    if encoding != _ANGLES:
        return turned
    for channel in (0, 2):
        sine = turned[..., channel]
        # 0 is a pixel without an angle; 1..255 are -1..1 around 128.
        np.negative(sine, out=sine, where=sine > 0)
    return turned


def photograph(image: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    """Return the view of an image whose areas may be averaged."""
    rows, columns = view.rows, view.columns
    cut = np.zeros((*view.size, 3), np.uint8)
    if rows.shown == 0 or columns.shown == 0:
        return cut
    if view.size == (rows.scaled, columns.scaled):
        shrinks = rows.scaled * columns.scaled < rows.size * columns.size
        mode = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(image, view.size[::-1], interpolation=mode))
    if _is_cheap_whole(view):
        scaled = (columns.scaled, rows.scaled)
        whole = np.asarray(cv2.resize(image, scaled, interpolation=cv2.INTER_LINEAR))
        cut[: rows.shown, : columns.shown] = whole[
            rows.start : rows.start + rows.shown, columns.start : columns.start + columns.shown
        ]
        return cut
    part, (top, down), (left, across) = _reduced(image, view)
    # Pixel centers of the view in the reduced part.
    matrix = np.array([[across, 0, left], [0, down, top]], np.float64)
    shown = cv2.warpAffine(
        part,
        matrix,
        (columns.shown, rows.shown),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    cut[: rows.shown, : columns.shown] = shown
    return cut


def _is_cheap_whole(view: View) -> bool:
    """Return whether scaling the whole image takes less time than warping the part shown."""
    rows, columns = view.rows, view.columns
    needs_no_areas = max(rows.ratio, columns.ratio) < 2
    return needs_no_areas and rows.scaled * columns.scaled <= 4 * rows.shown * columns.shown


def _reduced(
    image: NDArray[np.uint8], view: View
) -> tuple[NDArray[np.uint8], tuple[float, float], tuple[float, float]]:
    """Return the part of an image that a view needs, averaged over whole pixels where it shrinks.

    Returns:
        The part; and per axis where the first pixel of the view lies in it, and the step.
    """
    ranges, places = [], []
    for axis in (view.rows, view.columns):
        factor = max(int(axis.ratio), 1)
        first = int(max(axis.start * axis.ratio - factor, 0)) // factor * factor
        last = int(min(np.ceil((axis.start + axis.shown) * axis.ratio) + factor, axis.size))
        last = min(first + -(-(last - first) // factor) * factor, axis.size)
        ranges.append((first, last, factor))
        step = axis.ratio / factor
        places.append((((axis.start + 0.5) * axis.ratio - first) / factor - 0.5, step))
    (top, bottom, down), (left, right, across) = ranges
    part = image[top:bottom, left:right]
    if down > 1 or across > 1:
        height, width = (bottom - top) // down, (right - left) // across
        part = np.asarray(
            cv2.resize(
                part[: height * down, : width * across],
                (width, height),
                interpolation=cv2.INTER_AREA,
            )
        )
    return np.ascontiguousarray(part), places[0], places[1]


def _points(image: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    (top, rows), (left, columns) = view.rows.goal(1), view.columns.goal(1)
    # Two pixels around what is shown decide whether a pixel is the middle of a point.
    above, before = max(top - 2, 0), max(left - 2, 0)
    part = image[above : top + len(rows) + 2, before : left + len(columns) + 2]
    height, width = view.rows.count + 2, view.columns.count + 2
    points = scratch('resize.points', (height, width, 3), np.uint8)  # only those with a key count
    keys = scratch('resize.keys', (height + 2, width + 2), np.uint16)
    keys.fill(0)
    counts = scratch('resize.counts', part.shape[:2], np.uint8)
    scatter_points(
        _as_numbers(part), counts, top - above, left - before, rows, columns, points, keys
    )
    whole = np.zeros((height, width, 3), np.uint8)
    spread(points, keys, whole)
    cut = whole[1:-1, 1:-1]
    cut[view.rows.shown :] = 0
    cut[:, view.columns.shown :] = 0
    return np.ascontiguousarray(cut)


def _as_numbers(image: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return H x W uint32, the three values of each pixel as the lower bytes; scratch memory."""
    padded = scratch('resize.padded', (*image.shape[:2], 4), np.uint8)
    cv2.cvtColor(image, cv2.COLOR_BGR2BGRA, dst=padded)
    return padded.view('<u4')[..., 0]


def _angles(image: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    known = np.where(image[..., :1] > 0, np.uint8(255), np.uint8(0))
    weights = photograph(np.repeat(known, 3, axis=2), view).astype(np.float32)
    # 0 counts as 128, no sine and no cosine, and what is left out is put back by the weight.
    filled = np.where(known > 0, image, np.uint8(128))
    values = photograph(filled, view).astype(np.float32) - np.float32(128)
    scaled = np.float32(128) + values * (np.float32(255) / np.maximum(weights, np.float32(1)))
    scaled = np.rint(np.clip(scaled, 1, 255))
    return np.where(weights >= np.float32(127.5), scaled, np.float32(0)).astype(np.uint8)


def _depths(image: NDArray[np.uint8], has_angles: bool, view: View) -> NDArray[np.uint8]:
    cut = np.zeros((*view.size, 3), np.uint8)
    shown = cut[: view.rows.shown, : view.columns.shown]
    shown[:] = _nearest(image, view)
    if max(view.rows.ratio, view.columns.ratio) > 1.0:
        (rows, down), (columns, across) = view.rows.cells(), view.columns.cells()
        fill_from_cells(image, rows, columns, np.concatenate([down, across]), shown)
        if has_angles:
            average_angles(image, view, shown)
    return cut


def _events(image: NDArray[np.uint8], signed: bool, view: View) -> NDArray[np.uint8]:
    empty = NO_EVENTS if signed else 0
    cut = np.zeros((*view.size, 3), np.uint8)
    shown = cut[: view.rows.shown, : view.columns.shown]
    if max(view.rows.ratio, view.columns.ratio) <= 1.0:
        shown[:] = _nearest(image, view)
        return cut
    (top, rows), (left, columns) = view.rows.goal(), view.columns.goal()
    part = np.ascontiguousarray(image[top : top + len(rows), left : left + len(columns)])
    pooled = np.full((*view.size, 3), empty, np.uint8)
    (pool_signed if signed else pool_largest)(part, rows, columns, pooled)
    shown[:] = pooled[: view.rows.shown, : view.columns.shown]
    return cut


def _nearest(image: NDArray[Any], view: View) -> NDArray[Any]:
    """Return the shown part of the view of an image, H x W or H x W x 3."""
    rows, columns = view.rows.nearest(), view.columns.nearest()
    if image.dtype != np.uint8:
        # `take` copies whole pixels; an index array would copy channel by channel.
        return np.asarray(image[rows].take(columns, axis=1))
    pixels = np.ascontiguousarray(image)
    pixels = pixels if pixels.flags.writeable else pixels.copy()  # see `compiled`
    channels = 1 if image.ndim == 2 else image.shape[2]
    out = np.empty((len(rows), len(columns), channels), np.uint8)
    take_nearest(pixels.reshape(*image.shape[:2], channels), rows, columns, out)
    return out[..., 0] if image.ndim == 2 else out
