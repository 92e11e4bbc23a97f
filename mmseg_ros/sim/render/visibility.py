"""The truth about visibility: what a camera sees of given points, by casting rays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.projection import CameraModel
from mmseg_ros.sim.render.camera import SKY_CLASS
from mmseg_ros.sim.render.raycast import Snapshot

TOLERANCE_M = 0.15
TOLERANCE_SHARE = 0.01
_HALF_PIXEL = tuple((du, dv) for dv in (-0.5, 0.0, 0.5) for du in (-0.5, 0.0, 0.5))
_CENTRE = 4


@dataclass(frozen=True, slots=True)
class Sight:
    """What stands before the points that fall into the image, and around them.

    A ray is blocked if the surface that it meets, continued as a plane to the ray of the point,
    lies nearer than the point by more than 15 cm + 1 % of its depth: ten times the noise of the
    range, so neither noise nor the slope of the point's own surface blocks.

    Attributes:
        index: M int64, which point it is.
        blocked: M bool, the ray through the point itself.
        hidden: M bool, all nine rays over the square of a pixel around the point are blocked.
        clear: M bool, none of the nine rays is blocked, and all meet one class.
        classes: M x 9 uint8, what the rays meet.
    """

    index: NDArray[np.int64]
    blocked: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    clear: NDArray[np.bool_]
    classes: NDArray[np.uint8]


def cast_sight(
    snapshot: Snapshot,
    surface_classes: NDArray[np.uint8],
    T_world_camera: NDArray[np.float64],
    camera: CameraModel,
    points_optical: NDArray[np.float64],
) -> Sight:
    """Cast nine rays around each point.

    Args:
        snapshot: The world at the time of the image.
        surface_classes: Class of each row of the surface table.
        T_world_camera: 4 x 4, optical frame.
        camera: The camera.
        points_optical: N x 3 meters, in its optical frame.
    """
    uv, inside = camera.project(points_optical)
    index = np.flatnonzero(inside)
    points = points_optical[index]
    rotation = T_world_camera[:3, :3]
    origin = T_world_camera[:3, 3].astype(np.float32)
    to_point = points / points[:, 2:]
    limit = points[:, 2] * (1 - TOLERANCE_SHARE) - TOLERANCE_M
    blocked = np.empty((len(index), len(_HALF_PIXEL)), np.bool_)
    classes = np.empty(blocked.shape, np.uint8)
    known = np.append(surface_classes, np.uint8(SKY_CLASS))
    for k, offset in enumerate(_HALF_PIXEL):
        rays = camera.unproject(uv[index] + offset)
        rays = np.where(np.isfinite(rays), rays, to_point)
        directions = np.ascontiguousarray(rays @ rotation.T, np.float32)
        hits = snapshot.cast(np.broadcast_to(origin, directions.shape).copy(), directions)
        depth_m = _continued(hits.distance, hits.normal @ rotation, rays, to_point)
        blocked[:, k] = depth_m < limit
        classes[:, k] = known[hits.surface]
    clear = (classes == classes[:, :1]).all(axis=1) & ~blocked.any(axis=1)
    hidden = np.asarray(blocked.all(axis=1))
    return Sight(index, blocked[:, _CENTRE], hidden, np.asarray(clear), classes)


def _continued(
    depth_m: NDArray[np.float32],
    normal: NDArray[np.float64],
    rays: NDArray[np.float64],
    to_point: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the depth at which the tangent planes of the hits meet the rays of the points."""
    met = np.isfinite(depth_m)
    depth = np.where(met, depth_m, 1.0).astype(np.float64)
    towards = np.einsum('ij,ij->i', normal, to_point)
    grazing = np.abs(towards) < 1e-6
    height = np.einsum('ij,ij->i', normal, rays) * depth
    plane = np.divide(height, towards, out=depth.copy(), where=~grazing)
    return np.where(met, np.where(plane > 0, plane, depth), np.inf)
