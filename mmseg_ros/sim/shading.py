"""Light: what each hit sends back to the eye, as linear RGB radiance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mmseg_ros.sim.mesh import FloatArray
from mmseg_ros.sim.raycast import Hits, Snapshot
from mmseg_ros.sim.textures import noise2, surface_color
from mmseg_ros.sim.weather import Sky

_jit = njit(cache=True, nogil=True, error_model='numpy', inline='never')
SHADOW_OFFSET_M = 0.015
HEADLIGHT_HEIGHT_M = 0.65


def shade(
    snapshot: Snapshot,
    hits: Hits,
    origin: FloatArray,
    directions: FloatArray,
    surfaces: NDArray[Any],
    sky: Sky,
    lamps: FloatArray,
    forward: FloatArray,
    pixel_angle: float,
) -> FloatArray:
    """Return N x 3 float32 linear radiance of what N rays met.

    Args:
        snapshot: The world, for shadows.
        hits: What the rays met. origin: 3, the eye. directions: N x 3, world frame.
        surfaces: SURFACE_DTYPE rows. sky: Light. lamps: L x 3, positions of street lamps.
        forward: 3, where the vehicle's head lights shine. pixel_angle: Size of a pixel in radians.
    """
    count = len(directions)
    lit = np.zeros(count, np.bool_)
    points = np.empty((count, 3), np.float32)
    _points(hits.distance, origin, directions, hits.normal, sky.to_sun, points, lit)
    if max(sky.weather.sun) > 0.01:
        index = np.flatnonzero(lit)
        lit[index] = ~snapshot.occluded(points[index], sky.to_sun)
    else:
        lit[:] = False
    near = lamps[np.linalg.norm(lamps - origin, axis=1) < 90.0] if len(lamps) else lamps
    radiance = np.empty((count, 3), np.float32)

    def work(part: slice) -> None:
        _shade(
            hits.surface[part], hits.distance[part], hits.normal[part], hits.texture[part],
            hits.texture_normal[part], points[part], lit[part], directions[part], origin, forward,
            surfaces['texture'], surfaces['color'], surfaces['second'], surfaces['scale'],
            surfaces['gloss'], surfaces['emission'], sky.parameters(), near, pixel_angle, radiance[part],
        )  # fmt: skip

    snapshot.spread(work, count)
    return radiance


@_jit  # type: ignore[untyped-decorator]
def _points(
    distance: FloatArray, origin: FloatArray, direction: FloatArray, normal: FloatArray,
    to_sun: FloatArray, points: FloatArray, lit: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Fill in the hit points, lifted off their surface, and whether they face the sun."""
    for i in range(distance.shape[0]):
        if not np.isfinite(distance[i]):
            continue
        facing = np.float32(0)
        for k in range(3):
            points[i, k] = (
                origin[k] + distance[i] * direction[i, k] + SHADOW_OFFSET_M * normal[i, k]
            )
            facing += normal[i, k] * to_sun[k]
        lit[i] = facing > 0.02


@_jit  # type: ignore[untyped-decorator]
def _sky_color(x: float, y: float, z: float, sky: FloatArray) -> tuple[float, float, float]:
    """Return the radiance of the sky in a unit direction."""
    up = max(z, 0.0)
    mix = up**0.45
    r = sky[9] * (1 - mix) + sky[12] * mix
    g = sky[10] * (1 - mix) + sky[13] * mix
    b = sky[11] * (1 - mix) + sky[14] * mix
    cover = sky[15]
    if up > 0.01:
        u, v = x / (up + 0.15) * 1.6 + sky[19], y / (up + 0.15) * 1.6
        value = (
            0.55 * noise2(u, v) + 0.28 * noise2(u * 2.2, v * 2.2) + 0.17 * noise2(u * 5.1, v * 5.1)
        )
        cloud = min(max((value - 0.78 + 0.5 * cover) * 3.0, 0.0), 1.0) * min(up * 6.0, 1.0)
        tone = (
            (sky[6] + sky[7] + sky[8]) / 3 * 1.25
            + 0.45 * sky[3]
            + 0.25 * (value - 0.5) * (sky[9] + 0.02)
        )
        share = cloud * (0.85 if cover < 0.95 else 0.5)
        r, g, b = (
            r * (1 - share) + tone * share,
            g * (1 - share) + tone * share,
            b * (1 - share) + tone * share,
        )
    towards = x * sky[0] + y * sky[1] + z * sky[2]
    if towards > 0.9 and sky[3] > 0.2:
        glow = ((towards - 0.9) / 0.1) ** 8
        disc = 6.0 if towards > 0.9993 else 0.0
        r, g, b = (
            r + sky[3] * (glow + disc),
            g + sky[4] * (glow + disc),
            b + sky[5] * (glow + disc),
        )
    return r, g, b


@_jit  # type: ignore[untyped-decorator]
def _lamp_light(
    px: float, py: float, pz: float, nx: float, ny: float, nz: float, lamps: FloatArray
) -> float:
    """Return the light of the street lamps on a point with a normal."""
    total = 0.0
    for k in range(lamps.shape[0]):
        dx, dy, dz = lamps[k, 0] - px, lamps[k, 1] - py, lamps[k, 2] - pz
        square = dx * dx + dy * dy + dz * dz + 0.3
        if square > 900.0:
            continue
        length = np.sqrt(square)
        facing = max((nx * dx + ny * dy + nz * dz) / length, 0.0)
        down = min(max(dz / length * 1.6 - 0.2, 0.0), 1.0)
        total += 11.0 * (0.8 * facing + 0.08) * down / square
    return total


@_jit  # type: ignore[untyped-decorator]
def _headlight(
    px: float, py: float, pz: float, nx: float, ny: float, nz: float, eye: FloatArray,
    forward: FloatArray,
) -> float:  # fmt: skip
    """Return the light of the vehicle's own head lights."""
    dx, dy, dz = px - eye[0], py - eye[1], pz - (eye[2] - HEADLIGHT_HEIGHT_M)
    length = np.sqrt(dx * dx + dy * dy + dz * dz) + 0.01
    ahead = (dx * forward[0] + dy * forward[1] + dz * forward[2]) / length
    beam = min(max((ahead - 0.80) / 0.17, 0.0), 1.0)
    rise = (dz - forward[2] / max(abs(forward[0]) + abs(forward[1]), 0.1) * length) / length
    low = min(max(0.55 - rise * 9.0, 0.12), 1.0)
    facing = max(-(nx * dx + ny * dy + nz * dz) / length, 0.0)
    return 26.0 * beam * low * (0.9 * facing + 0.1) / (length * length * 0.35 + 14.0)


@_jit  # type: ignore[untyped-decorator]
def _shade(
    surface: NDArray[np.int32], distance: FloatArray, normal: FloatArray, texture: FloatArray,
    texture_normal: FloatArray, points: FloatArray, lit: NDArray[np.bool_], direction: FloatArray,
    eye: FloatArray, forward: FloatArray, kind: NDArray[np.int32], color: FloatArray,
    second: FloatArray, scale: FloatArray, gloss: FloatArray, emission: FloatArray,
    sky: FloatArray, lamps: FloatArray, pixel_angle: float, radiance: FloatArray,
) -> None:  # fmt: skip
    for i in range(surface.shape[0]):
        dx, dy, dz = direction[i, 0], direction[i, 1], direction[i, 2]
        length = np.sqrt(dx * dx + dy * dy + dz * dz)
        dx, dy, dz = dx / length, dy / length, dz / length
        s = surface[i]
        if s < 0:
            r, g, b = _sky_color(dx, dy, dz, sky)
            radiance[i, 0], radiance[i, 1], radiance[i, 2] = r, g, b
            continue
        metres = distance[i] * length
        nx, ny, nz = normal[i, 0], normal[i, 1], normal[i, 2]
        facing = max(-(nx * dx + ny * dy + nz * dz), 0.02)
        foot = metres * pixel_angle / np.sqrt(facing)
        r, g, b, glass, cell = surface_color(
            kind[s], scale[s], color[s], second[s], texture[i], texture_normal[i], foot
        )
        up = 0.5 + 0.5 * nz
        # Less sky reaches what is close to the ground and upright.
        open_sky = up * (
            0.72 + 0.28 * min(max(texture[i, 2] / 2.0, 0.0), 1.0) if nz < 0.7 else 1.0
        )
        ground = 0.13 * (1 - up)
        sun = max(nx * sky[0] + ny * sky[1] + nz * sky[2], 0.0) if lit[i] else 0.0
        lamp = 0.0
        if sky[18] > 0.0:
            px, py, pz = points[i, 0], points[i, 1], points[i, 2]
            lamp = sky[18] * _lamp_light(px, py, pz, nx, ny, nz, lamps)
            head = sky[18] * _headlight(px, py, pz, nx, ny, nz, eye, forward)
        else:
            head = 0.0
        wet = sky[17] if nz > 0.85 and kind[s] != 5 and kind[s] != 6 else 0.0
        matt = 1.0 - 0.45 * wet
        bounce = ground * (sky[3] + sky[6] + sky[7] + sky[8]) * 0.6
        r *= matt * (sun * sky[3] + open_sky * sky[6] + bounce + lamp + head)
        g *= matt * (sun * sky[4] + open_sky * sky[7] + bounce + 0.78 * lamp + 0.97 * head)
        b *= matt * (sun * sky[5] + open_sky * sky[8] + bounce + 0.48 * lamp + 0.88 * head)
        mirror = max(gloss[s] * (0.4 + 0.6 * (1 - facing) ** 2), 0.35 * wet * (1 - facing) ** 3)
        if glass > 0.0:
            mirror = max(mirror, glass * (0.22 + 0.5 * (1 - facing) ** 3))
        if mirror > 0.01:
            bend = 2 * (nx * dx + ny * dy + nz * dz)
            rx, ry, rz = dx - bend * nx, dy - bend * ny, dz - bend * nz
            if kind[s] == 8:
                rz = abs(rz) + 0.1 * (noise2(texture[i, 0] * 1.3, texture[i, 1] * 2.1) - 0.3)
            hr, hg, hb = _sky_color(rx, ry, max(rz, 0.03), sky)
            seen = mirror * min(max(rz * 2.5 + 0.55, 0.25), 1.0)
            r, g, b = r + seen * hr, g + seen * hg, b + seen * hb
        night = 0.15 + 0.85 * min(sky[18] * 1.2, 1.0)
        glow = emission[s] * (0.35 if sky[18] == 0.0 else 0.9)
        r, g, b = r + glow * color[s, 0], g + glow * color[s, 1], b + glow * color[s, 2]
        if cell > 0.72 and sky[18] > 0.0:
            warm = 0.9 * (cell - 0.6) * glass * night * sky[18]
            r, g, b = r + 1.3 * warm, g + 0.95 * warm, b + 0.5 * warm
        clear = np.exp(-sky[16] * metres)
        hr, hg, hb = sky[9] * 0.9, sky[10] * 0.9, sky[11] * 0.9
        radiance[i, 0] = r * clear + hr * (1 - clear)
        radiance[i, 1] = g * clear + hg * (1 - clear)
        radiance[i, 2] = b * clear + hb * (1 - clear)
