"""Which points of a cloud the camera cannot see, since something nearer stands before them."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import Plane
from mmseg_ros.projection.circle import SECTORS, is_behind, is_confirmed, is_surrounded
from mmseg_ros.projection.compiled import compiled
from mmseg_ros.projection.lidar import LidarProjection
from mmseg_ros.projection.surroundings import Surroundings, surroundings_of

OPEN_UNMEASURED, OPEN_MEASURED, OPEN_FAR = 4, 3, 2
"""Widest run of open sectors of a hidden point: without depth at its pixel, with depth there that
does not hide it, and beyond the range of the depth camera, where no depth is what one expects."""
PASSES = 2
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
    facts = surroundings_of(projection, surface)
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


def _hide_once(
    projection: LidarProjection,
    facts: Surroundings,
    looked_at: NDArray[np.bool_],
    visible: NDArray[np.bool_],
) -> None:
    """Clear `visible` where points that are visible so far, or the surface, hide a point."""
    u, v, depth_m = projection.u, projection.v, projection.depth_m
    # Where the depth image measured, it counts and no point.
    _fill_nearest(
        u, v, depth_m, projection.index, visible, facts.measured, facts.near, facts.reach_px
    )
    _hide(
        u, v, depth_m, projection.index, facts.near, facts.measured, facts.far_m, facts.tolerance,
        facts.steps, facts.circle, facts.reach_px, _widest_open(), looked_at, visible,
    )  # fmt: skip


@lru_cache(maxsize=1)
def _widest_open() -> NDArray[np.int64]:
    """Return for each bit set of closed sectors how many open ones follow each other at most."""
    widest = [SECTORS]
    for closed in range(1, 1 << SECTORS):
        twice = [closed >> (sector % SECTORS) & 1 for sector in range(2 * SECTORS)]
        widest.append(max(map(len, ''.join('-o'[not bit] for bit in twice).split('-'))))
    return np.array(widest)


@compiled
def _fill_nearest(
    u: NDArray[np.int32],
    v: NDArray[np.int32],
    depth_m: NDArray[np.float32],
    index: NDArray[np.int64],
    visible: NDArray[np.bool_],
    measured: NDArray[np.bool_],
    near: NDArray[np.float32],
    border: int,
) -> None:
    """Put the visible points where nothing was measured, in place of those of an earlier pass."""
    for k in range(len(u)):
        row, column = v[k], u[k]
        inside = 0 <= row < measured.shape[0] and 0 <= column < measured.shape[1]
        if inside and not measured[row, column]:
            near[row + border, column + border] = np.inf
    for k in range(len(u)):
        row, column = v[k], u[k]
        if not (0 <= row < measured.shape[0] and 0 <= column < measured.shape[1]):
            continue
        if measured[row, column] or not (0 <= index[k] < len(visible) and visible[index[k]]):
            continue
        if depth_m[k] < near[row + border, column + border]:
            near[row + border, column + border] = depth_m[k]


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
    circle: NDArray[np.int64],
    border: int,
    widest_open: NDArray[np.int64],
    looked_at: NDArray[np.bool_],
    visible: NDArray[np.bool_],
) -> None:
    inner = near[border : near.shape[0] - border, border : near.shape[1] - border]
    flat, width = near.reshape(-1), near.shape[1]
    for k in range(len(u)):
        row, column, depth = v[k], u[k], depth_m[k]
        inside = 0 <= row < measured.shape[0] and 0 <= column < measured.shape[1]
        if not (inside and 0 <= index[k] < len(visible) and visible[index[k]]):
            continue
        if not looked_at[row // _TILE_PX, column // _TILE_PX]:
            continue
        if measured[row, column] and is_behind(depth, inner[row, column], tolerance):
            hidden = is_confirmed(row, column, depth, inner, measured, tolerance, steps)
        else:
            limit = OPEN_UNMEASURED
            if measured[row, column]:
                limit = OPEN_MEASURED
            elif depth > far_m:
                limit = OPEN_FAR
            pixel = (row + border) * width + column + border
            hidden = is_surrounded(pixel, depth, flat, tolerance, circle, widest_open, limit)
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
