"""Where a street runs: its center line in the plane and the height of the land."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

STEP_M = 0.5


@dataclass(frozen=True, slots=True)
class Land:
    """Smooth rolling height of the land, in meters.

    Attributes:
        waves: W x 4 float64: wave numbers along x and y (rad/m), phase (rad), amplitude (m).
    """

    waves: NDArray[np.float64]

    def height(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
        """Return the height in meters at world positions (any broadcastable shape)."""
        kx, ky, phase, amplitude = self.waves.T
        angle = np.multiply.outer(x, kx) + np.multiply.outer(y, ky) + phase
        return np.asarray(np.sin(angle) @ amplitude)


def make_land(rng: np.random.Generator, roughness_m: float) -> Land:
    """Return land of three long waves (90 m to 260 m) with about `roughness_m` of amplitude."""
    length = rng.uniform(90.0, 260.0, 3)
    direction = rng.uniform(0, 2 * np.pi, 3)
    k = 2 * np.pi / length
    amplitude = roughness_m * rng.uniform(0.3, 1.0, 3) * length / 260.0
    phase = rng.uniform(0, 2 * np.pi, 3)
    return Land(np.column_stack([k * np.cos(direction), k * np.sin(direction), phase, amplitude]))


@dataclass(frozen=True, slots=True)
class Route:
    """A center line, sampled every STEP_M along its length.

    Attributes:
        xy: N x 2 float64, world position in meters.
        heading: N float64, direction in radians, unwrapped.
    """

    xy: NDArray[np.float64]
    heading: NDArray[np.float64]

    @property
    def length_m(self) -> float:
        """Return the length of the center line in meters."""
        return (len(self.xy) - 1) * STEP_M

    def at(
        self, s: ArrayLike, d: ArrayLike = 0.0
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return x, y and heading at arc length `s` and distance `d` to the left, in meters.

        Positions before the start or behind the end lie on the straight continuation.
        """
        along = np.asarray(s, np.float64)
        knots = np.arange(len(self.xy)) * STEP_M
        heading = np.interp(along, knots, self.heading)
        beyond = along - np.clip(along, 0.0, self.length_m)
        x = np.interp(along, knots, self.xy[:, 0]) + beyond * np.cos(heading)
        y = np.interp(along, knots, self.xy[:, 1]) + beyond * np.sin(heading)
        left = np.asarray(d, np.float64)
        return x - left * np.sin(heading), y + left * np.cos(heading), heading

    def distance(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Return the distance in meters of points (N x 2) from the center line."""
        points = np.asarray(xy, np.float64).reshape(-1, 2)
        line = self.xy[::4]
        dx = points[:, None, 0] - line[None, :, 0]
        dy = points[:, None, 1] - line[None, :, 1]
        return np.asarray(np.sqrt((dx * dx + dy * dy).min(axis=1)))


def route_from_curvature(start: Sequence[float], heading: float, curvature: ArrayLike) -> Route:
    """Integrate a route from its curvature (1/m) per STEP_M."""
    kappa = np.asarray(curvature, np.float64)
    angle = heading + np.concatenate([[0.0], np.cumsum(kappa * STEP_M)])
    middle = (angle[1:] + angle[:-1]) / 2
    step = STEP_M * np.column_stack([np.cos(middle), np.sin(middle)])
    xy = np.concatenate([np.zeros((1, 2)), np.cumsum(step, axis=0)]) + np.asarray(start)
    return Route(xy, angle)


def make_route(
    rng: np.random.Generator, length_m: float, crossings: Sequence[float], bend: float
) -> Route:
    """Return a route with random curves that is straight within 26 m of every crossing.

    Args:
        rng: Source of randomness.
        length_m: Length of the route.
        crossings: Arc lengths of intersections.
        bend: 0..1, how much it curves; 1 gives radii down to 25 m.
    """
    count = round(length_m / STEP_M)
    s = np.arange(count) * STEP_M
    kappa = np.zeros(count)
    position = 20.0
    while position < length_m - 20.0:
        arc = rng.uniform(18.0, 45.0)
        radius = rng.uniform(25.0, 120.0) / max(bend, 0.05)
        # Smooth onset, as a clothoid gives it.
        inside = np.clip((s - position) / arc, 0.0, 1.0)
        sign = float(rng.choice([-1.0, 1.0]))
        kappa += sign / radius * np.sin(np.pi * inside) * (rng.random() < 0.3 + 0.7 * bend)
        position += arc + rng.uniform(10.0, 50.0)
    for crossing in crossings:
        kappa[np.abs(s - crossing) < 26.0] = 0.0
    return route_from_curvature((0.0, 0.0), 0.0, kappa)
