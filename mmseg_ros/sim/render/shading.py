"""Light: what each hit sends back to the eye, as linear RGB radiance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mmseg_ros.sim.render.raycast import Hits, Snapshot
from mmseg_ros.sim.render.textures import noise2, surface_color
from mmseg_ros.sim.world.mesh import FloatArray
from mmseg_ros.sim.world.surfaces import Texture
from mmseg_ros.sim.world.weather import Sky

_jit = njit(cache=True, nogil=True, error_model='numpy', inline='never')
# Where `Sky.parameters` holds what; colors take three places, the direction to the sun the first.
_SUN, _AMBIENT, _HORIZON, _ZENITH = 3, 6, 9, 12
_CLOUDS, _EXTINCTION, _WETNESS, _LAMPS, _CLOUD_SEED = 15, 16, 17, 18, 19
_GRASS, _FOLIAGE, _WATER = int(Texture.GRASS), int(Texture.FOLIAGE), int(Texture.WATER)
SHADOW_OFFSET_M = 0.015
HEADLIGHT_HEIGHT_M = 0.65
LAMP_COLOR, HEADLIGHT_COLOR = (1.0, 0.78, 0.48), (1.0, 0.97, 0.88)
_NOTHING = np.empty((0, 3), np.float32)


@dataclass(frozen=True, slots=True)
class Transport:
    """Light that was traced instead of estimated by the shader.

    Attributes:
        light: N x 3 float32, light on what each ray met; 1 makes a white wall send back 1.
        mirrored: N x 3 float32, radiance that a mirror there would show.
    """

    light: FloatArray
    mirrored: FloatArray


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
    transport: Transport | None = None,
) -> FloatArray:
    """Return N x 3 float32 linear radiance of what N rays met.

    Args:
        snapshot: The world, for shadows.
        hits: What the rays met.
        origin: 3, the eye.
        directions: N x 3, world frame.
        surfaces: SURFACE_DTYPE rows.
        sky: Light.
        lamps: L x 3, positions of street lamps.
        forward: 3, where the vehicle's head lights shine.
        pixel_angle: Size of a pixel in radians.
        transport: Light that replaces the shader's own.
    """
    count = len(directions)
    lit = np.zeros(count, np.bool_)
    points = np.empty((count, 3), np.float32)
    _points(hits.distance, origin, directions, hits.normal, sky.to_sun, points, lit)
    if transport is None and max(sky.weather.sun) > 0.01:
        index = np.flatnonzero(lit)
        lit[index] = ~snapshot.occluded(points[index], sky.to_sun)
    else:
        lit[:] = False
    near = lamps[np.linalg.norm(lamps - origin, axis=1) < 90.0] if len(lamps) else lamps
    radiance = np.empty((count, 3), np.float32)
    _shade(
        hits.surface, hits.distance, hits.normal, hits.texture, hits.texture_normal, points, lit,
        directions, origin, forward, surfaces['texture'], surfaces['color'], surfaces['second'],
        surfaces['scale'], surfaces['gloss'], surfaces['emission'], sky.parameters(), near,
        pixel_angle, transport.light if transport else _NOTHING,
        transport.mirrored if transport else _NOTHING, radiance,
    )  # fmt: skip
    return radiance


def sky_radiance(directions: FloatArray, sky: Sky) -> FloatArray:
    """Return N x 3 float32, the radiance of the sky in unit directions, without the sun's disc."""
    parameters = sky.parameters()
    parameters[:_SUN] = 0
    radiance = np.empty((len(directions), 3), np.float32)
    _fill_sky(np.asarray(directions, np.float32), parameters, radiance)
    return radiance


def reflected_directions(directions: FloatArray, normals: FloatArray) -> FloatArray:
    """Return N x 3 float32, where rays resume from a mirror with unit normals."""
    along = (directions * normals).sum(1, keepdims=True)
    return np.asarray(directions - 2 * along * normals, np.float32)


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
    r = sky[_HORIZON] * (1 - mix) + sky[_ZENITH] * mix
    g = sky[_HORIZON + 1] * (1 - mix) + sky[_ZENITH + 1] * mix
    b = sky[_HORIZON + 2] * (1 - mix) + sky[_ZENITH + 2] * mix
    cover = sky[_CLOUDS]
    if up > 0.01:
        u, v = x / (up + 0.15) * 1.6 + sky[_CLOUD_SEED], y / (up + 0.15) * 1.6
        value = (
            0.55 * noise2(u, v) + 0.28 * noise2(u * 2.2, v * 2.2) + 0.17 * noise2(u * 5.1, v * 5.1)
        )
        cloud = min(max((value - 0.78 + 0.5 * cover) * 3.0, 0.0), 1.0) * min(up * 6.0, 1.0)
        tone = (
            (sky[_AMBIENT] + sky[_AMBIENT + 1] + sky[_AMBIENT + 2]) / 3 * 1.25
            + 0.45 * sky[_SUN]
            + 0.25 * (value - 0.5) * (sky[_HORIZON] + 0.02)
        )
        share = cloud * (0.85 if cover < 0.95 else 0.5)
        r, g, b = (
            r * (1 - share) + tone * share,
            g * (1 - share) + tone * share,
            b * (1 - share) + tone * share,
        )
    towards = x * sky[0] + y * sky[1] + z * sky[2]
    if towards > 0.9 and sky[_SUN] > 0.2:
        glow = ((towards - 0.9) / 0.1) ** 8
        disc = 6.0 if towards > 0.9993 else 0.0
        r, g, b = (
            r + sky[_SUN] * (glow + disc),
            g + sky[_SUN + 1] * (glow + disc),
            b + sky[_SUN + 2] * (glow + disc),
        )
    return r, g, b


@_jit  # type: ignore[untyped-decorator]
def _fill_sky(directions: FloatArray, sky: FloatArray, radiance: FloatArray) -> None:
    for i in range(directions.shape[0]):
        radiance[i, 0], radiance[i, 1], radiance[i, 2] = _sky_color(
            directions[i, 0], directions[i, 1], directions[i, 2], sky
        )


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
    return float(26.0 * beam * low * (0.9 * facing + 0.1) / (length * length * 0.35 + 14.0))


@_jit  # type: ignore[untyped-decorator]
def _incoming(
    px: float, py: float, pz: float, nx: float, ny: float, nz: float, lit: bool, height: float,
    eye: FloatArray, forward: FloatArray, lamps: FloatArray, sky: FloatArray,
) -> tuple[float, float, float]:  # fmt: skip
    """Return the light on a point with a normal: sun, sky, ground, lamps and head lights."""
    up = 0.5 + 0.5 * nz
    # Less sky reaches what is close to the ground and upright.
    open_sky = up * (0.72 + 0.28 * min(max(height / 2.0, 0.0), 1.0) if nz < 0.7 else 1.0)
    sun = max(nx * sky[0] + ny * sky[1] + nz * sky[2], 0.0) if lit else 0.0
    bounce = 0.078 * (1 - up)
    bounce *= sky[_SUN] + sky[_AMBIENT] + sky[_AMBIENT + 1] + sky[_AMBIENT + 2]
    lamp = head = 0.0
    if sky[_LAMPS] > 0.0:
        lamp = sky[_LAMPS] * _lamp_light(px, py, pz, nx, ny, nz, lamps)
        head = sky[_LAMPS] * _headlight(px, py, pz, nx, ny, nz, eye, forward)
    r = sun * sky[_SUN] + open_sky * sky[_AMBIENT] + bounce + lamp + head
    g = (
        sun * sky[_SUN + 1]
        + open_sky * sky[_AMBIENT + 1]
        + bounce
        + LAMP_COLOR[1] * lamp
        + HEADLIGHT_COLOR[1] * head
    )
    b = (
        sun * sky[_SUN + 2]
        + open_sky * sky[_AMBIENT + 2]
        + bounce
        + LAMP_COLOR[2] * lamp
        + HEADLIGHT_COLOR[2] * head
    )
    return r, g, b


@_jit  # type: ignore[untyped-decorator]
def _reflected(
    dx: float, dy: float, dz: float, nx: float, ny: float, nz: float, is_water: bool,
    ripple: float, sky: FloatArray,
) -> tuple[float, float, float]:  # fmt: skip
    """Return what a mirror shows: the sky, darker where houses would stand in its way."""
    bend = 2 * (nx * dx + ny * dy + nz * dz)
    rx, ry, rz = dx - bend * nx, dy - bend * ny, dz - bend * nz
    if is_water:
        rz = abs(rz) + ripple
    r, g, b = _sky_color(rx, ry, max(rz, 0.03), sky)
    seen = min(max(rz * 2.5 + 0.55, 0.25), 1.0)
    return seen * r, seen * g, seen * b


@_jit  # type: ignore[untyped-decorator]
def _shade(
    surface: NDArray[np.int32], distance: FloatArray, normal: FloatArray, texture: FloatArray,
    texture_normal: FloatArray, points: FloatArray, lit: NDArray[np.bool_], direction: FloatArray,
    eye: FloatArray, forward: FloatArray, kind: NDArray[np.int32], color: FloatArray,
    second: FloatArray, scale: FloatArray, gloss: FloatArray, emission: FloatArray,
    sky: FloatArray, lamps: FloatArray, pixel_angle: float, light: FloatArray,
    mirrored: FloatArray, radiance: FloatArray,
) -> None:  # fmt: skip
    traced = len(light) > 0
    for i in range(surface.shape[0]):
        dx, dy, dz = direction[i, 0], direction[i, 1], direction[i, 2]
        length = np.sqrt(dx * dx + dy * dy + dz * dz)
        dx, dy, dz = dx / length, dy / length, dz / length
        s = surface[i]
        if s < 0 or s >= len(kind):
            r, g, b = _sky_color(dx, dy, dz, sky)
            radiance[i, 0], radiance[i, 1], radiance[i, 2] = r, g, b
            continue
        metres = distance[i] * length
        nx, ny, nz = normal[i, 0], normal[i, 1], normal[i, 2]
        facing = max(-(nx * dx + ny * dy + nz * dz), 0.02)
        foot = metres * pixel_angle / np.sqrt(facing)
        r, g, b, glass, cell = surface_color(
            kind[s], scale[s], color, second, s, texture, texture_normal, i, foot
        )
        px, py, pz = points[i, 0], points[i, 1], points[i, 2]
        if traced:
            lr, lg, lb = light[i, 0], light[i, 1], light[i, 2]
        else:
            lr, lg, lb = _incoming(
                px, py, pz, nx, ny, nz, lit[i], texture[i, 2], eye, forward, lamps, sky
            )
        is_soft = kind[s] == _GRASS or kind[s] == _FOLIAGE
        wet = sky[_WETNESS] if nz > 0.85 and not is_soft else 0.0
        matt = 1.0 - 0.45 * wet
        r, g, b = r * matt * lr, g * matt * lg, b * matt * lb
        mirror = max(gloss[s] * (0.4 + 0.6 * (1 - facing) ** 2), 0.35 * wet * (1 - facing) ** 3)
        if glass > 0.0:
            mirror = max(mirror, glass * (0.22 + 0.5 * (1 - facing) ** 3))
        if mirror > 0.01:
            ripple = 0.0
            if kind[s] == _WATER:
                ripple = 0.1 * (noise2(texture[i, 0] * 1.3, texture[i, 1] * 2.1) - 0.3)
            if traced:
                hr, hg, hb = mirrored[i, 0], mirrored[i, 1], mirrored[i, 2]
            else:
                hr, hg, hb = _reflected(dx, dy, dz, nx, ny, nz, kind[s] == _WATER, ripple, sky)
            r, g, b = r + mirror * hr, g + mirror * hg, b + mirror * hb
        glow = emission[s] * (0.35 if sky[_LAMPS] == 0.0 else 0.9)
        r, g, b = r + glow * color[s, 0], g + glow * color[s, 1], b + glow * color[s, 2]
        if cell > 0.72 and sky[_LAMPS] > 0.0:
            warm = 0.9 * (cell - 0.6) * glass * sky[_LAMPS]
            warm *= 0.15 + 0.85 * min(sky[_LAMPS] * 1.2, 1.0)
            r, g, b = r + 1.3 * warm, g + 0.95 * warm, b + 0.5 * warm
        clear = np.exp(-sky[_EXTINCTION] * metres)
        hr, hg, hb = sky[_HORIZON] * 0.9, sky[_HORIZON + 1] * 0.9, sky[_HORIZON + 2] * 0.9
        radiance[i, 0] = r * clear + hr * (1 - clear)
        radiance[i, 1] = g * clear + hg * (1 - clear)
        radiance[i, 2] = b * clear + hb * (1 - clear)
