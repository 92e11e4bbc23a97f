"""What surrounds the points of a cloud in its image: the depth there, and how far it counts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import Plane
from mmseg_ros.projection.circle import SECTORS
from mmseg_ros.projection.compiled import compiled
from mmseg_ros.projection.lidar import LidarProjection
from mmseg_ros.projection.scratch import scratch

CLOUD_REACH, SURFACE_REACH = 1.2, 1.4
"""Radius of the circle without and with a depth image, in mean distances between points."""
LARGEST_REACH_PX = 24
CLOUD_TOLERANCE = (0.6, 0.09, 0.0)
SURFACE_TOLERANCE = (0.1, 0.005)
"""Meters and share of the depth; the part that grows with its square is measured, see below."""
STEREO_NOISE_PER_M = 0.0012
"""Standard deviation of a stereo camera's depth at 1 m; it grows with the square of the depth."""
_FAR_SHARE = 0.9
_FEWEST_PAIRS = 200
_NEAREST_PAIR_M = 5.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a point is compared with, whichever pass it is.

    Attributes:
        near: The surface, inf where it is not measured, with a border of `reach_px` pixels that
            spares the circle every bounds check; each pass puts the points in. measured: H x W.
        far_m: Beyond it no depth is what one expects. tolerance: Of `is_behind`.
        reach_px: Radius of the circle. steps: Its pixels. circle: The same, of `is_surrounded`.
    """

    near: NDArray[np.float32]
    measured: NDArray[np.bool_]
    far_m: float
    tolerance: NDArray[np.float32]
    reach_px: int
    steps: NDArray[np.int64]
    circle: NDArray[np.int64]


def surroundings_of(projection: LidarProjection, surface: Plane | None) -> Surroundings:
    """Return what surrounds the points of a cloud; valid until this thread's next call.

    Args:
        projection: The cloud in the image, at least one point of it.
        surface: H x W x 1 meters, if there is a depth image.
    """
    height, width = projection.height, projection.width
    reach = CLOUD_REACH if surface is None else SURFACE_REACH
    reach_px = math.ceil(reach * math.sqrt(height * width / len(projection.u)))
    reach_px = min(max(reach_px, 2), LARGEST_REACH_PX)
    near = scratch('occlusion.near', (height + 2 * reach_px, width + 2 * reach_px), np.float32)
    if surface is None:
        near.fill(np.inf)
        measured, far_m, tolerance = np.zeros((height, width), np.bool_), np.inf, CLOUD_TOLERANCE
    else:
        measured = surface.valid
        tolerance = (*SURFACE_TOLERANCE, 3.0 * surface_noise_per_m(projection, surface))
        farthest = _take_measured(surface.values[..., 0].view(np.int32), measured, near, reach_px)
        far_m = _FAR_SHARE * float(np.int32(farthest).view(np.float32))
    return Surroundings(
        near, measured, far_m, np.array(tolerance, np.float32), reach_px, _steps(reach_px),
        _circle(reach_px, width),
    )  # fmt: skip


def surface_noise_per_m(projection: LidarProjection, surface: Plane) -> float:
    """Return the standard deviation of the depth image, per meter of squared depth.

    It is measured where points and depth image meet: the median deviation, so what is hidden does
    not count. With few such points it is that of a common stereo camera.

    Args:
        projection: The cloud in the image.
        surface: H x W x 1 meters.
    """
    deviation = scratch('occlusion.deviation', projection.u.shape, np.float32)
    met = _deviations(
        projection.u, projection.v, projection.depth_m, surface.values[..., 0], surface.valid,
        deviation,
    )  # fmt: skip
    if met < _FEWEST_PAIRS:
        return STEREO_NOISE_PER_M
    normal = 1.4826 * _median(deviation[:met])
    return float(np.clip(normal, STEREO_NOISE_PER_M / 2, STEREO_NOISE_PER_M * 4))


def _median(values: NDArray[np.float32]) -> float:
    """Return the median; the values lose their order. `np.median` takes twice the time."""
    half = len(values) // 2
    values.partition(half)
    if len(values) % 2:
        return float(values[half])
    return float((values[half] + values[:half].max()) / np.float32(2.0))


@lru_cache(maxsize=8)
def _steps(reach_px: int) -> NDArray[np.int64]:
    """Return K x 3: column, row and sector of the pixels of a disc, nearest first."""
    dv, du = np.mgrid[-reach_px : reach_px + 1, -reach_px : reach_px + 1].reshape(2, -1)
    square = du**2 + dv**2
    kept = np.flatnonzero((square > 0) & (square <= reach_px**2))
    kept = kept[np.argsort(square[kept], kind='stable')]
    turn = np.arctan2(dv[kept], du[kept]) / (2 * np.pi) + 0.5
    return np.column_stack([du[kept], dv[kept], (turn * SECTORS).astype(int) % SECTORS])


@lru_cache(maxsize=8)
def _circle(reach_px: int, width: int) -> NDArray[np.int64]:
    """Return the pixels of a disc as `is_surrounded` takes them."""
    steps = _steps(reach_px)
    on = steps[:, 1] * (width + 2 * reach_px) + steps[:, 0]
    return np.ascontiguousarray(np.column_stack([on, 1 << steps[:, 2]]))


@compiled
def _deviations(
    u: NDArray[np.int32],
    v: NDArray[np.int32],
    depth_m: NDArray[np.float32],
    surface_m: NDArray[np.float32],
    measured: NDArray[np.bool_],
    deviation: NDArray[np.float32],
) -> int:
    """Fill how far points lie from the surface, per meter of squared depth; return how many."""
    met = 0
    for k in range(len(u)):
        row, column = v[k], u[k]
        if not (0 <= row < measured.shape[0] and 0 <= column < measured.shape[1]):
            continue
        there = surface_m[row, column]
        if measured[row, column] and there > np.float32(_NEAREST_PAIR_M):
            deviation[met] = abs(depth_m[k] - there) / (there * there)
            met += 1
    return met


@compiled
def _take_measured(
    bits: NDArray[np.int32],
    measured: NDArray[np.bool_],
    near: NDArray[np.float32],
    border: int,
) -> int:
    """Copy what was measured, inf elsewhere; return the largest, 0 of nothing.

    All as bits: those of positive numbers have their order, and only integers are compared in
    vector code.
    """
    rows, columns = bits.shape
    result, unmeasured = near.view(np.int32), np.float32(np.inf).view(np.int32)
    result[:border], result[border + rows :] = unmeasured, unmeasured
    farthest = 0
    for i in range(rows):
        row = result[i + border]
        row[:border], row[border + columns :] = unmeasured, unmeasured
        most = _take_row(bits[i], measured[i], unmeasured, row[border : border + columns])
        farthest = max(farthest, most)
    return farthest


@compiled
def _take_row(
    bits: NDArray[np.int32],
    measured: NDArray[np.bool_],
    unmeasured: np.int32,
    result: NDArray[np.int32],
) -> int:
    farthest = np.int32(0)
    for j in range(len(result)):
        there = bits[j] if measured[j] else np.int32(0)
        farthest = there if there > farthest else farthest
        result[j] = bits[j] if measured[j] else unmeasured
    return int(farthest)
