"""Where things end: in an image, in a scan and in a depth image."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.lidar import LidarProjection, project_cloud
from mmseg_ros.projection.scan_order import line_neighbors

DARKEST = 16
"""Mean gray value around a pixel below which an image shows no edge, to an eye neither."""
JUMP_M, JUMP_SHARE = 1.0, 0.1
"""How much farther the background of an outline is: meters, and share of the nearer range."""
_COLUMN_PX, _RING_PX = 3, 12
_RING_JUMP_M, _RING_JUMP_SHARE, _RING_MOST_M = 2.0, 0.3, 25.0


@dataclass(frozen=True, eq=False)
class Outlines:
    """Outlines of things in the frame of the sensor that measured them.

    The outline is somewhere between `near`, the last point on the thing, and `beside`, the
    direction of the first point behind it at the range of the thing.

    Attributes:
        near: N x 3 meters. beside: N x 3 meters.
        is_upright: N bool: whether the outline crosses a row of pixels; else it crosses a column.
    """

    near: NDArray[np.float64]
    beside: NDArray[np.float64]
    is_upright: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.near)

    def chosen(self, index: NDArray[np.intp]) -> Outlines:
        """Return some of them."""
        return Outlines(self.near[index], self.beside[index], self.is_upright[index])


def image_edges(
    rgb: NDArray[np.uint8], low: float = 30, high: float = 80
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return H x W uint8 edges (255, else 0), and H x W bool: where brightness changes along rows.

    Args:
        rgb: H x W x 3 uint8.
        low: Change of brightness from which on an edge goes on.
        high: Change of brightness from which on it begins.
    """
    # Local contrast first: bushes at dusk have edges too.
    grey = cv2.createCLAHE(3.0, (8, 8)).apply(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))
    blurred = cv2.GaussianBlur(grey, (5, 5), 1.2)
    along_row = cv2.Sobel(blurred, cv2.CV_16S, 1, 0)
    along_column = cv2.Sobel(blurred, cv2.CV_16S, 0, 1)
    edges = np.asarray(cv2.Canny(along_row, along_column, low, high), np.uint8)
    return edges, np.asarray(np.abs(along_row) > np.abs(along_column))


def lit(rgb: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return H x W bool: where there is light enough to see an edge."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.GaussianBlur(grey, (15, 15), 4)) >= DARKEST


def scan_jumps(
    projection: LidarProjection, xyz: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return indices of projected points (near, far) between which a scan line jumps.

    Args:
        projection: Where the points are.
        xyz: N x 3 meters, LiDAR frame: all points of the cloud.
    """
    depth = projection.depth_m
    first, second = line_neighbors(projection, xyz)
    step = depth[second] - depth[first]
    nearer = np.minimum(depth[second], depth[first])
    jump = np.abs(step) > np.maximum(JUMP_M, JUMP_SHARE * nearer)
    first, second, step = first[jump], second[jump], step[jump]
    return np.where(step < 0, second, first), np.where(step < 0, first, second)


def _column_jumps(projection: LidarProjection) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return indices of points (near, far) one above the other between which the scan jumps."""
    u, v, depth = projection.u, projection.v, projection.depth_m
    order = np.lexsort((v, u // _COLUMN_PX))
    upper, lower = order[:-1], order[1:]
    nearer = np.minimum(depth[upper], depth[lower])
    step = np.abs(depth[lower] - depth[upper])
    # Rings on the ground lie far apart too, the farther the more.
    jump = (step > np.maximum(_RING_JUMP_M, _RING_JUMP_SHARE * nearer)) & (nearer < _RING_MOST_M)
    beside = (u[upper] // _COLUMN_PX == u[lower] // _COLUMN_PX) & (v[lower] - v[upper] < _RING_PX)
    upper, lower = upper[jump & beside], lower[jump & beside]
    is_lower = depth[lower] < depth[upper]
    return np.where(is_lower, lower, upper), np.where(is_lower, upper, lower)


def scan_outlines(
    xyz: NDArray[np.float32], T_camera_lidar: NDArray[np.float64], camera: CameraModel
) -> Outlines:
    """Return the outlines that a scan shows in the image, in the LiDAR frame.

    Args:
        xyz: N x 3 meters, LiDAR frame, in any order.
        T_camera_lidar: 4 x 4.
        camera: The camera.
    """
    projection = project_cloud(xyz, T_camera_lidar, camera)
    along, above = scan_jumps(projection, xyz), _column_jumps(projection)
    near, far = (np.concatenate(pair) for pair in zip(along, above, strict=True))
    is_upright = np.arange(len(near)) < len(along[0])
    seen = projection.shown[near]
    index = projection.index
    points = np.ascontiguousarray(xyz[index[near[seen]]], np.float64)
    behind = np.ascontiguousarray(xyz[index[far[seen]]], np.float64)
    scale = np.linalg.norm(points, axis=1) / np.linalg.norm(behind, axis=1)
    return Outlines(points, behind * scale[:, None], is_upright[seen])


def depth_outlines(depth_m: NDArray[np.float32], camera: CameraModel) -> Outlines:
    """Return the outlines that a depth image shows, in the optical frame of its camera.

    Args:
        depth_m: H x W meters along the optical axis, NaN where nothing was measured.
        camera: The depth camera at that size.
    """
    rays = camera.rays.astype(np.float64)
    near, beside, is_upright = [], [], []
    for axis in (1, 0):
        step = np.diff(depth_m, axis=axis)
        one = np.take(depth_m, range(depth_m.shape[axis] - 1), axis)
        other = np.take(depth_m, range(1, depth_m.shape[axis]), axis)
        limit = np.maximum(JUMP_M, JUMP_SHARE * np.minimum(one, other))
        row, column = np.nonzero(np.abs(step) > limit)  # NaN is no jump
        after = (row, column + 1) if axis == 1 else (row + 1, column)
        is_behind = step[row, column] < 0
        z = np.where(is_behind, depth_m[after], depth_m[row, column]).astype(np.float64)[:, None]
        before_ray, after_ray = rays[row, column], rays[after]
        near.append(z * np.where(is_behind[:, None], after_ray, before_ray))
        beside.append(z * np.where(is_behind[:, None], before_ray, after_ray))
        is_upright.append(np.full(len(row), axis == 1))
    return Outlines(np.concatenate(near), np.concatenate(beside), np.concatenate(is_upright))
