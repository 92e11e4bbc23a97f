"""The rig: which sensor sits where, and how each camera sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.core.resources import config_file
from mmseg_ros.core.types import RGB, Modality
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.transforms import invert, rigid

DEFAULT_RIG = 'calibration/demo_rig.yaml'


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


@dataclass(frozen=True, eq=False)
class Rig:
    """All sensors of a vehicle, by modality.

    Attributes:
        mounts: One mount per modality.
        reference: Modality whose image everything is brought into.
    """

    mounts: Mapping[Modality, Mount] = field(default_factory=dict)
    reference: Modality = RGB

    @property
    def cameras(self) -> dict[Modality, CameraModel]:
        """Return the known intrinsics by modality."""
        return {name: m.camera for name, m in self.mounts.items() if m.camera is not None}

    def camera(self, modality: Modality) -> CameraModel:
        """Return the intrinsics of `modality`.

        Raises:
            CalibrationError: They are unknown.
        """
        camera = self.mounts.get(modality, Mount()).camera
        if camera is None:
            raise CalibrationError(
                f'No intrinsics of {modality!r}: no CameraInfo arrived and the calibration file '
                f'has none (it has: {", ".join(self.cameras) or "none"}).'
            )
        return camera

    def T_base(self, modality: Modality) -> NDArray[np.float64]:  # noqa: N802
        """Return the 4 x 4 pose of a sensor in the base frame.

        Raises:
            CalibrationError: It is unknown.
        """
        T = self.mounts.get(modality, Mount()).T_base_sensor
        if T is None:
            known = [name for name, m in self.mounts.items() if m.T_base_sensor is not None]
            raise CalibrationError(
                f'No extrinsics of {modality!r}: neither /tf_static nor the calibration file has '
                f'its pose (known: {", ".join(known) or "none"}).'
            )
        return T

    def T(self, target: Modality, source: Modality) -> NDArray[np.float64]:  # noqa: N802
        """Return the 4 x 4 transform from the frame of `source` into the frame of `target`.

        Raises:
            CalibrationError: The pose of one of them is unknown.
        """
        if target == source:
            return np.eye(4)
        return invert(self.T_base(target)) @ self.T_base(source)

    def with_camera(self, modality: Modality, camera: CameraModel) -> Rig:
        """Return the rig with these intrinsics, e.g. from a CameraInfo message."""
        mount = self.mounts.get(modality, Mount(frame_id=camera.frame_id))
        return self._with(modality, replace(mount, camera=camera))

    def with_pose(self, modality: Modality, T_base_sensor: NDArray[np.float64]) -> Rig:
        """Return the rig with this 4 x 4 sensor pose, e.g. from /tf_static."""
        mount = self.mounts.get(modality, Mount())
        checked = rigid(T_base_sensor, f'Pose of {modality!r}')
        return self._with(modality, replace(mount, T_base_sensor=checked))

    def with_registered(self, modality: Modality) -> Rig:
        """Return the rig where images of `modality` are already in the reference image."""
        return self._with(modality, replace(self.mounts.get(modality, Mount()), registered=True))

    def _with(self, modality: Modality, mount: Mount) -> Rig:
        return replace(self, mounts={**self.mounts, modality: mount})

    def to_dict(self) -> dict[str, Any]:
        """Return the plain mapping that `from_dict` reads."""
        return {
            'reference': self.reference,
            'sensors': {name: _mount_to_dict(mount) for name, mount in self.mounts.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], source: str = 'calibration') -> Rig:
        """Build a rig from the mapping of a YAML file.

        Raises:
            CalibrationError: A value is missing, unknown or impossible; `source` names the place.
        """
        try:
            mounts = {
                str(name): _mount_from_dict(name, sensor)
                for name, sensor in data['sensors'].items()
            }
            return cls(mounts, str(data.get('reference', RGB)))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise CalibrationError(
                f'{source}: not a calibration ({error!r}); needed: reference, '
                'sensors.<name>.{frame_id, T_base_sensor, camera}.'
            ) from error
        except CalibrationError as error:
            raise CalibrationError(f'{source}: {error}') from error


def load_rig(path: str | Path = '') -> Rig:
    """Read a rig from a YAML file; without a path, the rig of the simulated vehicle.

    Raises:
        CalibrationError: The file cannot be read or is not a calibration.
    """
    path = Path(path) if path else config_file(DEFAULT_RIG)
    try:
        data = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CalibrationError(f'{path}: cannot read the calibration ({error}).') from error
    return Rig.from_dict(data, str(path))


def _mount_from_dict(name: str, data: Mapping[str, Any]) -> Mount:
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


def _mount_to_dict(mount: Mount) -> dict[str, Any]:
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
