"""A rig as text, for people who check a calibration."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.modalities import KINDS, kind_of
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.projection.transforms import T_OPTICAL_BODY_ROTATION


def rig_summary(rig: Rig) -> str:
    """Return one line per sensor: frame, position, attitude, image and field of view.

    Attitude is roll, pitch and yaw in degrees of the sensor's body axes (x forward, y left, z up)
    in the base frame; a camera that looks straight ahead has zeros.
    """
    lines = [f'reference: {rig.reference}']
    for modality, mount in rig.mounts.items():
        parts = [f'{modality:<8} {mount.frame_id or "(no frame)":<20}']
        is_camera = mount.camera is not None or mount.unsized is not None
        parts.append(_pose_text(mount.T_base_sensor, is_camera))
        if mount.camera is not None:
            parts.append(_camera_text(mount.camera))
        elif mount.unsized is not None:
            parts.append(f'fx {mount.unsized.K[0, 0]:.1f} px, image size unknown')
        if mount.registered:
            parts.append('registered')
        lines.append('  '.join(parts))
    return '\n'.join(lines)


def lacking(rig: Rig) -> list[str]:
    """Return one sentence per sensor that lacks something, and what it is."""
    lines = []
    for modality, mount in rig.mounts.items():
        absent = [] if mount.T_base_sensor is not None or mount.registered else ['its pose']
        if mount.unsized is not None:
            absent.append('the size of its image (an image or CameraInfo tells it)')
        elif mount.camera is None and KINDS[kind_of(modality)].has_camera:
            absent.append('its intrinsics')
        if absent:
            lines.append(f'{modality} lacks {" and ".join(absent)}.')
    if rig.reference not in rig.mounts:
        lines.append(f'The reference camera {rig.reference} is not there.')
    return lines


def _pose_text(T_base: NDArray[np.float64] | None, is_camera: bool) -> str:
    if T_base is None:
        return 'pose unknown'
    R = T_base[:3, :3] @ T_OPTICAL_BODY_ROTATION if is_camera else T_base[:3, :3]
    pitch = np.arcsin(np.clip(-R[2, 0], -1, 1))
    roll, yaw = np.arctan2(R[2, 1], R[2, 2]), np.arctan2(R[1, 0], R[0, 0])
    x, y, z = T_base[:3, 3]
    angles = ' '.join(f'{angle:+.2f}' for angle in np.degrees([roll, pitch, yaw]))
    return f'xyz {x:+.3f} {y:+.3f} {z:+.3f} m, rpy {angles} deg'


def _camera_text(camera: CameraModel) -> str:
    middle = (camera.height - 1) / 2
    rays = camera.unproject([[-0.5, middle], [camera.width - 0.5001, middle]])
    left, right = np.degrees(np.arctan2(rays[:, 0], rays[:, 2]))
    model = camera.distortion_model if camera.D.any() else 'no distortion'
    kind = ', rectified' if camera.rectified else ''
    return f'{camera.width} x {camera.height}, hfov {right - left:.1f} deg, {model}{kind}'
