"""Whether intrinsics can be those of a real camera: drivers and files hold placeholders."""

from __future__ import annotations

import numpy as np

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.projection.camera import CameraModel

LEAST_FOCAL_SHARE = 0.05
"""Focal length over the longer side: 0.05 is 168 degrees without distortion; fisheyes have 0.2."""
LARGEST_FOCAL_SHARE = 100.0
LARGEST_FOCAL_RATIO = 4.0
BORDER_SHARE = 0.02
"""The principal point lies farther than this share of the image from its border."""
ONLY_RECTIFIED = (
    'so the driver sends rectified images only; set `rectified: true` for this camera in a '
    'calibration file'
)
"""What a K that says nothing beside a good P means, and the remedy."""


def check_plausible(camera: CameraModel) -> None:
    """Check the matrix that the pixels belong to: K, or P of a rectified image.

    Call it with the camera of the whole image: that of a region of interest may have its
    principal point outside.

    Raises:
        CalibrationError: It is no camera's; says which number cannot be.
    """
    name, A = ('P', camera.P) if camera.rectified else ('K', camera.K)
    fx, fy, cx, cy = A[0, 0], A[1, 1], A[0, 2], A[1, 2]
    longer = max(camera.width, camera.height)
    fault = ''
    if (
        not LEAST_FOCAL_SHARE * longer
        <= min(fx, fy)
        <= max(fx, fy)
        <= LARGEST_FOCAL_SHARE * longer
    ):
        fault = f'focal lengths of {fx:g} and {fy:g} px'
    elif max(fx, fy) > LARGEST_FOCAL_RATIO * min(fx, fy):
        fault = f'focal lengths as different as {fx:g} and {fy:g} px'
    elif not (_inside(cx, camera.width) and _inside(cy, camera.height)):
        fault = f'the principal point at ({cx:g}, {cy:g})'
    if not fault:
        return
    hint = 'calibrate the camera, or name a calibration file (calibration.intrinsics: file)'
    if not camera.rectified and np.allclose(A, np.eye(3)) and camera.P[0, 0] > 1.0:
        hint = f'K is the identity and P is not, {ONLY_RECTIFIED}'
    raise CalibrationError(
        f'Camera {name} is implausible: {fault} in a {camera.width} x {camera.height} image; '
        f'{hint}.'
    )


def _inside(centre: float, size: int) -> bool:
    return BORDER_SHARE * size <= centre <= (1.0 - BORDER_SHARE) * size
