"""Lays a street: carriageway, markings, kerbs, pavements, crossings and what lines them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmseg_ros.sim.world import furniture
from mmseg_ros.sim.world.mesh import make_mesh
from mmseg_ros.sim.world.route import Route
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
        """Return the distance from the centre line to the kerb."""
        return self.lanes * LANE_M + (2.2 if self.parking else 0.5)

    @property
    def corridor_m(self) -> float:
        """Return the distance from the centre line to the end of the pavement."""
        return self.half_m + self.sidewalk_m

    def lane_offset_m(self, lane: int) -> float:
        """Return the distance of the middle of `lane` (0: next to the centre line)."""
        return (lane + 0.5) * LANE_M


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
        shade = float(stage.rng.uniform(0.28, 0.42))
        self.asphalt = add(
            'Road', (shade, shade, shade * 1.03), texture=Texture.ASPHALT, reflectivity=0.18
        )
        self.paint = add(
            'RoadLine', (0.86, 0.86, 0.84), texture=Texture.WORN_PAINT, reflectivity=0.75
        )
        self.slabs = add(
            'SideWalk', (0.62, 0.60, 0.57), texture=Texture.PAVING,
            scale=float(stage.rng.choice([0.5, 0.8, 1.2])), reflectivity=0.38,
        )  # fmt: skip
        self.kerb = add('SideWalk', (0.68, 0.67, 0.65), texture=Texture.GRAVEL, reflectivity=0.42)

    def carriageway(self, start: float, end: float) -> None:
        """Lay the asphalt."""
        half = self.profile.half_m
        self.stage.strip(self.route, (start, end), (-half, half), (0.0, 0.0), self.asphalt)

    def pavement(self, side: int, spans: Sequence[tuple[float, float]]) -> None:
        """Lay kerb and pavement on one side (+1 left, -1 right)."""
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
        """Paint centre, lane and edge lines outside intersections."""
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
            mast = furniture.traffic_light(self.stage.table, state, self.profile.half_m * 0.75)
            turn = 0.0 if direction > 0 else np.pi
            self.stage.place(
                mast,
                self.stage.world_pose(self.route, far, d, KERB_M, turn),
                'traffic light',
                state,
            )
