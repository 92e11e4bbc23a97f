"""LiDAR points into the camera image, with a z-buffer that knows the hidden ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import CloudData, Plane
from mmseg_ros.projection.camera import CameraModel, project_point
from mmseg_ros.projection.compiled import compiled
from mmseg_ros.projection.scratch import scratch

NEAREST_M = 0.1
FARTHEST_M = 1000.0
DEPTH_TOLERANCE = 0.02
INTENSITY_FIELDS = ('intensity', 'reflectivity', 'i')


@dataclass(frozen=True, eq=False)
class LidarProjection:
    """Where the points of a cloud fall in an image.

    Attributes:
        height: Image rows.
        width: Image columns.
        u: M int32 columns of the points inside the image.
        v: M int32 rows.
        depth_m: M float32, metres along the optical axis.
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
        xyz: N x 3, metres, LiDAR frame; NaN points are skipped.
        T_camera_lidar: 4 x 4, into the optical frame of the camera.
        camera: The image.
        depth_tolerance: A point stays visible within this fraction behind the nearest one.
    """
    points = np.ascontiguousarray(xyz, np.float32)
    n = len(points)
    z_buffer = scratch('lidar.z_buffer', (camera.height, camera.width), np.float32)
    z_buffer.fill(np.inf)
    u, v = scratch('lidar.u', (n,), np.int32), scratch('lidar.v', (n,), np.int32)
    depth, index = scratch('lidar.depth', (n,), np.float32), scratch('lidar.index', (n,), np.int64)
    T = np.ascontiguousarray(camera.image_rotation @ T_camera_lidar[:3])
    m = _project(points, T, camera.parameters, z_buffer, u, v, depth, index)
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
    """
    xyz = cloud.xyz() if xyz is None else xyz
    projection = project_cloud(xyz, T_camera_lidar, camera, depth_tolerance=0.0)
    nearest = projection.shown
    index, u, v = projection.index[nearest], projection.u[nearest], projection.v[nearest]
    points = xyz[index]
    values = np.zeros((camera.height, camera.width, 3), np.float32)
    valid = np.zeros((camera.height, camera.width), np.bool_)
    values[v, u, 0] = np.sqrt(np.einsum('ij,ij->i', points, points))
    values[v, u, 1] = intensity(cloud)[index]
    values[v, u, 2] = points @ T_base_lidar[2, :3].astype(np.float32) + T_base_lidar[2, 3]
    valid[v, u] = True
    return Plane(values, valid)


def intensity(cloud: CloudData) -> NDArray[np.float32]:
    """Return N float32 intensities in 0..1; zeros for a cloud without an intensity field.

    Integer fields are divided by their largest value. Float fields count as 0..1 if nothing in
    them is above 1, else as 0..255 (the two conventions in use).
    """
    names = cloud.points.dtype.names or ()
    name = next((field for field in INTENSITY_FIELDS if field in names), None)
    if name is None:
        return np.zeros(len(cloud.points), np.float32)
    raw = cloud.points[name]
    values = raw.astype(np.float32)
    if np.issubdtype(raw.dtype, np.integer):
        return values / np.float32(np.iinfo(raw.dtype).max)
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    if values.size and values.max() > 1.0:
        values /= np.float32(255.0)
    return np.clip(values, 0.0, 1.0, out=values)


@compiled
def _project(
    xyz: NDArray[np.float32],
    T: NDArray[np.float64],
    camera: NDArray[np.float64],
    z_buffer: NDArray[np.float32],
    u: NDArray[np.int32],
    v: NDArray[np.int32],
    depth: NDArray[np.float32],
    index: NDArray[np.int64],
) -> int:
    m = 0
    widest = camera[7] * (1.0 + 1e-9)
    for i in range(len(xyz)):
        x, y, z = float(xyz[i, 0]), float(xyz[i, 1]), float(xyz[i, 2])
        zc = T[2, 0] * x + T[2, 1] * y + T[2, 2] * z + T[2, 3]
        if not (NEAREST_M < zc < FARTHEST_M):
            continue
        xc = T[0, 0] * x + T[0, 1] * y + T[0, 2] * z + T[0, 3]
        yc = T[1, 0] * x + T[1, 1] * y + T[1, 2] * z + T[1, 3]
        # Most points of a turning LiDAR end here, before anything is divided.
        if xc * xc + yc * yc > widest * zc * zc:
            continue
        pu, pv, inside = project_point(camera, xc, yc, zc)
        if not inside:
            continue
        column, row, near = int(pu + 0.5), int(pv + 0.5), np.float32(zc)
        u[m], v[m], depth[m], index[m] = column, row, near, i
        if near < z_buffer[row, column]:
            z_buffer[row, column] = near
        m += 1
    return m


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
        visible[index[k]] = depth[k] <= z_buffer[v[k], u[k]] * factor
