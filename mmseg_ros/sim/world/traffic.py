"""What moves: the vehicle that carries the sensors, other traffic and pedestrians."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmseg_ros.sim.world.mesh import Mesh, pose
from mmseg_ros.sim.world.people import Person
from mmseg_ros.sim.world.route import Land, Route

_EGO_PERIOD_S = 9.0


@dataclass(frozen=True, slots=True)
class EgoMotion:
    """The sequence of the sensor vehicle along a route.

    Attributes:
        route: Street. land: Ground height.
        s_m: Arc length at time 0. d_m: Distance left of the center line. speed_mps: Mean speed.
        phase: 6 float64, phases of sway (rad).
        bumps_m: Arc lengths of bumps in the road.
        liveliness: 0 gives a rigid glide, 1 ordinary pitch, roll and bumps.
    """

    route: Route
    land: Land
    s_m: float
    d_m: float
    speed_mps: float
    phase: NDArray[np.float64]
    bumps_m: NDArray[np.float64]
    liveliness: float = 1.0

    def arc_m(self, time_s: ArrayLike) -> NDArray[np.float64]:
        """Return the arc length at each time, in meters."""
        t = np.asarray(time_s, np.float64)
        w = 2 * np.pi / _EGO_PERIOD_S
        ripple = (
            0.15 * self.liveliness * (np.cos(self.phase[0]) - np.cos(w * t + self.phase[0])) / w
        )
        return np.asarray(self.s_m + self.speed_mps * (t + ripple))

    def pose(self, time_s: ArrayLike) -> NDArray[np.float64]:
        """Return N x 4 x 4 T_world_base (REP-103: x forward, y left, z up) at N times in s."""
        t = np.atleast_1d(np.asarray(time_s, np.float64))
        s = self.arc_m(t)
        lively = self.liveliness * min(self.speed_mps / 5.0, 1.0)
        d = self.d_m + 0.12 * lively * np.sin(0.7 * t + self.phase[1])
        x, y, heading = self.route.at(s, d)
        z = self.land.height(x, y)
        ahead = self.land.height(x + 1.3 * np.cos(heading), y + 1.3 * np.sin(heading))
        behind = self.land.height(x - 1.3 * np.cos(heading), y - 1.3 * np.sin(heading))
        pitch = np.arctan2(behind - ahead, 2.6)
        pitch += lively * np.deg2rad(0.25) * np.sin(8.2 * t + self.phase[2])
        roll = lively * np.deg2rad(0.3) * np.sin(5.1 * t + self.phase[3])
        lift, nod = self._bump(s)
        yaw = heading + lively * np.deg2rad(0.3) * np.sin(0.9 * t + self.phase[4])
        return _rigid(x, y, z + lively * lift, yaw, pitch + lively * nod, roll)

    def _bump(self, s: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return lift (m) and nod (rad) of the damped swing after each bump."""
        gone = s[:, None] - self.bumps_m[None]
        swing = np.where(gone > 0, np.exp(-np.maximum(gone, 0) / 4.0), 0.0)
        lift = 0.035 * swing * np.sin(1.1 * gone)
        nod = np.deg2rad(1.3) * swing * np.sin(0.9 * gone)
        return lift.sum(1), nod.sum(1)


def _rigid(
    x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64],
    yaw: NDArray[np.float64], pitch: NDArray[np.float64], roll: NDArray[np.float64],
) -> NDArray[np.float64]:  # fmt: skip
    """Return N x 4 x 4 of Rz(yaw) Ry(pitch) Rx(roll) and a position; pitch down is positive."""
    cy, sy, cp, sp, cr, sr = (
        np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    )  # fmt: skip
    T = np.zeros((len(x), 4, 4))
    T[:, 0, :3] = np.stack([cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr], -1)
    T[:, 1, :3] = np.stack([sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr], -1)
    T[:, 2, :3] = np.stack([-sp, cp * sr, cp * cr], -1)
    T[:, :3, 3] = np.stack([x, y, z], -1)
    T[:, 3, 3] = 1.0
    return T


class Actor(Protocol):
    """Anything that moves."""

    def position(self, time_s: float) -> NDArray[np.float64]:
        """Return where it is: x and y in meters, at a time in seconds."""

    def mesh_at(self, time_s: float) -> Mesh:
        """Return its mesh in world coordinates at a time in seconds."""


@dataclass(frozen=True, slots=True)
class Driver:
    """A rigid body that follows a lane.

    Attributes:
        mesh: Body in its own frame, instances set. route: Street. land: Ground height.
        s_m: Arc length at time 0. d_m: Distance left of the center line.
        speed_mps: Along the route; negative drives against its direction.
    """

    mesh: Mesh
    route: Route
    land: Land
    s_m: float
    d_m: float
    speed_mps: float

    def position(self, time_s: float) -> NDArray[np.float64]:
        """Return x and y in meters at a time in seconds."""
        x, y, _ = self.route.at(self.s_m + self.speed_mps * time_s, self.d_m)
        return np.array([x, y])

    def mesh_at(self, time_s: float) -> Mesh:
        """Return the body on the road at a time in seconds."""
        x, y, heading = self.route.at(self.s_m + self.speed_mps * time_s, self.d_m)
        turn = 0.0 if self.speed_mps >= 0 else np.pi
        z = float(self.land.height(x, y))
        return self.mesh.transformed(pose(float(x), float(y), z, float(heading) + turn))


@dataclass(frozen=True, slots=True)
class Walker:
    """A pedestrian who walks along or across a street, or stands.

    Attributes:
        person: Body. instance: Object of the scene graph. route: Street. land: Ground height.
        s_m: Arc length at time 0. d_m: Distance left of the center line at time 0.
        along_mps: Speed along the route. across_mps: Speed to the left.
        lift_m: Height above the land (the curb). facing: Heading if standing, rad.
    """

    person: Person
    instance: int
    route: Route
    land: Land
    s_m: float
    d_m: float
    along_mps: float
    across_mps: float
    lift_m: float
    facing: float = 0.0

    def position(self, time_s: float) -> NDArray[np.float64]:
        """Return x and y in meters at a time in seconds."""
        s, d = self.s_m + self.along_mps * time_s, self.d_m + self.across_mps * time_s
        x, y, _ = self.route.at(s, d)
        return np.array([x, y])

    def mesh_at(self, time_s: float) -> Mesh:
        """Return the body in the pose of the step cycle at a time in seconds."""
        s = self.s_m + self.along_mps * time_s
        x, y, heading = self.route.at(s, self.d_m + self.across_mps * time_s)
        walking = bool(self.along_mps or self.across_mps)
        turn = float(np.arctan2(self.across_mps, self.along_mps)) if walking else self.facing
        T = pose(
            float(x), float(y), float(self.land.height(x, y)) + self.lift_m, float(heading) + turn
        )
        body = self.person.mesh_at(time_s, walking).transformed(T)
        return replace(body, instance=np.full(len(body.faces), self.instance, np.int32))
