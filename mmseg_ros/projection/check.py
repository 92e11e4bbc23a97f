"""Is the calibration right? Points over the image, and how well their edges agree."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.lidar import LidarProjection, project_cloud
from mmseg_ros.projection.occlusion import hide_occluded
from mmseg_ros.projection.outlines import image_edges, lit, scan_jumps
from mmseg_ros.projection.transforms import pose

NEAR_EDGE_PX = 2.0
DISTURBANCES_DEG = (-2.0, -1.0, 1.0, 2.0)
_NEAREST_SHOWN_M, _FARTHEST_SHOWN_M = 2.0, 80.0
_HIDDEN_COLOR = (255, 0, 255)


@dataclass(frozen=True)
class CheckReport:
    """What the image shows, in numbers.

    Attributes:
        points: Points in the cloud.
        in_image: Points inside the image.
        hidden: Points inside the image behind others.
        coverage: Share of 16 x 16 px cells of the image that hold a point.
        edges: Depth edges found in the cloud where the image is not black.
        near_edge: Share of them within 2 px of an image edge; NaN without edges.
        distance_px: Their mean distance from the next image edge.
        disturbed_px: The same after turning the camera by 1 and 2 degrees to both sides: a right
            calibration has the smaller `distance_px`.
    """

    points: int
    in_image: int
    hidden: int
    coverage: float
    edges: int
    near_edge: float
    distance_px: float
    disturbed_px: dict[float, float]

    def text(self) -> str:
        """Return the report in two lines."""
        points = (
            f'{self.in_image} of {self.points} points in the image, {self.hidden} hidden, '
            f'{100 * self.coverage:.0f} % of the cells covered\n'
        )
        if not self.edges:
            return points + 'no depth edges'
        turned = ', '.join(f'{a:+g} deg: {d:.2f}' for a, d in self.disturbed_px.items())
        return points + (
            f'{self.edges} depth edges, {100 * self.near_edge:.1f} % within {NEAR_EDGE_PX:g} px '
            f'of an image edge, mean distance {self.distance_px:.2f} px (turned by {turned} px)'
        )


def check_projection(
    rgb: NDArray[np.uint8],
    xyz: NDArray[np.float32],
    T_camera_lidar: NDArray[np.float64],
    camera: CameraModel,
) -> tuple[NDArray[np.uint8], CheckReport]:
    """Return the image (points colored by depth, hidden ones magenta) and its numbers.

    Args:
        rgb: H x W x 3 uint8.
        xyz: N x 3 meters, LiDAR frame, in any order.
        T_camera_lidar: 4 x 4.
        camera: The camera, at the size of the image.
    """
    projection = project_cloud(xyz, T_camera_lidar, camera)
    away_px, is_lit = _edge_distance(rgb), lit(rgb)
    distances = _depth_edge_distances(projection, xyz, away_px, is_lit)
    disturbed = {}
    for angle_deg in DISTURBANCES_DEG:
        half = np.radians(angle_deg) / 2
        turned = pose([0, 0, 0], [0, np.sin(half), 0, np.cos(half)]) @ T_camera_lidar
        others = _depth_edge_distances(project_cloud(xyz, turned, camera), xyz, away_px, is_lit)
        disturbed[angle_deg] = _mean(others)
    cells = np.unique(projection.v // 16 * 100_000 + projection.u // 16)
    total = -(-camera.height // 16) * -(-camera.width // 16)
    seen = hide_occluded(projection)
    report = CheckReport(
        points=len(xyz),
        in_image=len(projection.u),
        hidden=int(np.count_nonzero(~seen.shown)),
        coverage=len(cells) / total,
        edges=len(distances),
        near_edge=_mean(distances <= NEAR_EDGE_PX),
        distance_px=_mean(distances),
        disturbed_px=disturbed,
    )
    return draw_points(rgb, seen), report


def draw_points(rgb: NDArray[np.uint8], projection: LidarProjection) -> NDArray[np.uint8]:
    """Return the image with its points: red near, blue far, hidden ones magenta.

    Args:
        rgb: H x W x 3 uint8 of the size of the projection.
        projection: Where the points are.
    """
    picture = np.ascontiguousarray(rgb // 2 + 32)
    if not len(projection.u):
        return picture
    span = np.log(_FARTHEST_SHOWN_M / _NEAREST_SHOWN_M)
    near = 1 - np.log(np.maximum(projection.depth_m, _NEAREST_SHOWN_M) / _NEAREST_SHOWN_M) / span
    scale = np.rint(255 * np.clip(near, 0, 1)).astype(np.uint8)[:, None]
    colors = cv2.cvtColor(cv2.applyColorMap(scale, cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB)
    colors = np.asarray(colors).reshape(-1, 3)
    colors[~projection.shown] = _HIDDEN_COLOR
    far_first = np.argsort(-projection.depth_m, kind='stable')
    radius = max(1, round(projection.width / 500))
    for i in far_first:
        center = (int(projection.u[i]), int(projection.v[i]))
        cv2.circle(picture, center, radius, tuple(map(int, colors[i])), cv2.FILLED)
    return picture


def _edge_distance(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return H x W float32: distance of each pixel from the next image edge."""
    edges, _ = image_edges(rgb)
    return np.asarray(cv2.distanceTransform(255 - edges, cv2.DIST_L2, 5), np.float32)


def _depth_edge_distances(
    projection: LidarProjection,
    xyz: NDArray[np.float32],
    away_px: NDArray[np.float32],
    is_lit: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """Return how far from an image edge the depth jumps within a scan line lie.

    The outline is somewhere between the last point before the jump and the first one behind it.
    """
    u, v = projection.u, projection.v
    near, far = scan_jumps(projection, xyz)
    kept = projection.shown[near] & is_lit[v[near], u[near]]
    near, far = near[kept], far[kept]
    shares = np.linspace(0.0, 1.0, 5)[:, None]
    between_u, between_v = (
        np.rint(c[near] + shares * (c[far] - c[near])).astype(int) for c in (u, v)
    )
    return np.asarray(away_px[between_v, between_u].min(axis=0))


def _mean(values: NDArray[np.generic]) -> float:
    return float(np.mean(values.astype(np.float64))) if len(values) else float('nan')
