"""Traffic signs and traffic lights. They face -x and stand on z = 0."""

from __future__ import annotations

import numpy as np

from mmseg_ros.sim.world.furniture import steel
from mmseg_ros.sim.world.mesh import Mesh, box, make_mesh, merge, plate, pose, rod, tube
from mmseg_ros.sim.world.surfaces import SurfaceTable, Texture

SIGN_KINDS: dict[str, tuple[float, tuple[float, float, float]]] = {
    # Scale selects the drawing of the face; the color is its ground.
    'stop sign': (1.0, (0.72, 0.05, 0.06)),
    'speed limit sign': (2.0, (0.93, 0.93, 0.93)),
    'warning sign': (3.0, (0.93, 0.93, 0.90)),
    'direction sign': (4.0, (0.05, 0.25, 0.60)),
    'parking sign': (5.0, (0.05, 0.25, 0.65)),
    'no entry sign': (6.0, (0.72, 0.05, 0.06)),
    'crossing sign': (7.0, (0.05, 0.25, 0.65)),
    'priority sign': (8.0, (0.93, 0.70, 0.08)),
    'give way sign': (9.0, (0.93, 0.93, 0.93)),
}
_ROUND = tuple(2 * np.pi * np.arange(16) / 16)
_OUTLINES: dict[str, tuple[float, tuple[float, ...]]] = {
    'stop sign': (0.42, tuple(np.pi / 4 * (np.arange(8) + 0.5))),
    'speed limit sign': (0.4, _ROUND),
    'warning sign': (0.5, tuple(np.pi / 2 + 2 * np.pi / 3 * np.arange(3))),
    'no entry sign': (0.4, _ROUND),
    'priority sign': (0.5, tuple(np.pi / 2 * np.arange(4))),
    'give way sign': (0.5, tuple(-np.pi / 2 + 2 * np.pi / 3 * np.arange(3))),
}
"""Radius in meters and angles of the corners of those boards that are no rectangles."""


def traffic_sign(
    rng: np.random.Generator, table: SurfaceTable, kind: str = ''
) -> tuple[Mesh, str]:
    """Return a sign on its post that faces -x, and its kind."""
    kind = kind or str(rng.choice(list(SIGN_KINDS)))
    code, ground = SIGN_KINDS[kind]
    face = table.add('TrafficSign', ground, texture=Texture.SIGN, scale=code, reflectivity=0.95)
    back = table.add('TrafficSign', (0.5, 0.5, 0.52), reflectivity=0.5)
    size = (0.04, 2.4, 1.2) if kind == 'direction sign' else (0.04, 0.8, 0.8)
    middle = float(rng.uniform(2.2, 2.7)) + size[2] / 2
    board = _board(kind, face, back) or plate(size, (-0.07, 0, 0), face, back)
    parts = [
        tube((0.045, 0.045), (0.0, middle + 0.3), steel(table), 6),
        board.transformed(pose(0, 0, middle)),
    ]
    if rng.random() < 0.3:
        white = table.add('TrafficSign', (0.92, 0.92, 0.9), reflectivity=0.9)
        low = middle - size[2] / 2 - 0.25
        parts.append(plate((0.04, 0.7, 0.35), (-0.07, 0, low), white, back))
    return merge(parts), kind


def _board(kind: str, front: int, back: int) -> Mesh | None:
    """Return the board of a kind that is no rectangle, drawn about the origin."""
    if kind not in _OUTLINES:
        return None
    radius, angles = _OUTLINES[kind]
    corners = radius * np.column_stack([np.cos(angles), np.sin(angles)])
    # Seen from -x, y points to the left: the front turns the other way round.
    count = len(corners)
    fan = np.array([[0, k, k + 1] for k in range(1, count - 1)])
    sides = [np.column_stack([np.full(count, x), corners]) for x in (-0.08, -0.05)]
    return make_mesh(
        np.concatenate(sides),
        np.concatenate([fan[:, ::-1], fan + count]),
        np.repeat([front, back], len(fan)),
    )


def keep_right_sign(table: SurfaceTable) -> Mesh:
    """Return the low round sign of a traffic island, facing -x."""
    blue = table.add('TrafficSign', (0.05, 0.25, 0.65), reflectivity=0.95)
    board = _board('speed limit sign', blue, blue)
    post = tube((0.04, 0.04), (0.0, 1.2), steel(table), 6)
    return post if board is None else merge([post, board.transformed(pose(0, 0, 1.1))])


def traffic_light(table: SurfaceTable, state: str, arm_m: float) -> Mesh:
    """Return a signal on a mast, facing -x, with an arm of `arm_m` towards +y (0: none)."""
    metal = steel(table, shade=0.25)
    case = table.add('TrafficLight', (0.07, 0.08, 0.07), reflectivity=0.2)
    lamps = {'red': (1.0, 0.06, 0.03), 'yellow': (1.0, 0.7, 0.05), 'green': (0.05, 0.95, 0.45)}

    def head(x: float, y: float, z: float) -> list[Mesh]:
        parts = [
            box((0.28, 0.38, 1.05), (x, y, z), case),
            box((0.04, 0.6, 1.3), (x + 0.1, y, z), case),
        ]
        for k, (name, color) in enumerate(lamps.items()):
            lit = name == state
            shade = color if lit else tuple(0.25 * c for c in color)
            glass = table.add(
                'TrafficLight', shade, emission=2.2 if lit else 0.0, reflectivity=0.5
            )
            lens = tube((0.13, 0.13), (0.0, 0.06), glass, 10)
            turn = np.eye(4)
            turn[:3, :3] = [[0, 0, -1], [0, 1, 0], [1, 0, 0]]
            turn[:3, 3] = x - 0.13, y, z + 0.33 - 0.33 * k
            parts.append(lens.shaped(turn))
        return parts

    parts = [tube((0.12, 0.09), (0.0, 5.9 if arm_m else 3.4), metal, 8), *head(-0.2, 0.0, 2.9)]
    if arm_m:
        parts += [rod((0, 0, 5.7), (0, arm_m, 5.9), 0.07, metal), *head(-0.2, arm_m - 0.3, 5.5)]
    return merge(parts)
