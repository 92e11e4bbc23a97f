"""Procedural textures, compiled: color of a surface at a point of its texture space.

Detail fades out where it is finer than a pixel, so that distant surfaces neither shimmer nor
make false events.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_jit = njit(cache=True, nogil=True, error_model='numpy', inline='never')


@_jit  # type: ignore[untyped-decorator]
def hash2(i: int, j: int) -> float:
    """Return a number 0..1 for a cell."""
    h = (i * 374761393 + j * 668265263 + 1013904223) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1274126177) & 0xFFFFFFFF
    return float(((h ^ (h >> 16)) & 0xFFFFFF) / 16777216.0)


@_jit  # type: ignore[untyped-decorator]
def noise2(x: float, y: float) -> float:
    """Return smooth value noise 0..1 with cells of unit size."""
    i, j = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - i, y - j
    sx, sy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
    low = hash2(i, j) * (1 - sx) + hash2(i + 1, j) * sx
    high = hash2(i, j + 1) * (1 - sx) + hash2(i + 1, j + 1) * sx
    return float(low * (1 - sy) + high * sy)


@_jit  # type: ignore[untyped-decorator]
def detail(x: float, y: float, size: float, footprint: float) -> float:
    """Return noise -0.5..0.5 with cells of `size`, faded where a pixel covers several cells."""
    weight = min(max(1.6 - 1.6 * footprint / size, 0.0), 1.0)
    if weight == 0.0:
        return 0.0
    return float((noise2(x / size, y / size) - 0.5) * weight)


@_jit  # type: ignore[untyped-decorator]
def _joints(x: float, period: float, width: float, footprint: float) -> float:
    """Return how much of a pixel is joint: bars of `width` every `period`, box-filtered."""
    half = max(footprint, 0.002) / 2
    low, high = (x - half) / period, (x + half) / period
    share = width / period
    covered = (np.floor(high) - np.floor(low)) * share
    covered += min(high - np.floor(high), share) - min(low - np.floor(low), share)
    return float(min(max(covered * period / (2 * half), 0.0), 1.0))


@_jit  # type: ignore[untyped-decorator]
def _facade(a: float, b: float, storey: float, footprint: float) -> tuple[float, float, float]:
    """Return (frame share, glass share, cell number 0..1) of a wall with windows."""
    period = storey * 0.95
    column, row = int(np.floor(a / period)), int(np.floor(b / storey))
    u, v = a - column * period, b - row * storey
    # Every height of a storey comes with windows of another shape.
    style = hash2(int(storey * 1000.0), 7)
    w, h = (0.38 + 0.42 * style) * period, (0.40 + 0.22 * hash2(int(storey * 1000.0), 3)) * storey
    x0, z0 = (period - w) / 2, 0.5 * (storey - h)
    soft = max(footprint, 0.01)
    outer = min(u - x0 + 0.09, x0 + w + 0.09 - u, v - z0 + 0.09, z0 + h + 0.09 - v)
    inner = min(u - x0, x0 + w - u, v - z0, z0 + h - v, abs(u - x0 - w / 2) - 0.035)
    frame = min(max(outer / soft + 0.5, 0.0), 1.0)
    glass = min(max(inner / soft + 0.5, 0.0), 1.0)
    return frame, glass, hash2(column * 7 + 3, row * 13 + 5)


@_jit  # type: ignore[untyped-decorator]
def _sign(code: int, y: float, z: float) -> int:
    """Return which ink a sign face shows: 0 ground, 1 white, 2 red, 3 black."""
    r = np.sqrt(y * y + z * z)
    if code == 1:
        edge = max(max(abs(y), abs(z)), (abs(y) + abs(z)) * 0.72)
        bar = abs(z) < 0.09 and abs(y) < 0.26
        return 1 if (0.35 < edge < 0.385) or bar else 0
    if code == 2:
        digit = (
            abs(z) < 0.15
            and (0.04 < abs(y) < 0.19)
            and not (abs(z) < 0.09 and 0.08 < abs(y) < 0.15)
        )
        return 2 if r > 0.29 else (3 if digit else 0)
    if code == 3:
        edge = max(-z * 0.9 - 0.28, abs(y) * 0.87 + z * 0.5 - 0.17)
        bar = abs(y) < 0.035 and -0.2 < z < 0.12
        return 3 if bar else (2 if edge > -0.07 else 0)
    if code == 4:
        letters = (abs(z - 0.25) < 0.09 or abs(z + 0.2) < 0.09) and abs(y) < 0.85
        blank = hash2(int(np.floor(y / 0.13)), int(np.floor(z / 0.2))) < 0.3
        border = abs(y) > 1.13 or abs(z) > 0.53
        return 1 if border or (letters and not blank) else 0
    if code == 6:
        return 1 if abs(z) < 0.07 and abs(y) < 0.27 else 0
    if code == 7:
        inside = z > -0.28 and abs(y) < 0.32 - 0.55 * (z + 0.28)
        walker = abs(y - 0.15 * z) < 0.045 and -0.2 < z < 0.12
        return (3 if walker else 1) if inside else 0
    if code == 8:
        return 1 if abs(y) + abs(z) > 0.4 else 0
    if code == 9:
        return 2 if max(z * 0.9 - 0.13, abs(y) * 0.87 - z * 0.5 - 0.13) > 0.0 else 0
    stem = -0.2 < y < -0.1 and abs(z) < 0.26
    bow = -0.2 < y < 0.15 and (0.16 < z < 0.26 or -0.06 < z < 0.02)
    return 1 if stem or bow or (0.08 < y < 0.18 and -0.02 < z < 0.24) or r > 0.5 else 0


@_jit  # type: ignore[untyped-decorator]
def sign_color(
    code: int, y: float, z: float, r: float, g: float, b: float
) -> tuple[float, float, float]:
    """Return the linear color of a sign face at (y, z) meters from its middle."""
    ink = _sign(code, -y, z)
    if ink == 1:
        return 0.85, 0.85, 0.85
    if ink == 2:
        return 0.55, 0.02, 0.02
    if ink == 3:
        return 0.02, 0.02, 0.02
    return r, g, b


@_jit  # type: ignore[untyped-decorator]
def ground_pattern(
    texture: int, scale: float, a: float, b: float, foot: float
) -> tuple[float, float]:
    """Return (brightness, tint towards brown) of the textures that cover areas."""
    if texture == 1:  # asphalt
        value = 1.0 + 0.30 * detail(a, b, 0.04, foot) + 0.22 * detail(a, b, 0.9, foot)
        value += 0.22 * detail(a, b, 4.0, foot)
        # Cracks follow the zero line of a noise, where a second one lets them.
        line = abs(detail(a + 3.1, b, 3.1, foot * 10) + 0.5 * detail(a, b, 0.45, foot * 3))
        crack = line < 0.006 and noise2(a / 5.0 + 9.0, b / 5.0) > 0.62
        return (value * 0.66 if crack else value), 0.0
    if texture == 2:  # paving
        joint = max(
            _joints(a, scale, 0.035, foot),
            _joints(b + 0.5 * scale * (int(np.floor(a / scale)) & 1), scale, 0.035, foot),
        )
        slab = hash2(int(np.floor(a / scale)), int(np.floor(b / scale))) - 0.5
        fade = min(max(1.5 - foot / scale, 0.0), 1.0)
        value = (
            1.0
            + 0.16 * slab * fade
            + 0.2 * detail(a, b, 0.08, foot)
            + 0.1 * detail(a, b, 3.0, foot)
        )
        return value * (1.0 - 0.45 * joint), 0.0
    if texture == 3:  # brick
        height = 0.09 * max(scale, 0.6)
        row = int(np.floor(b / height))
        shifted = a + 0.5 * 0.26 * (row & 1)
        joint = max(_joints(b, height, 0.012, foot), _joints(shifted, 0.26, 0.012, foot))
        tone = hash2(int(np.floor(shifted / 0.26)), row) - 0.5
        fade = min(max(1.5 - foot / 0.12, 0.0), 1.0)
        return (1.0 + 0.4 * tone * fade + 0.15 * detail(a, b, 1.3, foot)) * (
            1 - joint
        ) + joint * 1.35, 0.0
    if texture == 5:  # grass
        value = 1.0 + 0.75 * detail(a, b, 0.07, foot) + 0.5 * detail(a, b, 0.35, foot)
        value += 0.35 * detail(a, b, 2.7, foot)
        return value, max(
            0.9 * detail(a + 17.0, b, 6.0, foot) + 0.2 * detail(a, b, 0.8, foot), 0.0
        )
    if texture == 6:  # foliage
        value = 1.0 + 1.1 * detail(a, b, scale * 0.3, foot) + 0.8 * detail(a, b, scale, foot)
        return max(value, 0.15), max(0.5 * detail(a + 5.0, b, scale * 4, foot), 0.0)
    if texture == 7:  # bark, wood
        return 1.0 + 0.6 * detail(a * 4.0, b * 0.6, 0.12, foot) + 0.25 * detail(
            a, b, 0.7, foot
        ), 0.0
    # gravel, concrete, plaster
    value = 1.0 + 0.35 * detail(a, b, scale * 0.12, foot) + 0.22 * detail(a, b, scale, foot)
    return value + 0.15 * detail(a, b, scale * 5.0, foot), 0.0


@_jit  # type: ignore[untyped-decorator]
def surface_color(
    texture: int, scale: float, base: np.ndarray, second: np.ndarray, s: int, p: np.ndarray,
    n: np.ndarray, i: int, foot: float,
) -> tuple[float, float, float, float, float]:  # fmt: skip
    """Return linear (r, g, b, glass share, window number) of row `s` at texture point `p[i]`.

    Rows come with their tables: a slice of an array costs more than the arithmetic on it.
    """
    ax, ay, az = abs(n[i, 0]), abs(n[i, 1]), abs(n[i, 2])
    if az > 0.7:
        a, b = p[i, 0], p[i, 1]
    elif ax > ay:
        a, b = p[i, 1], p[i, 2]
    else:
        a, b = p[i, 0], p[i, 2]
    r, g, blue = base[s, 0], base[s, 1], base[s, 2]
    if texture == 0 or texture == 9:
        return r, g, blue, 1.0 if texture == 9 else 0.0, -1.0
    if texture == 4:
        if az > 0.5:
            return 0.3 * r, 0.3 * g, 0.3 * blue, 0.0, -1.0
        value = 1.0 + 0.12 * detail(a, b, 0.3, foot) + 0.16 * detail(a, b, 2.6, foot)
        frame, glass, cell = _facade(a, b, scale, foot)
        value *= 1 - frame
        r = value * r + second[s, 0] * frame
        g = value * g + second[s, 1] * frame
        blue = value * blue + second[s, 2] * frame
        dark = 0.025 + 0.05 * cell
        return (r * (1 - glass) + dark * glass, g * (1 - glass) + dark * glass,
                blue * (1 - glass) + 1.15 * dark * glass, glass, cell)  # fmt: skip
    if texture == 8:
        ripple = 1.0 + 0.3 * detail(a, b * 2.5, 0.5, foot) + 0.3 * detail(a, b * 2.0, 2.0, foot)
        return r * ripple, g * ripple, blue * ripple, 0.0, -1.0
    if texture == 10:
        band = _joints(a + (b if az < 0.7 else 0.0), 2 * scale, scale, foot)
        return (r * (1 - band) + second[s, 0] * band, g * (1 - band) + second[s, 1] * band,
                blue * (1 - band) + second[s, 2] * band, 0.0, -1.0)  # fmt: skip
    if texture == 12 or texture == 13:
        groove = _joints(a if texture == 12 else b, scale, 0.22 * scale, foot)
        value = (1.0 - 0.4 * groove) * (1.0 + 0.15 * detail(a, b, 1.7, foot))
        return r * value, g * value, blue * value, 0.0, -1.0
    if texture == 14:
        r, g, blue = sign_color(int(scale), p[i, 1], p[i, 2], r, g, blue)
        return r, g, blue, 0.0, -1.0
    if texture == 16 or texture == 17:
        value = 1.0 + 0.3 * detail(a, b, 0.12, foot) + 0.2 * detail(a, b, 0.6, foot)
        return r * value, g * value, blue * value, 0.0, -1.0
    value, brown = ground_pattern(texture, scale, a, b, foot)
    brown = min(brown, 0.6)
    return (value * (r * (1 - brown) + 0.22 * brown), value * (g * (1 - brown) + 0.16 * brown),
            value * (blue * (1 - brown) + 0.07 * brown), 0.0, -1.0)  # fmt: skip
