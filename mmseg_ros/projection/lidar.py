"""LiDAR points into the camera image, with a z-buffer that knows the hidden ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import CloudData, Plane
from mmseg_ros.projection.camera import CameraModel, project_point
from mmseg_ros.projection.compiled import compiled
from mmseg_ros.projection.intensity import intensity
from mmseg_ros.projection.scratch import scratch

NEAREST_M = 0.1
FARTHEST_M = 1000.0
DEPTH_TOLERANCE = 0.02
_BLOCK = 1024


@dataclass(frozen=True, eq=False)
class LidarProjection:
    """Where the points of a cloud fall in an image.

    Attributes:
        height: Image rows.
        width: Image columns.
        u: M int32 columns of the points inside the image.
        v: M int32 rows.
        depth_m: M float32, meters along the optical axis.
        index: M int64, which point of the cloud it is.
        visible: N bool over the whole cloud: inside the image and not behind another point.
    """

    height: int
    width: int
    u: NDArray[np.int32]
    v: NDArray[np.int32]
    depth_m: NDArray[np.float32]
    index: NDArray[np.int64]
    visible: NDArray[np.bool_]

    @property
    def shown(self) -> NDArray[np.bool_]:
        """Return M bool: which of the points inside the image are visible."""
        return self.visible[self.index]


def project_cloud(
    xyz: NDArray[np.float32],
    T_camera_lidar: NDArray[np.float64],
    camera: CameraModel,
    depth_tolerance: float = DEPTH_TOLERANCE,
) -> LidarProjection:
    """Return the pixels of a cloud; a point is hidden if a nearer one owns its pixel.

    A cloud is too sparse to show all that it hides in this way: see `occlusion.hide_occluded`.

    Args:
        xyz: N x 3, meters, LiDAR frame; NaN points are skipped.
        T_camera_lidar: 4 x 4, into the optical frame of the camera.
        camera: The image.
        depth_tolerance: A point stays visible within this fraction behind the nearest one.
    """
    columns = np.ascontiguousarray(xyz.T, np.float32)
    n = columns.shape[1]
    z_buffer = scratch('lidar.z_buffer', (camera.height, camera.width), np.float32)
    z_buffer.fill(np.inf)
    u, v = scratch('lidar.u', (n,), np.int32), scratch('lidar.v', (n,), np.int32)
    depth, index = scratch('lidar.depth', (n,), np.float32), scratch('lidar.index', (n,), np.int64)
    T = np.ascontiguousarray(camera.image_rotation @ T_camera_lidar[:3])
    m = _project(columns, T, camera.parameters, z_buffer, u, v, depth, index)
    visible = np.zeros(n, np.bool_)
    _mark_visible(u[:m], v[:m], depth[:m], index[:m], z_buffer, 1.0 + depth_tolerance, visible)
    return LidarProjection(
        camera.height,
        camera.width,
        u[:m].copy(),
        v[:m].copy(),
        depth[:m].copy(),
        index[:m].copy(),
        visible,
    )


def lidar_plane(
    cloud: CloudData,
    T_camera_lidar: NDArray[np.float64],
    T_base_lidar: NDArray[np.float64],
    camera: CameraModel,
    xyz: NDArray[np.float32] | None = None,
) -> Plane:
    """Return H x W x 3 float32: range (m), intensity (0..1), height above the base frame (m).

    Range is the distance from the LiDAR. The nearest point of a pixel wins; pixels without a
    point are zero and invalid. A cloud without intensity has zeros there.

    Args:
        cloud: The points.
        T_camera_lidar: 4 x 4, into the optical frame of the camera.
        T_base_lidar: 4 x 4, into the base frame.
        camera: The image.
        xyz: N x 3, where the points are if not where the cloud says, e.g. deskewed.

    Raises:
        ValueError: `xyz` has another number of points than the cloud.
    """
    if xyz is not None and xyz.shape != (len(cloud.points), 3):
        raise ValueError(f'{len(cloud.points)} points cannot lie at {xyz.shape} coordinates.')
    columns = _columns(cloud) if xyz is None else np.ascontiguousarray(xyz.T, np.float32)
    owner = scratch('lidar.owner', (camera.height, camera.width), np.int32)
    z_buffer = scratch('lidar.z_buffer', (camera.height, camera.width), np.float32)
    T = np.ascontiguousarray(camera.image_rotation @ T_camera_lidar[:3])
    _own(columns, T, camera.parameters, z_buffer, owner)
    values = np.zeros((camera.height, camera.width, 3), np.float32)
    height = np.ascontiguousarray(T_base_lidar[2], np.float64)
    _fill(owner, columns, intensity(cloud), height, values)
    return Plane(values, owner >= 0)


def _columns(cloud: CloudData) -> NDArray[np.float32]:
    """Return 3 x N float32 coordinates, each in one piece of memory."""
    columns: NDArray[np.float32] = scratch('lidar.columns', (3, len(cloud.points)), np.float32)
    for column, name in zip(columns, 'xyz', strict=True):
        column[:] = cloud.points[name]
    return columns


@compiled
def _project(
    points: NDArray[np.float32],
    T: NDArray[np.float64],
    camera: NDArray[np.float64],
    z_buffer: NDArray[np.float32],
    u: NDArray[np.int32],
    v: NDArray[np.int32],
    depth: NDArray[np.float32],
    index: NDArray[np.int64],
) -> int:
    """Fill the pixels of the points inside the image and the nearest of each; return how many."""
    m = 0
    xc, yc, zc = np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK)
    kept = np.empty(_BLOCK, np.bool_)
    for start in range(0, points.shape[1], _BLOCK):
        block = points[:, start : start + _BLOCK]
        _into_camera(block, T, camera[7] * (1.0 + 1e-9), xc, yc, zc, kept)
        for i in range(block.shape[1]):
            if not kept[i]:
                continue
            pu, pv, inside = project_point(camera, xc[i], yc[i], zc[i])
            # Half a pixel more may round up to the next column at the very edge.
            column, row, near = _nearest(pu, inside), _nearest(pv, inside), np.float32(zc[i])
            if not (0 <= row < z_buffer.shape[0] and 0 <= column < z_buffer.shape[1]):
                continue
            u[m], v[m], depth[m], index[m] = column, row, near, start + i
            if near < z_buffer[row, column]:
                z_buffer[row, column] = near
            m += 1
    return m


@compiled
def _own(
    points: NDArray[np.float32],
    T: NDArray[np.float64],
    camera: NDArray[np.float64],
    z_buffer: NDArray[np.float32],
    owner: NDArray[np.int32],
) -> None:
    """Fill which point each pixel belongs to, -1 for none: the nearest, the last of equal ones."""
    z_buffer[:] = np.inf
    owner[:] = -1
    xc, yc, zc = np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK)
    kept = np.empty(_BLOCK, np.bool_)
    for start in range(0, points.shape[1], _BLOCK):
        block = points[:, start : start + _BLOCK]
        _into_camera(block, T, camera[7] * (1.0 + 1e-9), xc, yc, zc, kept)
        for i in range(block.shape[1]):
            if not kept[i]:
                continue
            u, v, inside = project_point(camera, xc[i], yc[i], zc[i])
            column, row, near = _nearest(u, inside), _nearest(v, inside), np.float32(zc[i])
            if not (0 <= row < z_buffer.shape[0] and 0 <= column < z_buffer.shape[1]):
                continue
            if near <= z_buffer[row, column]:
                z_buffer[row, column] = near
                owner[row, column] = start + i


@compiled
def _nearest(position: float, inside: bool) -> int:
    """Return the nearest row or column; -1 of a point outside the image."""
    return int(position + 0.5) if inside else -1


@compiled
def _into_camera(
    block: NDArray[np.float32],
    T: NDArray[np.float64],
    widest: float,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    z: NDArray[np.float64],
    kept: NDArray[np.bool_],
) -> None:
    """Fill the coordinates of a block of points in the camera, and which it can see at all."""
    n = block.shape[1]
    _transform(block, T[0], x[:n])
    _transform(block, T[1], y[:n])
    _transform(block, T[2], z[:n])
    _keep(x[:n], y[:n], z[:n], widest, kept)


@compiled
def _transform(
    points: NDArray[np.float32], row: NDArray[np.float64], result: NDArray[np.float64]
) -> None:
    x, y, z = points[0], points[1], points[2]
    a, b, c, d = row[0], row[1], row[2], row[3]
    for i in range(len(result)):
        result[i] = a * float(x[i]) + b * float(y[i]) + c * float(z[i]) + d


@compiled
def _keep(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    z: NDArray[np.float64],
    widest: float,
    kept: NDArray[np.bool_],
) -> None:
    """Most points of a turning LiDAR end here, before anything is divided."""
    for i in range(len(x)):
        ahead = (z[i] > NEAREST_M) & (z[i] < FARTHEST_M)
        kept[i] = ahead & (x[i] * x[i] + y[i] * y[i] <= widest * z[i] * z[i])


@compiled
def _fill(
    owner: NDArray[np.int32],
    points: NDArray[np.float32],
    intensities: NDArray[np.float32],
    height: NDArray[np.float64],
    values: NDArray[np.float32],
) -> None:
    a, b, c = np.float32(height[0]), np.float32(height[1]), np.float32(height[2])
    for row in range(owner.shape[0]):
        for column in range(owner.shape[1]):
            i = owner[row, column]
            if 0 <= i < len(intensities):
                x, y, z = points[0, i], points[1, i], points[2, i]
                values[row, column, 0] = math.sqrt(x * x + y * y + z * z)
                values[row, column, 1] = intensities[i]
                values[row, column, 2] = float(a * x + b * y + c * z) + height[3]


@compiled
def _mark_visible(
    u: NDArray[np.int32],
    v: NDArray[np.int32],
    depth: NDArray[np.float32],
    index: NDArray[np.int64],
    z_buffer: NDArray[np.float32],
    factor: float,
    visible: NDArray[np.bool_],
) -> None:
    for k in range(len(u)):
        if 0 <= index[k] < len(visible):
            visible[index[k]] = depth[k] <= z_buffer[v[k], u[k]] * factor
