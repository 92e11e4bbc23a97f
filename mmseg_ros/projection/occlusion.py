"""Which points of a cloud the camera cannot see, since something nearer stands before them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import Plane
from mmseg_ros.projection.circle import SECTORS, is_behind, is_confirmed, is_surrounded
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
OPEN_UNMEASURED, OPEN_MEASURED, OPEN_FAR = 4, 3, 2
"""Widest run of open sectors of a hidden point: without depth at its pixel, with depth there that
does not hide it, and beyond the range of the depth camera, where no depth is what one expects."""
PASSES = 2
_FAR_SHARE = 0.9
_FEWEST_PAIRS = 200
_NEAREST_PAIR_M = 5.0
_TILE_PX = 8


def hide_occluded(projection: LidarProjection, surface: Plane | None = None) -> LidarProjection:
    """Return the projection with the points hidden that nearer surfaces cover.

    A cloud is too sparse for a z-buffer alone: what a car hides shines through between the points
    on the car. So each point looks around itself in the image, in eight sectors, for the next
    measurement in each. If nearer ones leave no wide run of sectors open, the point is hidden. A
    depth image of the same time hides by itself where it measured, if one of the pixels beside
    agrees, and takes part in the circle elsewhere. A second pass leaves out what the first has
    hidden: hidden points keep each other's circles open.

    Args:
        projection: From `project_cloud`; what its z-buffer has hidden stays so.
        surface: H x W x 1 meters, from `depth_plane`.

    Raises:
        SampleError: The surface has another size than the image.

    Source: Pintus, Gobbetti, Agus, "Real-time rendering of massive unstructured raw point clouds
    using screen-space operators", VAST 2011, section 4: visibility by the free cone, here in the
    image. Measured in docs/geometry.md.
    """
    shape = projection.height, projection.width
    if surface is not None and surface.valid.shape != shape:
        raise SampleError(
            f'The surface has {surface.valid.shape[1]} x {surface.valid.shape[0]} pixels, but '
            f'the image {shape[1]} x {shape[0]}.'
        )
    if not len(projection.u):
        return projection
    visible = projection.visible.copy()
    facts = _facts(projection, surface)
    looked_at = np.ones([size // _TILE_PX + 1 for size in shape], np.bool_)
    for _ in range(PASSES):
        before = visible.copy()
        _hide_once(projection, facts, looked_at, visible)
        # What changed nowhere in its circle is seen as before.
        looked_at[:] = False
        _mark_changed(
            projection.u, projection.v, projection.index, before, visible, facts.measured,
            facts.reach_px, looked_at,
        )  # fmt: skip
    return replace(projection, visible=visible)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What holds for every pass.

    Attributes:
        depth_m: H x W, the surface, inf where it is not measured. measured: H x W bool.
        far_m: Beyond it no depth is what one expects. tolerance: Of `is_behind`.
        reach_px: Radius of the circle. steps: Its pixels.
    """

    depth_m: NDArray[np.float32]
    measured: NDArray[np.bool_]
    far_m: float
    tolerance: NDArray[np.float32]
    reach_px: int
    steps: NDArray[np.int64]


def _facts(projection: LidarProjection, surface: Plane | None) -> _Facts:
    shape = projection.height, projection.width
    depth_m = scratch('occlusion.surface', shape, np.float32)
    depth_m.fill(np.inf)
    tolerance, reach = CLOUD_TOLERANCE, CLOUD_REACH
    if surface is None:
        measured, far_m = np.zeros(shape, np.bool_), np.inf
    else:
        measured, reach = surface.valid, SURFACE_REACH
        tolerance = (*SURFACE_TOLERANCE, 3.0 * surface_noise_per_m(projection, surface))
        farthest_m = _take_measured(surface.values[..., 0], measured, depth_m)
        far_m = _FAR_SHARE * farthest_m
    reach_px = math.ceil(reach * math.sqrt(depth_m.size / len(projection.u)))
    reach_px = min(max(reach_px, 2), LARGEST_REACH_PX)
    tolerances = np.array(tolerance, np.float32)
    return _Facts(depth_m, measured, far_m, tolerances, reach_px, _steps(reach_px))


def _hide_once(
    projection: LidarProjection,
    facts: _Facts,
    looked_at: NDArray[np.bool_],
    visible: NDArray[np.bool_],
) -> None:
    """Clear `visible` where points that are visible so far, or the surface, hide a point."""
    u, v, depth_m = projection.u, projection.v, projection.depth_m
    near = scratch('occlusion.near', facts.depth_m.shape, np.float32)
    near[:] = facts.depth_m
    # Where the depth image measured, it counts and no point.
    _fill_nearest(u, v, depth_m, projection.index, visible, facts.measured, near)
    _hide(
        u, v, depth_m, projection.index, near, facts.measured, facts.far_m, facts.tolerance,
        facts.steps, _widest_open(), looked_at, visible,
    )  # fmt: skip


def surface_noise_per_m(projection: LidarProjection, surface: Plane) -> float:
    """Return the standard deviation of the depth image, per meter of squared depth.

    It is measured where points and depth image meet: the median deviation, so what is hidden does
    not count. With few such points it is that of a common stereo camera.

    Args:
        projection: The cloud in the image.
        surface: H x W x 1 meters.
    """
    pixels = projection.v * projection.width + projection.u
    depth_m = surface.values.reshape(-1)[pixels]
    met = surface.valid.reshape(-1)[pixels] & (depth_m > _NEAREST_PAIR_M)
    if np.count_nonzero(met) < _FEWEST_PAIRS:
        return STEREO_NOISE_PER_M
    deviation = np.abs(projection.depth_m[met] - depth_m[met]) / depth_m[met] ** 2
    normal = 1.4826 * float(np.median(deviation))
    return float(np.clip(normal, STEREO_NOISE_PER_M / 2, STEREO_NOISE_PER_M * 4))


@lru_cache(maxsize=8)
def _steps(reach_px: int) -> NDArray[np.int64]:
    """Return K x 3: column, row and sector of the pixels of a disc, nearest first."""
    dv, du = np.mgrid[-reach_px : reach_px + 1, -reach_px : reach_px + 1].reshape(2, -1)
    square = du**2 + dv**2
    kept = np.flatnonzero((square > 0) & (square <= reach_px**2))
    kept = kept[np.argsort(square[kept], kind='stable')]
    turn = np.arctan2(dv[kept], du[kept]) / (2 * np.pi) + 0.5
    return np.column_stack([du[kept], dv[kept], (turn * SECTORS).astype(int) % SECTORS])


@lru_cache(maxsize=1)
def _widest_open() -> NDArray[np.int64]:
    """Return for each bit set of closed sectors how many open ones follow each other at most."""
    widest = [SECTORS]
    for closed in range(1, 1 << SECTORS):
        twice = [closed >> (sector % SECTORS) & 1 for sector in range(2 * SECTORS)]
        widest.append(max(map(len, ''.join('-o'[not bit] for bit in twice).split('-'))))
    return np.array(widest)


@compiled
def _take_measured(
    values: NDArray[np.float32], measured: NDArray[np.bool_], depth_m: NDArray[np.float32]
) -> float:
    """Copy what was measured; return the largest, 0 of nothing."""
    farthest = np.float32(0.0)
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            if measured[i, j]:
                depth_m[i, j] = values[i, j]
                farthest = max(farthest, values[i, j])
    return float(farthest)


@compiled
def _fill_nearest(
    u: NDArray[np.int32],
    v: NDArray[np.int32],
    depth_m: NDArray[np.float32],
    index: NDArray[np.int64],
    visible: NDArray[np.bool_],
    measured: NDArray[np.bool_],
    near: NDArray[np.float32],
) -> None:
    for k in range(len(u)):
        row, column = v[k], u[k]
        if not (0 <= row < near.shape[0] and 0 <= column < near.shape[1]):
            continue
        if measured[row, column]:
            continue
        if 0 <= index[k] < len(visible) and visible[index[k]] and depth_m[k] < near[row, column]:
            near[row, column] = depth_m[k]


@compiled
def _hide(
    u: NDArray[np.int32],
    v: NDArray[np.int32],
    depth_m: NDArray[np.float32],
    index: NDArray[np.int64],
    near: NDArray[np.float32],
    measured: NDArray[np.bool_],
    far_m: float,
    tolerance: NDArray[np.float32],
    steps: NDArray[np.int64],
    widest_open: NDArray[np.int64],
    looked_at: NDArray[np.bool_],
    visible: NDArray[np.bool_],
) -> None:
    for k in range(len(u)):
        row, column, depth = v[k], u[k], depth_m[k]
        inside = 0 <= row < near.shape[0] and 0 <= column < near.shape[1]
        if not (inside and 0 <= index[k] < len(visible) and visible[index[k]]):
            continue
        if not looked_at[row // _TILE_PX, column // _TILE_PX]:
            continue
        if measured[row, column] and is_behind(depth, near[row, column], tolerance):
            hidden = is_confirmed(row, column, depth, near, measured, tolerance, steps)
        else:
            limit = OPEN_UNMEASURED
            if measured[row, column]:
                limit = OPEN_MEASURED
            elif depth > far_m:
                limit = OPEN_FAR
            hidden = is_surrounded(row, column, depth, near, tolerance, steps, widest_open, limit)
        visible[index[k]] = not hidden


@compiled
def _mark_changed(
    u: NDArray[np.int32],
    v: NDArray[np.int32],
    index: NDArray[np.int64],
    before: NDArray[np.bool_],
    visible: NDArray[np.bool_],
    measured: NDArray[np.bool_],
    reach_px: int,
    tiles: NDArray[np.bool_],
) -> None:
    """Set the tiles that hold a pixel with a point that is no longer visible in its circle."""
    for k in range(len(u)):
        row, column, i = v[k], u[k], index[k]
        if not (0 <= row < measured.shape[0] and 0 <= column < measured.shape[1]):
            continue
        if not 0 <= i < len(visible) or before[i] == visible[i] or measured[row, column]:
            continue
        bottom = min((row + reach_px) // _TILE_PX + 1, tiles.shape[0])
        right = min((column + reach_px) // _TILE_PX + 1, tiles.shape[1])
        for y in range(max(row - reach_px, 0) // _TILE_PX, bottom):
            for x in range(max(column - reach_px, 0) // _TILE_PX, right):
                tiles[y, x] = True
