"""LiDAR points into the camera image, with a z-buffer that knows the hidden ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import CloudData, Plane
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.cloud_ahead import CloudAhead, cloud_ahead
from mmseg_ros.projection.compiled import compiled
from mmseg_ros.projection.intensity import intensity
from mmseg_ros.projection.scratch import scratch

DEPTH_TOLERANCE = 0.02


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
    ahead: CloudAhead | None = None,
) -> LidarProjection:
    """Return the pixels of a cloud; a point is hidden if a nearer one owns its pixel.

    A cloud is too sparse to show all that it hides in this way: see `occlusion.hide_occluded`.

    Args:
        xyz: N x 3, meters, LiDAR frame; NaN points are skipped.
        T_camera_lidar: 4 x 4, into the optical frame of the camera.
        camera: The image.
        depth_tolerance: A point stays visible within this fraction behind the nearest one.
        ahead: What `cloud_ahead` found for this cloud and camera, at any size of the image.
    """
    if ahead is None:
        columns = np.ascontiguousarray(xyz.T, np.float32)
        ahead = cloud_ahead(columns, T_camera_lidar, camera)
    n, m = len(xyz), len(ahead.index)
    z_buffer = scratch('lidar.z_buffer', (camera.height, camera.width), np.float32)
    z_buffer.fill(np.inf)
    u, v = scratch('lidar.u', (m,), np.int32), scratch('lidar.v', (m,), np.int32)
    depth, index = scratch('lidar.depth', (m,), np.float32), scratch('lidar.index', (m,), np.int64)
    inside = _project(
        ahead.x, ahead.y, ahead.depth_m, ahead.index, camera.parameters, z_buffer,
        u, v, depth, index,
    )  # fmt: skip
    u, v, depth, index = (part[:inside].copy() for part in (u, v, depth, index))
    visible = np.zeros(n, np.bool_)
    _mark_visible(u, v, depth, index, z_buffer, 1.0 + depth_tolerance, visible)
    return LidarProjection(camera.height, camera.width, u, v, depth, index, visible)


def lidar_plane(
    cloud: CloudData,
    T_camera_lidar: NDArray[np.float64],
    T_base_lidar: NDArray[np.float64],
    camera: CameraModel,
    xyz: NDArray[np.float32] | None = None,
    ahead: CloudAhead | None = None,
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
        ahead: What `cloud_ahead` found for these points and camera, at any size of the image.

    Raises:
        ValueError: `xyz` has another number of points than the cloud.
    """
    if xyz is not None and xyz.shape != (len(cloud.points), 3):
        raise ValueError(f'{len(cloud.points)} points cannot lie at {xyz.shape} coordinates.')
    columns = _columns(cloud) if xyz is None else np.ascontiguousarray(xyz.T, np.float32)
    owner = scratch('lidar.owner', (camera.height, camera.width), np.int32)
    z_buffer = scratch('lidar.z_buffer', (camera.height, camera.width), np.float32)
    if ahead is None:
        ahead = cloud_ahead(columns, T_camera_lidar, camera)
    _own(ahead.x, ahead.y, ahead.depth_m, ahead.index, camera.parameters, z_buffer, owner)
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
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    near: NDArray[np.float32],
    points: NDArray[np.int64],
    camera: NDArray[np.float64],
    z_buffer: NDArray[np.float32],
    u: NDArray[np.int32],
    v: NDArray[np.int32],
    depth: NDArray[np.float32],
    index: NDArray[np.int64],
) -> int:
    """Fill the pixels of the points inside the image and the nearest of each; return how many."""
    m = 0
    for i in range(len(points)):
        column, row = _pixel(x[i], y[i], camera)
        # Half a pixel more may round up to the next column at the very edge.
        if not (0 <= row < z_buffer.shape[0] and 0 <= column < z_buffer.shape[1]):
            continue
        u[m], v[m], depth[m], index[m] = column, row, near[i], points[i]
        if near[i] < z_buffer[row, column]:
            z_buffer[row, column] = near[i]
        m += 1
    return m


@compiled
def _own(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    near: NDArray[np.float32],
    points: NDArray[np.int64],
    camera: NDArray[np.float64],
    z_buffer: NDArray[np.float32],
    owner: NDArray[np.int32],
) -> None:
    """Fill which point each pixel belongs to, -1 for none: the nearest, the last of equal ones."""
    z_buffer[:] = np.inf
    owner[:] = -1
    for i in range(len(points)):
        column, row = _pixel(x[i], y[i], camera)
        if not (0 <= row < z_buffer.shape[0] and 0 <= column < z_buffer.shape[1]):
            continue
        if near[i] <= z_buffer[row, column]:
            z_buffer[row, column] = near[i]
            owner[row, column] = points[i]


@compiled
def _pixel(x: float, y: float, camera: NDArray[np.float64]) -> tuple[int, int]:
    """Return column and row of a point; -1, -1 outside the image."""
    u, v = camera[3] * x + camera[5], camera[4] * y + camera[6]
    if -0.5 <= u < camera[1] - 0.5 and -0.5 <= v < camera[2] - 0.5:
        return int(u + 0.5), int(v + 0.5)
    return -1, -1


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
