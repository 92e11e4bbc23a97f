"""Who tells the intrinsics, the calibration file or CameraInfo: one rule, live and offline."""

from __future__ import annotations

import numpy as np

from mmseg_ros.projection.camera import CameraModel

AUTO, FILE, CAMERA_INFO = 'auto', 'file', 'camera_info'
_SAME_SHAPE = 0.02
TOLERANCE_PX = 1.0
"""Distance of the same ray in both cameras from which on their difference is told."""


def chosen_intrinsics(
    rule: str, from_file: CameraModel | None, from_info: CameraModel | None
) -> CameraModel | None:
    """Return the intrinsics that count.

    A file for another resolution of the same camera is scaled to that of CameraInfo. Where the
    shapes of the images differ, the file is for other images, and `auto` takes CameraInfo.

    Args:
        rule: `auto` (the file's, and CameraInfo where it has none), `file` or `camera_info`.
        from_file: What the calibration file holds.
        from_info: What a CameraInfo message holds.
    """
    if from_file is None or from_info is None:
        only = from_file or from_info
        is_wanted = rule == AUTO or (rule == FILE) == (from_file is not None)
        return only if is_wanted else None
    if rule == CAMERA_INFO:
        return from_info
    if _same_shape(from_file, from_info):
        return from_file.resized(from_info.height, from_info.width)
    return from_file if rule == FILE else from_info


def difference_text(rule: str, from_file: CameraModel, from_info: CameraModel) -> str:
    """Return how far file and CameraInfo are apart, and which counts; '' below `TOLERANCE_PX`.

    Args:
        rule: As in `chosen_intrinsics`.
        from_file: What the calibration file holds.
        from_info: What a CameraInfo message holds.
    """
    if _same_shape(from_file, from_info):
        away = _distance_text(from_file.resized(from_info.height, from_info.width), from_info)
    else:
        away = (
            f'the file is for {from_file.width} x {from_file.height} images, CameraInfo for '
            f'{from_info.width} x {from_info.height}'
        )
    if not away:
        return ''
    uses_info = chosen_intrinsics(rule, from_file, from_info) is from_info
    used = 'CameraInfo' if uses_info else 'the file'
    return f'{away}; {used} is used (calibration.intrinsics: {rule})'


def _same_shape(one: CameraModel, other: CameraModel) -> bool:
    ratio = one.width * other.height / (one.height * other.width)
    return abs(ratio - 1.0) < _SAME_SHAPE


def _distance_text(from_file: CameraModel, from_info: CameraModel) -> str:
    width, height = from_file.width, from_file.height
    u, v = np.meshgrid(np.linspace(0, width - 1, 9), np.linspace(0, height - 1, 9))
    uv = np.stack([u.ravel(), v.ravel()], axis=1)
    moved, _ = from_info.project(from_file.unproject(uv))
    away = np.linalg.norm(moved - uv, axis=1)
    known = away[np.isfinite(away)]
    if len(known) and known.max() <= TOLERANCE_PX:
        return ''
    largest = f'up to {known.max():.1f} px' if len(known) else 'everywhere'
    return f'file and CameraInfo differ by {largest}'
