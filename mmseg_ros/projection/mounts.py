"""One sensor of the rig: its pose and, if it has an image, its intrinsics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.config import SensorConfig
from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.core.parameters import parameters_of
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.plausible import check_plausible
from mmseg_ros.projection.transforms import rigid

MOUNT_KEYS = frozenset({'frame_id', 'T_base_sensor', 'camera', 'registered'})
_SETTINGS = {item.name for item in parameters_of(SensorConfig)}


@dataclass(frozen=True, eq=False)
class Mount:
    """One sensor of the rig.

    Attributes:
        frame_id: Name of its frame; an optical frame for cameras.
        T_base_sensor: 4 x 4 pose in the base frame (x forward, y left, z up); None if unknown.
        camera: Its intrinsics, if it has an image; None if unknown.
        unsized: Its intrinsics where the source does not hold the size of the image: they become
            `camera` when the data tell it. Width and height in it are placeholders.
        registered: Whether its images are already in the image of the reference camera.
    """

    frame_id: str = ''
    T_base_sensor: NDArray[np.float64] | None = None
    camera: CameraModel | None = None
    registered: bool = False
    unsized: CameraModel | None = None

    @property
    def rectified(self) -> bool:
        """Return whether the source says that the images are rectified."""
        known = self.camera or self.unsized
        return known is not None and known.rectified


def with_unsized(mount: Mount, K: Any, **camera: Any) -> Mount:
    """Return the mount with intrinsics whose image size is not known yet.

    Args:
        mount: Without intrinsics.
        K: 3 x 3 intrinsics, pixels of the full image.
        camera: Other fields of the camera.

    Raises:
        CalibrationError: The intrinsics are impossible.
    """
    # The principal point lies near the middle, which gives a placeholder of the right order.
    centre = np.clip(np.nan_to_num(np.array(K, np.float64).reshape(3, 3)[:2, 2]), 1, 1e5)
    width, height = (2 * centre).astype(int) + 1
    unsized = CameraModel(
        width=int(width), height=int(height), K=np.array(K, np.float64).reshape(3, 3), **camera
    )
    return replace(mount, unsized=unsized)


def sized(mount: Mount, height: int, width: int) -> Mount:
    """Return the mount where intrinsics that waited for the image size have it.

    Raises:
        CalibrationError: They cannot be those of an image of this size.
    """
    if mount.unsized is None:
        return mount
    camera = replace(mount.unsized, height=height, width=width)
    check_plausible(camera)
    return replace(mount, camera=camera, unsized=None)


def mount_from_dict(name: str, data: Mapping[str, Any]) -> Mount:
    """Build a mount from its mapping in a YAML file.

    Args:
        name: The modality, for messages.
        data: Keys frame_id, T_base_sensor, camera, registered, all optional; parameters of the
            sensor (topic, window_s ...) may stand beside them and are left to the node.

    Raises:
        CalibrationError: A key is unknown or a value is impossible.
    """
    unknown = set(data) - MOUNT_KEYS - _SETTINGS
    if unknown:
        raise CalibrationError(f'Sensor {name!r} has unknown keys: {", ".join(sorted(unknown))}.')
    T, camera = data.get('T_base_sensor'), data.get('camera')
    mount = Mount(
        frame_id=str(data.get('frame_id', '')),
        T_base_sensor=None if T is None else rigid(T, f'T_base_sensor of {name!r}'),
        registered=bool(data.get('registered', False)),
    )
    if camera is None:
        return mount
    size = {key: camera[key] for key in ('height', 'width') if key in camera}
    others = {key: value for key, value in camera.items() if key not in size}
    mount = with_unsized(mount, others.pop('K'), frame_id=mount.frame_id, **others)
    return sized(mount, **size) if len(size) == 2 else mount


def mount_to_dict(mount: Mount) -> dict[str, Any]:
    """Return the plain mapping that `mount_from_dict` reads."""
    data: dict[str, Any] = {'frame_id': mount.frame_id}
    if mount.T_base_sensor is not None:
        data['T_base_sensor'] = mount.T_base_sensor.tolist()
    if mount.registered:
        data['registered'] = True
    camera = mount.camera or mount.unsized
    if camera is not None:
        size = {} if mount.camera is None else {'width': camera.width, 'height': camera.height}
        data['camera'] = {
            **size,
            'distortion_model': camera.distortion_model,
            'D': camera.D.tolist(),
            'K': camera.K.ravel().tolist(),
        }
        if not np.array_equal(camera.R, np.eye(3)):
            data['camera']['R'] = camera.R.ravel().tolist()
        if not np.array_equal(camera.P, np.hstack([camera.K, np.zeros((3, 1))])):
            data['camera']['P'] = camera.P.ravel().tolist()
        if camera.rectified:
            data['camera']['rectified'] = True
    return data
