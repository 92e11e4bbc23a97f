"""A depth image into the image of another camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.types import DepthData, Plane
from mmseg_ros.projection.camera import CameraModel, project_point
from mmseg_ros.projection.compiled import compiled
from mmseg_ros.projection.footprint import Rotation, half_sizes

# Grown pixels overlap a little: with distortion their sizes are not exact.
SEAM = 1.1


def depth_plane(
    depth: DepthData,
    depth_camera: CameraModel,
    T_camera_depth: NDArray[np.float64],
    camera: CameraModel,
) -> Plane:
    """Return H x W x 1 float32 metres along the optical axis of `camera`; 0 where invalid.

    Every measured pixel is moved by its own depth; where two meet, the nearest wins. A pixel
    that grows in the target image fills the area it covers there, so no holes appear.

    Args:
        depth: The depth image.
        depth_camera: Its camera at the size of the image.
        T_camera_depth: 4 x 4, from the optical frame of `depth_camera` into that of `camera`.
        camera: The target image.

    Source: REP-118.
    """
    rows, columns = depth.depth_m.shape
    source = depth_camera.resized(rows, columns)
    z_buffer = np.full((camera.height, camera.width, 1), np.inf, np.float32)
    rotation = camera.image_rotation
    _register(
        np.ascontiguousarray(depth.depth_m, np.float32),
        source.rays,
        np.ascontiguousarray(rotation @ T_camera_depth[:3]),
        camera.parameters,
        half_sizes(source, camera, Rotation.of(T_camera_depth)),
        z_buffer[..., 0],
    )
    valid = np.isfinite(z_buffer[..., 0])
    z_buffer[~valid] = 0.0
    return Plane(z_buffer, valid)


@compiled
def _register(
    depth: NDArray[np.float32],
    rays: NDArray[np.float32],
    T: NDArray[np.float64],
    camera: NDArray[np.float64],
    half: NDArray[np.float32],
    z_buffer: NDArray[np.float32],
) -> None:
    rows, columns = z_buffer.shape
    for i in range(depth.shape[0]):
        for j in range(depth.shape[1]):
            z = float(depth[i, j])
            if not (0.0 < z < np.inf):
                continue
            x, y = z * rays[i, j, 0], z * rays[i, j, 1]
            zc = T[2, 0] * x + T[2, 1] * y + T[2, 2] * z + T[2, 3]
            xc = T[0, 0] * x + T[0, 1] * y + T[0, 2] * z + T[0, 3]
            yc = T[1, 0] * x + T[1, 1] * y + T[1, 2] * z + T[1, 3]
            u, v, inside = project_point(camera, xc, yc, zc)
            if not inside:
                continue
            half_u = max(0.5, SEAM * half[i, j, 0] * z / zc - 0.5 * (SEAM - 1.0))
            half_v = max(0.5, SEAM * half[i, j, 1] * z / zc - 0.5 * (SEAM - 1.0))
            first = max(0, int(np.ceil(u - half_u)))
            last = min(columns, int(np.ceil(u + half_u)))
            for row in range(
                max(0, int(np.ceil(v - half_v))), min(rows, int(np.ceil(v + half_v)))
            ):
                for column in range(first, last):
                    if zc < z_buffer[row, column]:
                        z_buffer[row, column] = zc
