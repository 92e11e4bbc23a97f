"""The points of a cloud that a camera may see, before the size of its image counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.compiled import compiled
from mmseg_ros.projection.distortion import PINHOLE, distort_point
from mmseg_ros.projection.scratch import scratch

NEAREST_M = 0.1
FARTHEST_M = 1000.0
_BLOCK = 1024


@dataclass(frozen=True, eq=False, slots=True)
class CloudAhead:
    """Points in front of a camera, within what its lens sees.

    Attributes:
        x: M float64, x / z behind the lens.
        y: M float64, y / z behind the lens.
        depth_m: M float32, meters along the optical axis.
        index: M int64, which point of the cloud it is.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    depth_m: NDArray[np.float32]
    index: NDArray[np.int64]


def cloud_ahead(
    columns: NDArray[np.float32], T_camera_lidar: NDArray[np.float64], camera: CameraModel
) -> CloudAhead:
    """Return the points that may fall into the image of a camera, whatever its size.

    Sizes of one image see as far from the axis, but for rounding; what lies between falls into
    none of them.

    Args:
        columns: 3 x N meters, LiDAR frame, in one piece of memory; NaN points are skipped.
        T_camera_lidar: 4 x 4, into the optical frame of the camera.
        camera: The camera at any size.
    """
    n = columns.shape[1]
    x, y = scratch('ahead.x', (n,), np.float64), scratch('ahead.y', (n,), np.float64)
    depth, index = scratch('ahead.depth', (n,), np.float32), scratch('ahead.index', (n,), np.int64)
    T = np.ascontiguousarray(camera.image_rotation @ T_camera_lidar[:3])
    m = _find(columns, T, camera.parameters, x, y, depth, index)
    return CloudAhead(x[:m].copy(), y[:m].copy(), depth[:m].copy(), index[:m].copy())


@compiled
def _find(
    points: NDArray[np.float32],
    T: NDArray[np.float64],
    camera: NDArray[np.float64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    depth: NDArray[np.float32],
    index: NDArray[np.int64],
) -> int:
    m, model = 0, int(camera[0])
    widest = camera[7] * (1.0 + 1e-9)  # nothing is lost by rounding before it is divided
    xc, yc, zc = np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK)
    kept = np.empty(_BLOCK, np.bool_)
    for start in range(0, points.shape[1], _BLOCK):
        block = points[:, start : start + _BLOCK]
        _into_camera(block, T, widest, xc, yc, zc, kept)
        for i in range(block.shape[1]):
            if not kept[i]:
                continue
            a, b = xc[i] / zc[i], yc[i] / zc[i]
            if not a * a + b * b <= camera[7]:
                continue
            if model != PINHOLE:
                a, b = distort_point(model, camera[8:], a, b)
            x[m], y[m], depth[m], index[m] = a, b, zc[i], start + i
            m += 1
    return m


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
