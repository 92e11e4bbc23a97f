"""One sensor of the rig: its pose and, if it has an image, its intrinsics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.transforms import rigid


@dataclass(frozen=True, eq=False)
class Mount:
    """One sensor of the rig.

    Attributes:
        frame_id: Name of its frame; an optical frame for cameras.
        T_base_sensor: 4 x 4 pose in the base frame (x forward, y left, z up); None if unknown.
        camera: Its intrinsics, if it has an image; None if unknown.
        registered: Whether its images are already in the image of the reference camera.
    """

    frame_id: str = ''
    T_base_sensor: NDArray[np.float64] | None = None
    camera: CameraModel | None = None
    registered: bool = False


def mount_from_dict(name: str, data: Mapping[str, Any]) -> Mount:
    """Build a mount from its mapping in a YAML file.

    Args:
        name: The modality, for messages.
        data: Keys frame_id, T_base_sensor, camera, registered; all optional.

    Raises:
        CalibrationError: A key is unknown or a value is impossible.
    """
    unknown = set(data) - {'frame_id', 'T_base_sensor', 'camera', 'registered'}
    if unknown:
        raise CalibrationError(f'Sensor {name!r} has unknown keys: {", ".join(sorted(unknown))}.')
    T, camera = data.get('T_base_sensor'), data.get('camera')
    frame_id = str(data.get('frame_id', ''))
    return Mount(
        frame_id=frame_id,
        T_base_sensor=None if T is None else rigid(T, f'T_base_sensor of {name!r}'),
        camera=None if camera is None else CameraModel(frame_id=frame_id, **camera),
        registered=bool(data.get('registered', False)),
    )


def mount_to_dict(mount: Mount) -> dict[str, Any]:
    """Return the plain mapping that `mount_from_dict` reads."""
    data: dict[str, Any] = {'frame_id': mount.frame_id}
    if mount.T_base_sensor is not None:
        data['T_base_sensor'] = mount.T_base_sensor.tolist()
    if mount.registered:
        data['registered'] = True
    if mount.camera is not None:
        camera = mount.camera
        data['camera'] = {
            'width': camera.width,
            'height': camera.height,
            'distortion_model': camera.distortion_model,
            **{name: getattr(camera, name).tolist() for name in 'DKRP'},
        }
        if camera.rectified:
            data['camera']['rectified'] = True
    return data
