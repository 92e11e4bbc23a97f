"""Rows of measured pixels into another camera: loops that the compiler turns into vector code.

Each loop touches few arrays, short enough for the nearest cache. Values are those of
`camera.project_point`, to the last bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.projection.compiled import compiled
from mmseg_ros.projection.distortion import PINHOLE, distort_point


@compiled
def project_row(
    z: NDArray[np.float32],
    slope_x: NDArray[np.float32],
    slope_y: NDArray[np.float32],
    T: NDArray[np.float64],
    camera: NDArray[np.float64],
    u: NDArray[np.float64],
    v: NDArray[np.float64],
    depth: NDArray[np.float64],
) -> None:
    """Fill `u`, `v` and `depth` (NaN where the pixel cannot be projected) for one row of pixels.

    Whether a pixel falls inside the image is not looked at.

    Args:
        z: W float32, what the pixels measured along their optical axis, meters.
        slope_x: W float32, x / z of their rays.
        slope_y: W float32, y / z of their rays.
        T: 3 x 4, into the frame of the target's pixels.
        camera: `CameraModel.parameters` of the target.
        u: W float64, columns in the target.
        v: W float64, rows in the target.
        depth: W float64, meters along the target's optical axis.
    """
    lens_row(z, slope_x, slope_y, T, camera, u, v, depth)
    _to_pixels(u, camera[3], camera[5])
    _to_pixels(v, camera[4], camera[6])


@compiled
def lens_row(
    z: NDArray[np.float32],
    slope_x: NDArray[np.float32],
    slope_y: NDArray[np.float32],
    T: NDArray[np.float64],
    camera: NDArray[np.float64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    depth: NDArray[np.float64],
) -> None:
    """Fill what `project_row` does before the size of the image counts.

    Args:
        z: W float32, what the pixels measured along their optical axis, meters.
        slope_x: W float32, x / z of their rays.
        slope_y: W float32, y / z of their rays.
        T: 3 x 4, into the frame of the target's pixels.
        camera: `CameraModel.parameters` of the target.
        x: W float64, x / z behind the target's lens.
        y: W float64, y / z behind it.
        depth: W float64, meters along the target's optical axis.
    """
    _transform(z, slope_x, slope_y, T[0], x)
    _transform(z, slope_x, slope_y, T[1], y)
    _transform(z, slope_x, slope_y, T[2], depth)
    _divide(x, depth)
    _divide(y, depth)
    _mark(z, x, y, camera[7], depth)
    model = int(camera[0])
    if model != PINHOLE:
        for j in range(len(x)):
            x[j], y[j] = distort_point(model, camera[8:], x[j], y[j])


@compiled
def to_pixels(
    values: NDArray[np.float64], focal: float, center: float, pixels: NDArray[np.float64]
) -> None:
    """Fill columns or rows of `lens_row`'s values.

    Args:
        values: W float64, x / z or y / z.
        focal: Focal length in pixels.
        center: Principal point in pixels.
        pixels: W float64.
    """
    for j in range(len(values)):
        pixels[j] = focal * values[j] + center


@compiled
def _to_pixels(values: NDArray[np.float64], focal: float, center: float) -> None:
    # In place and so apart from `to_pixels`: where arrays overlap, loops are no vector code.
    for j in range(len(values)):
        values[j] = focal * values[j] + center


@compiled
def _transform(
    z: NDArray[np.float32],
    slope_x: NDArray[np.float32],
    slope_y: NDArray[np.float32],
    row: NDArray[np.float64],
    result: NDArray[np.float64],
) -> None:
    a, b, c, d = row[0], row[1], row[2], row[3]
    for j in range(len(result)):
        far = float(z[j])
        result[j] = a * (far * slope_x[j]) + b * (far * slope_y[j]) + c * far + d


@compiled
def _divide(values: NDArray[np.float64], divisor: NDArray[np.float64]) -> None:
    for j in range(len(values)):
        values[j] /= divisor[j]


@compiled
def _mark(
    z: NDArray[np.float32],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    largest: float,
    depth: NDArray[np.float64],
) -> None:
    for j in range(len(depth)):
        measured = (z[j] > np.float32(0.0)) & (z[j] < np.float32(np.inf))
        seen = (depth[j] > 0.0) & (x[j] * x[j] + y[j] * y[j] <= largest)
        depth[j] = depth[j] if measured & seen else np.nan
