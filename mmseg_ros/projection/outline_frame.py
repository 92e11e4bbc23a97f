"""Outlines of one moment over the edges of its image, and how well a turn brings them together."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.compiled import compiled
from mmseg_ros.projection.outlines import Outlines, image_edges, lit

_WIDEST_PX = 800
_MOST_OUTLINES = 300
_SHARES = np.linspace(0.0, 1.0, 5)
_PARTS = 4
_PX_STEPS = 4
_CLEAR_EDGES = (80, 200)
"""Texture has weaker edges, and more of them than outlines."""


@dataclass(frozen=True, eq=False)
class OutlineFrame:
    """Outlines of one moment over the edges of its image.

    Attributes:
        uv: N x S x 2 float32, pixels along the gap that holds each outline.
        per_deg: N x S x 2 x 3 float32, by how much a degree about each axis moves them.
        kind: N uint8, 0 for upright outlines, 1 for others.
        part: N int32, which part of the image they are in.
        away: 2 x H x W uint8, quarter pixels from the next edge of that kind.
        px_per_deg: Size of a degree in the middle of the image.
    """

    uv: NDArray[np.float32]
    per_deg: NDArray[np.float32]
    kind: NDArray[np.uint8]
    part: NDArray[np.int32]
    away: NDArray[np.uint8]
    px_per_deg: float


@dataclass(frozen=True, eq=False)
class ImageEdges:
    """Where an image has edges, for the outlines of every sensor.

    Attributes:
        away: 2 x H x W uint8, quarter pixels from the next edge of that kind.
        is_lit: H x W bool, where there is light enough to see an edge.
    """

    away: NDArray[np.uint8]
    is_lit: NDArray[np.bool_]

    @classmethod
    def of(cls, rgb: NDArray[np.uint8]) -> ImageEdges:
        """Return the edges of H x W x 3 uint8; larger images are made smaller."""
        if rgb.shape[1] > _WIDEST_PX:
            size = (_WIDEST_PX, max(1, round(rgb.shape[0] * _WIDEST_PX / rgb.shape[1])))
            rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
        return cls(_away(rgb), lit(rgb))


def outline_frame(
    edges: ImageEdges,
    outlines: Outlines,
    T_camera_sensor: NDArray[np.float64],
    camera: CameraModel,
) -> OutlineFrame:
    """Return the outlines of a sensor over the edges of the camera's image of that moment.

    Args:
        edges: Of the image.
        outlines: In the frame of the sensor.
        T_camera_sensor: 4 x 4, the extrinsics in question.
        camera: The camera, at any size.
    """
    camera = camera.resized(*edges.is_lit.shape)
    outlines = _spread(outlines)
    T = T_camera_sensor
    near, beside = (p @ T[:3, :3].T + T[:3, 3] for p in (outlines.near, outlines.beside))
    points = near[:, None] + _SHARES[:, None] * (beside - near)[:, None]
    uv, per_deg = _pixels(points, camera)
    u, v = (np.rint(uv[:, 0, i]) for i in (0, 1))
    inside = (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
    inside &= np.isfinite(per_deg).all(axis=(1, 2, 3))
    inside[inside] = edges.is_lit[v[inside].astype(int), u[inside].astype(int)]
    return OutlineFrame(
        np.ascontiguousarray(uv[inside], np.float32),
        np.ascontiguousarray(per_deg[inside], np.float32),
        np.where(outlines.is_upright[inside], 0, 1).astype(np.uint8),
        np.minimum(u[inside] * _PARTS / camera.width, _PARTS - 1).astype(np.int32),
        edges.away,
        float(camera.K[0, 0] * np.pi / 180),
    )


def turn_scores(
    frame: OutlineFrame, turns: NDArray[np.float32], width_deg: float
) -> NDArray[np.float64]:
    """Return turns x parts: how well the outlines lie on edges, 1 per outline at most."""
    width = width_deg * frame.px_per_deg * _PX_STEPS
    table = np.exp(-0.5 * (np.arange(256) / width) ** 2)
    table[255] = 0.0
    scores = np.zeros((len(turns), _PARTS))
    _score(
        frame.uv,
        frame.per_deg,
        frame.kind,
        frame.part,
        frame.away,
        np.ascontiguousarray(turns, np.float32),
        table,
        scores,
    )
    return scores


@compiled
def _score(
    uv: NDArray[np.float32],
    per_deg: NDArray[np.float32],
    kind: NDArray[np.uint8],
    part: NDArray[np.int32],
    away: NDArray[np.uint8],
    turns: NDArray[np.float32],
    table: NDArray[np.float64],
    scores: NDArray[np.float64],
) -> None:
    height, width = away.shape[1], away.shape[2]
    for c in range(len(turns)):
        a, b, r = turns[c, 0], turns[c, 1], turns[c, 2]
        for n in range(len(uv)):
            nearest = 255
            for s in range(uv.shape[1]):
                move = per_deg[n, s]
                u = uv[n, s, 0] + move[0, 0] * a + move[0, 1] * b + move[0, 2] * r
                v = uv[n, s, 1] + move[1, 0] * a + move[1, 1] * b + move[1, 2] * r
                column, row = int(np.floor(u + 0.5)), int(np.floor(v + 0.5))
                if 0 <= row < height and 0 <= column < width:
                    nearest = min(nearest, int(away[kind[n], row, column]))
            scores[c, part[n]] += table[nearest]


def _away(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    edges, along_row = image_edges(rgb, *_CLEAR_EDGES)
    maps = []
    for wanted in (along_row, ~along_row):
        free = np.where(wanted & (edges > 0), 0, 255).astype(np.uint8)
        distance = cv2.distanceTransform(free, cv2.DIST_L2, 5)
        maps.append(np.rint(np.minimum(distance, 255 / _PX_STEPS) * _PX_STEPS).astype(np.uint8))
    return np.stack(maps)


def _pixels(
    points: NDArray[np.float64], camera: CameraModel
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return pixels of N x S x 3 points, and their movement per degree about each axis."""
    flat = points.reshape(-1, 3)
    shape = points.shape[:2]
    uv = camera.project(flat)[0].reshape(*shape, 2)
    moves = []
    for axis in np.eye(3):
        turned = [
            camera.project(flat @ cv2.Rodrigues(np.radians(sign * axis))[0].T)[0]
            for sign in (1.0, -1.0)
        ]
        moves.append((turned[0] - turned[1]).reshape(*shape, 2) / 2)
    return uv, np.stack(moves, axis=-1)


def _spread(outlines: Outlines) -> Outlines:
    """Return at most so many outlines, evenly taken."""
    if len(outlines) <= _MOST_OUTLINES:
        return outlines
    index = np.linspace(0, len(outlines) - 1, _MOST_OUTLINES).round().astype(np.intp)
    return outlines.chosen(index)


def compile_loops() -> None:
    """Run the loop once, so that nothing waits for the compiler later."""
    frame = OutlineFrame(
        np.zeros((1, len(_SHARES), 2), np.float32),
        np.zeros((1, len(_SHARES), 2, 3), np.float32),
        np.zeros(1, np.uint8),
        np.zeros(1, np.int32),
        np.zeros((2, 1, 1), np.uint8),
        1.0,
    )
    turn_scores(frame, np.zeros((1, 3), np.float32), 1.0)
