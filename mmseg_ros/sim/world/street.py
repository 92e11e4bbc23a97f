"""Lays a street: carriageway, markings, curbs, pavements, crossings and what lines them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmseg_ros.sim.world import signs
from mmseg_ros.sim.world.mesh import make_mesh
from mmseg_ros.sim.world.route import Route
from mmseg_ros.sim.world.season import varied
from mmseg_ros.sim.world.stage import Stage
from mmseg_ros.sim.world.surfaces import Texture

LANE_M = 3.4
KERB_M = 0.14
MARK_M = 0.012


@dataclass(frozen=True, slots=True)
class Profile:
    """Cross-section of a street.

    Attributes:
        lanes: Lanes per direction. parking: Whether a parking lane runs on both sides.
        sidewalk_m: Width of the pavement, 0 for a rural road.
    """

    lanes: int
    parking: bool
    sidewalk_m: float

    @property
    def half_m(self) -> float:
        """Return the distance from the center line to the curb."""
        return self.lanes * LANE_M + (2.2 if self.parking else 0.5)

    @property
    def corridor_m(self) -> float:
        """Return the distance from the center line to the end of the pavement."""
        return self.half_m + self.sidewalk_m

    def lane_offset_m(self, lane: int) -> float:
        """Return the distance of the middle of `lane` (0: next to the center line)."""
        return (lane + 0.5) * LANE_M


_SLABS = (
    (0.62, 0.60, 0.57), (0.52, 0.51, 0.50), (0.70, 0.66, 0.58), (0.60, 0.44, 0.38),
    (0.56, 0.56, 0.60), (0.40, 0.40, 0.41),
)  # fmt: skip


def _road_surface(stage: Stage) -> int:
    """Return asphalt of some age, concrete or, rarely, cobbles."""
    rng = stage.rng
    kind = str(rng.choice(['asphalt', 'concrete', 'cobbles'], p=[0.82, 0.11, 0.07]))
    low, high = {'asphalt': (0.22, 0.46), 'concrete': (0.46, 0.58), 'cobbles': (0.3, 0.45)}[kind]
    shade = float(rng.uniform(low, high))
    texture = {'asphalt': Texture.ASPHALT, 'concrete': Texture.GRAVEL, 'cobbles': Texture.PAVING}
    return stage.table.add(
        'Road', (shade, shade * float(rng.uniform(0.97, 1.0)),
                 shade * float(rng.uniform(0.93, 1.04))),
        texture=texture[kind], scale=0.22 if kind == 'cobbles' else 0.8,
        reflectivity=float(rng.uniform(0.12, 0.25)),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Crossing:
    """An intersection at arc length `s`, with the half width of the gap it needs."""

    s: float
    half_m: float
    gap_m: float
    signals: bool


def free_spans(
    start: float, end: float, gaps: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Return the parts of [start, end] outside `gaps`, in order."""
    spans = []
    for low, high in sorted(gaps):
        if low > start:
            spans.append((start, min(low, end)))
        start = max(start, high)
    if start < end:
        spans.append((start, end))
    return [span for span in spans if span[1] - span[0] > 0.5]


class StreetBuilder:
    """Lays one street on a stage."""

    def __init__(self, stage: Stage, route: Route, profile: Profile) -> None:
        self.stage = stage
        self.route = route
        self.profile = profile
        add = stage.table.add
        rng = stage.rng
        self.asphalt = _road_surface(stage)
        yellow = rng.random() < 0.12
        self.paint = add(
            'RoadLine', (0.85, 0.66, 0.16) if yellow else (0.86, 0.86, 0.84),
            texture=Texture.WORN_PAINT, reflectivity=0.75,
        )  # fmt: skip
        color = _SLABS[int(rng.integers(len(_SLABS)))]
        asphalted = color[0] < 0.45
        self.slabs = add(
            'SideWalk', varied(rng, color),
            texture=Texture.ASPHALT if asphalted else Texture.PAVING,
            scale=float(rng.choice([0.25, 0.5, 0.8, 1.2])), reflectivity=0.38,
        )  # fmt: skip
        self.kerb = add(
            'SideWalk', varied(rng, (0.66, 0.65, 0.63)), texture=Texture.GRAVEL, reflectivity=0.42
        )

    def carriageway(self, start: float, end: float) -> None:
        """Lay the road, with patches where it was mended."""
        half, rng = self.profile.half_m, self.stage.rng
        self.stage.strip(self.route, (start, end), (-half, half), (0.0, 0.0), self.asphalt)
        shade = float(rng.uniform(0.2, 0.5))
        patch = self.stage.table.add(
            'Road', (shade, shade, shade), texture=Texture.ASPHALT, reflectivity=0.15
        )
        for _ in range(rng.poisson((end - start) / 45.0)):
            s, d = float(rng.uniform(start, end - 6.0)), float(rng.uniform(-half, half - 1.5))
            size = (float(rng.uniform(0.6, 6.0)), float(rng.uniform(0.5, 1.5)))
            self.stage.strip(self.route, (s, s + size[0]), (d, d + size[1]), (0.006,) * 2, patch)

    def pavement(self, side: int, spans: Sequence[tuple[float, float]]) -> None:
        """Lay curb and pavement on one side (+1 left, -1 right)."""
        inner, outer = self.profile.half_m, self.profile.corridor_m
        for span in spans:
            levels = (KERB_M, KERB_M)
            self.stage.strip(self.route, span, (side * inner,) * 2, (-0.05, KERB_M), self.kerb)
            self.stage.strip(
                self.route, span, (side * inner, side * (inner + 0.2)), levels, self.kerb
            )
            self.stage.strip(
                self.route, span, (side * (inner + 0.2), side * outer), levels, self.slabs
            )

    def _dashes(self, start: float, end: float, d: float, dash: float, gap: float) -> None:
        for s in np.arange(start, end - dash, dash + gap):
            self._line(float(s), float(s) + dash, d, 0.15)

    def _line(self, start: float, end: float, d: float, width: float) -> None:
        edges = (d - width / 2, d + width / 2)
        self.stage.strip(self.route, (start, end), edges, (MARK_M, MARK_M), self.paint)

    def markings(self, spans: Sequence[tuple[float, float]], rural: bool) -> None:
        """Paint center, lane and edge lines outside intersections."""
        lanes = self.profile.lanes
        for start, end in spans:
            if lanes > 1:
                self._line(start, end, 0.1, 0.12)
                self._line(start, end, -0.1, 0.12)
            else:
                self._dashes(start, end, 0.0, 3.0, 4.5)
            for lane in range(1, lanes):
                for side in (-1, 1):
                    self._dashes(start, end, side * lane * LANE_M, 3.0, 5.0)
            if rural or self.profile.parking:
                for side in (-1, 1):
                    self._line(start, end, side * lanes * LANE_M, 0.13)

    def zebra(self, s: float, length_m: float = 3.0) -> None:
        """Paint a zebra crossing at arc length `s`."""
        half = self.profile.half_m - 0.5
        for d in np.arange(-half, half, 1.0):
            self._line(s - length_m / 2, s + length_m / 2, float(d) + 0.25, 0.5)

    def stop_line(self, s: float, side: int) -> None:
        """Paint the stop line of the lanes on one side."""
        edges = (side * 0.25, side * self.profile.lanes * LANE_M)
        self.stage.strip(self.route, (s, s + 0.45), edges, (MARK_M, MARK_M), self.paint)

    def arrow(self, s: float, d: float, forward: bool) -> None:
        """Paint a lane arrow."""
        sign = 1.0 if forward else -1.0
        shape = np.array(
            [[0, -0.08], [2.2, -0.08], [2.2, 0.08], [0, 0.08], [2.2, -0.4], [3.4, 0.0], [2.2, 0.4]]
        )
        x, y, _ = self.route.at(s + sign * shape[:, 0], d + sign * shape[:, 1])
        z = self.stage.land.height(x, y) + MARK_M
        faces = [[0, 1, 2], [0, 2, 3], [4, 5, 6]]
        self.stage.add(make_mesh(np.stack([x, y, z], -1), faces, self.paint))

    def island(self, s: float) -> None:
        """Build a refuge for pedestrians (class Ground) in the middle of the road, 6 m long."""
        stage, half = self.stage, 0.55
        stone = stage.table.add(
            'Ground', varied(stage.rng, (0.55, 0.50, 0.45)), texture=Texture.PAVING, scale=0.2,
            reflectivity=0.35,
        )  # fmt: skip
        for d in (-half, half):
            self.stage.strip(self.route, (s - 3, s + 3), (d, d), (-0.02, KERB_M), stone)
        self.stage.strip(self.route, (s - 3, s + 3), (-half, half), (KERB_M, KERB_M), stone)
        for end, turn in ((-2.6, 0.0), (2.6, np.pi)):
            T = stage.world_pose(self.route, s + end, 0.0, KERB_M, turn)
            stage.place(signs.keep_right_sign(stage.table), T, 'keep right sign')

    def signals(self, crossing: Crossing) -> None:
        """Put zebra crossings, stop lines and, where it has them, traffic lights at a crossing."""
        reach = crossing.half_m + 3.0
        state = str(self.stage.rng.choice(['green', 'green', 'red', 'yellow']))
        for direction in (1, -1):
            # Traffic that drives towards +s keeps right: d < 0, and meets the crossing at -reach.
            s = crossing.s - direction * reach
            self.zebra(s)
            self.stop_line(s - direction * 2.6 - (0.45 if direction < 0 else 0), -direction)
            self.arrow(
                s - direction * 12.0, -direction * self.profile.lane_offset_m(0), direction > 0
            )
            if not crossing.signals:
                continue
            far = crossing.s + direction * (crossing.half_m + 1.0)
            d = -direction * (self.profile.half_m + 0.7)
            mast = signs.traffic_light(self.stage.table, state, self.profile.half_m * 0.75)
            turn = 0.0 if direction > 0 else np.pi
            if self.stage.rng.random() < 0.7:
                post = signs.traffic_light(self.stage.table, state, 0.0)
                near = self.stage.world_pose(self.route, s, d, KERB_M, turn)
                self.stage.place(post, near, 'traffic light', state)
            self.stage.place(
                mast,
                self.stage.world_pose(self.route, far, d, KERB_M, turn),
                'traffic light',
                state,
            )
