"""The camera model: intrinsics as CameraInfo defines them, projection and its inverse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.core.limits import size_fault
from mmseg_ros.projection.compiled import compiled
from mmseg_ros.projection.distortion import (
    EQUIDISTANT,
    PINHOLE,
    RATIONAL,
    TILTED,
    distort_point,
    fold_radius_squared,
    lens_coefficients,
    undistort_point,
)
from mmseg_ros.projection.lenses import canonical_lens, without_rounding

_BORDER_SAMPLES = 64


@dataclass(frozen=True, eq=False, kw_only=True)
class CameraModel:
    """One camera, in its optical frame (z forward, x right, y down; REP-103).

    Pixel centers lie at integer coordinates, so the image covers [-0.5, width - 0.5).

    Attributes:
        width: Image columns.
        height: Image rows.
        K: 3 x 3 intrinsics of the raw image, pixels.
        distortion_model: plumb_bob, rational_polynomial or equidistant (fisheye); the names of
            other tools (radtan, pinhole, fisheye ...) are taken and replaced by these.
        D: Distortion coefficients in the order of CameraInfo and OpenCV; empty for none.
        R: 3 x 3 rotation from the optical frame into the rectified frame.
        P: 3 x 4 projection of the rectified image, pixels.
        frame_id: Name of the optical frame.
        rectified: Whether pixels belong to the rectified image (R and P) or to the raw one.

    Raises:
        CalibrationError: A value is missing, not finite or out of range; the field is named.

    Source: sensor_msgs/CameraInfo.msg.
    """

    width: int
    height: int
    K: NDArray[np.float64]
    distortion_model: str = 'plumb_bob'
    D: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    R: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))
    P: NDArray[np.float64] = field(default_factory=lambda: np.zeros((3, 4)))
    frame_id: str = ''
    rectified: bool = False

    def __post_init__(self) -> None:
        for name, shape in (('K', (3, 3)), ('R', (3, 3)), ('P', (3, 4))):
            object.__setattr__(self, name, _matrix(name, getattr(self, name), shape))
        model, D = canonical_lens(self.distortion_model, _matrix('D', self.D, (-1,)))
        D.flags.writeable = False
        object.__setattr__(self, 'distortion_model', model)
        object.__setattr__(self, 'D', D)
        object.__setattr__(self, 'K', without_rounding(self.K))
        if not self.R.any():
            object.__setattr__(self, 'R', np.eye(3))
        if not self.P.any():
            object.__setattr__(self, 'P', np.hstack([self.K, np.zeros((3, 1))]))
        _validate(self)

    @classmethod
    def from_fov(cls, width: int, height: int, hfov_deg: float, frame_id: str = '') -> CameraModel:
        """Return a camera without distortion, from its horizontal field of view in degrees."""
        focal_px = 0.5 * width / math.tan(math.radians(hfov_deg) / 2)
        K = [[focal_px, 0, (width - 1) / 2], [0, focal_px, (height - 1) / 2], [0, 0, 1]]
        return cls(width=width, height=height, K=np.array(K), frame_id=frame_id)

    @cached_property
    def _key(self) -> tuple[object, ...]:
        arrays = (self.K.tobytes(), self.D.tobytes(), self.R.tobytes(), self.P.tobytes())
        names = (self.distortion_model, self.frame_id, self.rectified)
        return self.width, self.height, *names, *arrays

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CameraModel) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @cached_property
    def parameters(self) -> NDArray[np.float64]:
        """Return 38 float64 for compiled code, see `project_point`."""
        model = _model_code(self)
        D = lens_coefficients(self.D if model != PINHOLE else self.D[:0])
        A = self.P if self.rectified else self.K
        values = np.array(
            [model, self.width, self.height, A[0, 0], A[1, 1], A[0, 2], A[1, 2], np.inf, *D]
        )
        values[7] = fold_radius_squared(model, D)
        values[7] = min(values[7], _border_radius_squared(values))
        return values

    @property
    def image_rotation(self) -> NDArray[np.float64]:
        """Return the 3 x 3 rotation from the optical frame into the frame of the pixels."""
        return self.R if self.rectified else np.eye(3)

    def project(
        self, points_optical: NDArray[np.floating]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return (N x 2 pixels u v, N bool valid) of points in the optical frame.

        Args:
            points_optical: N x 3, meters.

        A point is valid if it is in front of the camera, inside the field of view where the lens
        model holds (tested before distortion, so nothing folds back) and inside the image.
        Pixels of points that cannot be projected at all are NaN.
        """
        points = np.asarray(points_optical, np.float64).reshape(-1, 3) @ self.image_rotation.T
        uv = np.empty((len(points), 2))
        valid = np.empty(len(points), np.bool_)
        _project_points(np.ascontiguousarray(points), self.parameters, uv, valid)
        return uv, valid

    def unproject(self, uv: ArrayLike) -> NDArray[np.float64]:
        """Return N x 3 rays with z = 1 in the optical frame; NaN where no ray reaches the pixel.

        Args:
            uv: N x 2 pixels.
        """
        pixels = np.ascontiguousarray(np.asarray(uv, np.float64).reshape(-1, 2))
        rays = np.ones((len(pixels), 3))
        _unproject_points(pixels, self.parameters, rays)
        if self.rectified:
            rays = rays @ self.R
            rays /= rays[:, 2:]
        return rays

    @property
    def rays(self) -> NDArray[np.float32]:
        """Return H x W x 3 float32 rays with z = 1, one per pixel, optical frame."""
        return _rays(self)

    @property
    def slopes(self) -> NDArray[np.float32]:
        """Return 2 x H x W float32: x / z and y / z of the rays, each in one piece of memory."""
        return _slopes(self)

    def resized(self, height: int, width: int) -> CameraModel:
        """Return the camera of the image scaled to `height` x `width`."""
        return (
            self if (height, width) == (self.height, self.width) else _resized(self, height, width)
        )

    def cropped(self, x: int, y: int, height: int, width: int) -> CameraModel:
        """Return the camera of the part of the image that starts at column `x` and row `y`."""
        shift = np.array([[1.0, 0, -x], [0, 1.0, -y], [0, 0, 1.0]])
        return replace(self, width=width, height=height, K=shift @ self.K, P=shift @ self.P)


# Tables are kept by value, so a CameraInfo that arrives again and again costs nothing.
@lru_cache(maxsize=16)
def _rays(camera: CameraModel) -> NDArray[np.float32]:
    v, u = np.mgrid[: camera.height, : camera.width]
    rays = camera.unproject(np.stack([u.ravel(), v.ravel()], axis=1)).astype(np.float32)
    rays.flags.writeable = False
    return rays.reshape(camera.height, camera.width, 3)


@lru_cache(maxsize=16)
def _slopes(camera: CameraModel) -> NDArray[np.float32]:
    slopes = np.ascontiguousarray(np.moveaxis(_rays(camera)[..., :2], 2, 0))
    slopes.flags.writeable = False
    return slopes


@lru_cache(maxsize=64)
def _resized(camera: CameraModel, height: int, width: int) -> CameraModel:
    sx, sy = width / camera.width, height / camera.height
    scale = np.array([[sx, 0, 0.5 * sx - 0.5], [0, sy, 0.5 * sy - 0.5], [0, 0, 1.0]])
    return replace(camera, width=width, height=height, K=scale @ camera.K, P=scale @ camera.P)


@compiled
def project_point(
    camera: NDArray[np.float64], x: float, y: float, z: float
) -> tuple[float, float, bool]:
    """Return (u, v, inside) of one point in the frame of the pixels.

    Args:
        camera: `CameraModel.parameters`: model, width, height, fx, fy, cx, cy, largest squared
            radius of an ideal point, `lens_coefficients`.
        x: Meters right.
        y: Meters down.
        z: Meters forward.
    """
    if not z > 0.0:
        return math.nan, math.nan, False
    a, b = x / z, y / z
    if not a * a + b * b <= camera[7]:
        return math.nan, math.nan, False
    model = int(camera[0])
    if model != PINHOLE:
        a, b = distort_point(model, camera[8:], a, b)
    u = camera[3] * a + camera[5]
    v = camera[4] * b + camera[6]
    return u, v, -0.5 <= u < camera[1] - 0.5 and -0.5 <= v < camera[2] - 0.5


@compiled
def _project_points(
    points: NDArray[np.float64],
    camera: NDArray[np.float64],
    uv: NDArray[np.float64],
    valid: NDArray[np.bool_],
) -> None:
    for i in range(len(points)):
        uv[i, 0], uv[i, 1], valid[i] = project_point(
            camera, points[i, 0], points[i, 1], points[i, 2]
        )


@compiled
def _unproject_points(
    uv: NDArray[np.float64], camera: NDArray[np.float64], rays: NDArray[np.float64]
) -> None:
    model = int(camera[0])
    for i in range(len(uv)):
        x = (uv[i, 0] - camera[5]) / camera[3]
        y = (uv[i, 1] - camera[6]) / camera[4]
        rays[i, 0], rays[i, 1] = undistort_point(model, camera[8:], camera[7], x, y)


def _border_radius_squared(parameters: NDArray[np.float64]) -> float:
    """Return the largest squared ideal radius on the image border."""
    width, height = parameters[1], parameters[2]
    along = np.linspace(0.0, 1.0, _BORDER_SAMPLES)
    u, v = along * width - 0.5, along * height - 0.5
    low, right, bottom = np.full_like(u, -0.5), np.full_like(u, width - 0.5), height - 0.5
    border = np.concatenate(
        [
            np.stack([u, low], 1),
            np.stack([u, np.full_like(u, bottom)], 1),
            np.stack([low, v], 1),
            np.stack([right, v], 1),
        ]
    )
    rays = np.ones((len(border), 3))
    _unproject_points(border, parameters, rays)
    radius = rays[:, 0] ** 2 + rays[:, 1] ** 2
    # Where the border has no ideal point the fold itself is the limit.
    return float(parameters[7]) if np.isnan(radius).any() else float(radius.max()) * (1 + 1e-6)


def _model_code(camera: CameraModel) -> int:
    if camera.rectified or (not camera.D.any() and camera.distortion_model != 'equidistant'):
        return PINHOLE
    if camera.distortion_model == 'equidistant':
        return EQUIDISTANT
    return TILTED if camera.D[12:].any() else RATIONAL


def _matrix(name: str, values: ArrayLike, shape: Sequence[int]) -> NDArray[np.float64]:
    array = np.array(values, np.float64)
    expected = abs(int(np.prod(shape)))
    if shape[-1] != -1 and array.size != expected:
        raise CalibrationError(
            f'Camera {name} must hold {expected} numbers, but has {array.size}.'
        )
    if not np.isfinite(array).all():
        raise CalibrationError(f'Camera {name} must be finite, but is {array.ravel().tolist()}.')
    array = array.reshape(shape)
    array.flags.writeable = False
    return array


def _validate(camera: CameraModel) -> None:
    if camera.width < 1 or camera.height < 1:
        raise CalibrationError(
            f'Camera image must have pixels, but is {camera.width} x {camera.height}.'
        )
    fault = size_fault(camera.width, camera.height)
    if fault:
        raise CalibrationError(f'Camera image: {fault}.')
    K, P = camera.K, camera.P
    if not (K[0, 0] > 0 and K[1, 1] > 0):
        raise CalibrationError(
            f'Camera K must have positive focal lengths, but has {K[0, 0]} and {K[1, 1]}: '
            'the camera is not calibrated (CameraInfo says so with zeros); '
            'calibrate it or name a calibration file.'
        )
    if K[0, 1] != 0 or K[1, 0] != 0 or not np.array_equal(K[2], [0, 0, 1]):
        raise CalibrationError(f'Camera K must be [fx 0 cx; 0 fy cy; 0 0 1], but is {K.tolist()}.')
    if not (P[0, 0] > 0 and P[1, 1] > 0):
        raise CalibrationError(f'Camera P must have positive focal lengths, but is {P.tolist()}.')
    if not np.allclose(camera.R @ camera.R.T, np.eye(3), atol=1e-3):
        raise CalibrationError(f'Camera R must be a rotation, but is {camera.R.tolist()}.')
