"""Who tells the intrinsics, the calibration file or CameraInfo: one rule, live and offline."""

from __future__ import annotations

import numpy as np

from mmseg_ros.projection.camera import CameraModel

AUTO, FILE, CAMERA_INFO = 'auto', 'file', 'camera_info'
CHOICES = (AUTO, FILE, CAMERA_INFO)
TOLERANCE_PX = 1.0
"""Distance of the same ray in both cameras from which on their difference is told."""


def chosen_intrinsics(
    rule: str, from_file: CameraModel | None, from_info: CameraModel | None
) -> CameraModel | None:
    """Return the intrinsics that count.

    Args:
        rule: `auto` (the file's, and CameraInfo where it has none), `file` or `camera_info`.
        from_file: What the calibration file holds.
        from_info: What a CameraInfo message holds.
    """
    if rule == FILE:
        return from_file
    if rule == CAMERA_INFO:
        return from_info
    return from_file or from_info


def difference_text(from_file: CameraModel, from_info: CameraModel) -> str:
    """Return how far file and CameraInfo are apart, in a sentence; '' below `TOLERANCE_PX`.

    Args:
        from_file: What the calibration file holds.
        from_info: What a CameraInfo message holds.
    """
    size, other = (from_file.width, from_file.height), (from_info.width, from_info.height)
    if size != other:
        return (
            f'the file is for {size[0]} x {size[1]} images, CameraInfo for {other[0]} x {other[1]}'
        )
    u, v = np.meshgrid(np.linspace(0, size[0] - 1, 9), np.linspace(0, size[1] - 1, 9))
    uv = np.stack([u.ravel(), v.ravel()], axis=1)
    moved, _ = from_info.project(from_file.unproject(uv))
    away = np.linalg.norm(moved - uv, axis=1)
    known = away[np.isfinite(away)]
    if len(known) and known.max() <= TOLERANCE_PX:
        return ''
    largest = f'up to {known.max():.1f} px' if len(known) else 'everywhere'
    return f'file and CameraInfo differ by {largest}'
