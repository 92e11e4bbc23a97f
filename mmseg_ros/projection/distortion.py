"""Lens distortion of one point, compiled: the only place where distortion formulas stand.

All functions work in normalized image coordinates (x / z, y / z).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.projection.compiled import compiled

PINHOLE, RATIONAL, EQUIDISTANT, TILTED = 0, 1, 2, 3
COEFFICIENTS = 30
"""Numbers per lens: 12 coefficients, the tilt of the sensor (3 x 3) and its inverse."""
_MAX_NEWTON_STEPS = 50
_LARGEST_SQUARE = 3.3e5  # of the tangent of 89.9 degrees


@compiled
def distort_point(model: int, D: NDArray[np.float64], x: float, y: float) -> tuple[float, float]:
    """Return the distorted coordinates of an ideal point.

    Args:
        model: PINHOLE, RATIONAL (plumb_bob is rational with zeros), EQUIDISTANT or TILTED
            (rational with a sensor that is not parallel to the lens).
        D: What `lens_coefficients` returns.
        x: Ideal coordinate to the right.
        y: Ideal coordinate downwards.

    Source: OpenCV's documentation of calib3d and of its fisheye namespace.
    """
    if model == PINHOLE:
        return x, y
    r2 = x * x + y * y
    if model in (RATIONAL, TILTED):
        radial = (1.0 + r2 * (D[0] + r2 * (D[1] + r2 * D[4]))) / (
            1.0 + r2 * (D[5] + r2 * (D[6] + r2 * D[7]))
        )
        xd = x * radial + 2.0 * D[2] * x * y + D[3] * (r2 + 2.0 * x * x)
        yd = y * radial + D[2] * (r2 + 2.0 * y * y) + 2.0 * D[3] * x * y
        xd += r2 * (D[8] + r2 * D[9])
        yd += r2 * (D[10] + r2 * D[11])
        return _tilt(D[12:21], xd, yd) if model == TILTED else (xd, yd)
    r = math.sqrt(r2)
    if r < 1e-12:
        return x, y
    theta = math.atan(r)
    t2 = theta * theta
    scale = theta * (1.0 + t2 * (D[0] + t2 * (D[1] + t2 * (D[2] + t2 * D[3])))) / r
    return x * scale, y * scale


@compiled
def undistort_point(
    model: int, D: NDArray[np.float64], r2_max: float, xd: float, yd: float
) -> tuple[float, float]:
    """Return the ideal coordinates of a distorted point; NaN where the lens maps nothing to it.

    Args:
        model: As in `distort_point`.
        D: As in `distort_point`.
        r2_max: Squared radius beyond which the lens model folds back.
        xd: Distorted coordinate to the right.
        yd: Distorted coordinate downwards.
    """
    if model == PINHOLE:
        return xd, yd
    if model == TILTED:
        xd, yd = _tilt(D[21:30], xd, yd)
    if model in (RATIONAL, TILTED):
        return _undistort_rational(D, r2_max, xd, yd)
    return _undistort_equidistant(D, r2_max, xd, yd)


@compiled
def _tilt(H: NDArray[np.float64], x: float, y: float) -> tuple[float, float]:
    """Return a point moved by a 3 x 3 homography of 9 numbers."""
    w = H[6] * x + H[7] * y + H[8]
    return (H[0] * x + H[1] * y + H[2]) / w, (H[3] * x + H[4] * y + H[5]) / w


@compiled
def _undistort_rational(
    D: NDArray[np.float64], r2_max: float, xd: float, yd: float
) -> tuple[float, float]:
    x, y = xd, yd
    for _ in range(_MAX_NEWTON_STEPS):
        r2 = x * x + y * y
        if r2 > r2_max:  # never step over the fold
            shrink = 0.999999 * math.sqrt(r2_max / r2)
            x, y, r2 = x * shrink, y * shrink, r2_max * 0.999998
        top = 1.0 + r2 * (D[0] + r2 * (D[1] + r2 * D[4]))
        bottom = 1.0 + r2 * (D[5] + r2 * (D[6] + r2 * D[7]))
        radial = top / bottom
        slope = (
            (D[0] + r2 * (2.0 * D[1] + 3.0 * r2 * D[4])) * bottom
            - top * (D[5] + r2 * (2.0 * D[6] + 3.0 * r2 * D[7]))
        ) / (bottom * bottom)
        ex = x * radial + 2.0 * D[2] * x * y + D[3] * (r2 + 2.0 * x * x) - xd
        ey = y * radial + D[2] * (r2 + 2.0 * y * y) + 2.0 * D[3] * x * y - yd
        ex += r2 * (D[8] + r2 * D[9])
        ey += r2 * (D[10] + r2 * D[11])
        if ex * ex + ey * ey < 1e-26:
            return x, y
        jxx = radial + 2.0 * x * x * slope + 2.0 * D[2] * y + 6.0 * D[3] * x
        jxy = 2.0 * x * y * slope + 2.0 * D[2] * x + 2.0 * D[3] * y
        jyy = radial + 2.0 * y * y * slope + 6.0 * D[2] * y + 2.0 * D[3] * x
        prism_x = 2.0 * D[8] + 4.0 * r2 * D[9]
        prism_y = 2.0 * D[10] + 4.0 * r2 * D[11]
        jyx = jxy + prism_y * x
        jxx, jxy, jyy = jxx + prism_x * x, jxy + prism_x * y, jyy + prism_y * y
        determinant = jxx * jyy - jxy * jyx
        if determinant == 0.0:
            break
        x -= (jyy * ex - jxy * ey) / determinant
        y -= (jxx * ey - jyx * ex) / determinant
    xe, ye = distort_point(RATIONAL, D, x, y)
    if (xe - xd) ** 2 + (ye - yd) ** 2 < 1e-20 and x * x + y * y <= r2_max:
        return x, y
    return math.nan, math.nan


@compiled
def _undistort_equidistant(
    D: NDArray[np.float64], r2_max: float, xd: float, yd: float
) -> tuple[float, float]:
    target = math.sqrt(xd * xd + yd * yd)
    if target < 1e-12:
        return xd, yd
    limit = math.atan(math.sqrt(r2_max))
    theta = min(target, limit)
    for _ in range(_MAX_NEWTON_STEPS):
        t2 = theta * theta
        value = theta * (1.0 + t2 * (D[0] + t2 * (D[1] + t2 * (D[2] + t2 * D[3]))))
        slope = 1.0 + t2 * (3.0 * D[0] + t2 * (5.0 * D[1] + t2 * (7.0 * D[2] + 9.0 * t2 * D[3])))
        if slope == 0.0:
            break
        step = (value - target) / slope
        theta = min(max(theta - step, 0.0), limit)
        if abs(step) < 1e-15:
            break
    t2 = theta * theta
    value = theta * (1.0 + t2 * (D[0] + t2 * (D[1] + t2 * (D[2] + t2 * D[3]))))
    if abs(value - target) > 1e-10:
        return math.nan, math.nan
    scale = math.tan(theta) / target
    return xd * scale, yd * scale


def lens_coefficients(D: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the 30 float64 that the compiled lens models take.

    Args:
        D: Up to 14 coefficients in OpenCV's order: k1 k2 p1 p2 k3 k4 k5 k6 s1 s2 s3 s4 tx ty; or
            k1 k2 k3 k4 of the fisheye polynomial.

    Source: OpenCV's documentation of calib3d, thin prism and tilted sensor.
    """
    full = np.zeros(COEFFICIENTS)
    full[: min(len(D), 12)] = D[:12]
    tx, ty = D[12:14] if len(D) == 14 else (0.0, 0.0)
    turn_x = np.array(
        [[1, 0, 0], [0, math.cos(tx), math.sin(tx)], [0, -math.sin(tx), math.cos(tx)]]
    )
    turn_y = np.array(
        [[math.cos(ty), 0, -math.sin(ty)], [0, 1, 0], [math.sin(ty), 0, math.cos(ty)]]
    )
    R = turn_y @ turn_x
    onto_plane = np.array([[R[2, 2], 0, -R[0, 2]], [0, R[2, 2], -R[1, 2]], [0, 0, 1]])
    H = onto_plane @ R
    full[12:21], full[21:30] = H.ravel(), np.linalg.inv(H).ravel()
    return full


def fold_radius_squared(model: int, D: NDArray[np.float64]) -> float:
    """Return the squared ideal radius up to which the distorted radius grows; may be infinite.

    A point beyond it would be folded back into the image, so it has to be rejected before the
    distortion is applied.
    """
    if model in (RATIONAL, TILTED):
        top = np.polynomial.Polynomial([1.0, D[0], D[1], D[4]])
        bottom = np.polynomial.Polynomial([1.0, D[5], D[6], D[7]])
        s = np.polynomial.Polynomial([0.0, 1.0])
        slope = top * bottom + 2.0 * s * (top.deriv() * bottom - top * bottom.deriv())
        return min(_first_positive_root(slope), _first_positive_root(bottom))
    if model == EQUIDISTANT:
        slope = np.polynomial.Polynomial([1.0, 3.0 * D[0], 5.0 * D[1], 7.0 * D[2], 9.0 * D[3]])
        theta = math.sqrt(_first_positive_root(slope))
        return math.tan(theta) ** 2 if theta < 0.5 * math.pi else math.inf
    return math.inf


def _first_positive_root(polynomial: np.polynomial.Polynomial) -> float:
    """Return where a polynomial that is positive at 0 first vanishes; infinity if nowhere."""
    # Roots by eigenvalues are lost among tiny coefficients; a sign change is not.
    squares = np.geomspace(1e-6, _LARGEST_SQUARE, 8192)
    below = np.flatnonzero(polynomial(squares) <= 0.0)
    if not len(below):
        return math.inf
    high = float(squares[below[0]])
    low = float(squares[below[0] - 1]) if below[0] else 0.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if float(polynomial(middle)) > 0.0 else (low, middle)
    return low
