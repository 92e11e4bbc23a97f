"""The rig: which sensor sits where, and how each camera sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.core.resources import config_file
from mmseg_ros.core.safe_yaml import parse_yaml, read_text
from mmseg_ros.core.types import RGB, Modality
from mmseg_ros.projection import calibration_formats as formats
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.mounts import Mount, mount_from_dict, mount_to_dict, sized
from mmseg_ros.projection.transforms import invert, rigid

__all__ = ['DEFAULT_RIG', 'Mount', 'Rig', 'load_rig']

DEFAULT_RIG = 'calibration/demo_rig.yaml'


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
        mount = self.mounts.get(modality, Mount())
        camera = mount.camera
        if camera is None and mount.unsized is not None:
            raise CalibrationError(
                f'The calibration does not hold the image size of {modality!r}, and neither a '
                'CameraInfo nor an image told it.'
            )
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
        return self._with(modality, replace(mount, camera=camera, unsized=None))

    def with_intrinsics(self, modality: Modality, camera: CameraModel | None) -> Rig:
        """Return the rig with these intrinsics, or where they are unknown."""
        if camera is not None:
            return self.with_camera(modality, camera)
        mount = self.mounts.get(modality, Mount())
        return self._with(modality, replace(mount, camera=None))

    def with_frame(self, modality: Modality, frame_id: str) -> Rig:
        """Return the rig where a sensor has a frame, unless it has one already."""
        mount = self.mounts.get(modality, Mount())
        return self._with(modality, replace(mount, frame_id=mount.frame_id or frame_id))

    def with_image_size(self, modality: Modality, height: int, width: int) -> Rig:
        """Return the rig where intrinsics that lacked the image size have it.

        Raises:
            CalibrationError: They cannot be those of an image of this size.
        """
        mount = self.mounts.get(modality)
        if mount is None or mount.unsized is None:
            return self
        try:
            return self._with(modality, sized(mount, height, width))
        except CalibrationError as error:
            raise CalibrationError(f'{modality}: {error}') from error

    def with_pose(self, modality: Modality, T_base_sensor: NDArray[np.float64]) -> Rig:
        """Return the rig with this 4 x 4 sensor pose, e.g. from /tf_static."""
        mount = self.mounts.get(modality, Mount())
        checked = rigid(T_base_sensor, f'Pose of {modality!r}')
        return self._with(modality, replace(mount, T_base_sensor=checked))

    def without_pose(self, modality: Modality) -> Rig:
        """Return the rig where the pose of a sensor is unknown."""
        return self._with(modality, replace(self.mounts[modality], T_base_sensor=None))

    def with_registered(self, modality: Modality) -> Rig:
        """Return the rig where images of `modality` are already in the reference image."""
        return self._with(modality, replace(self.mounts.get(modality, Mount()), registered=True))

    def _with(self, modality: Modality, mount: Mount) -> Rig:
        return replace(self, mounts={**self.mounts, modality: mount})

    def to_dict(self) -> dict[str, Any]:
        """Return the plain mapping that `from_dict` reads."""
        return {
            'reference': self.reference,
            'sensors': {name: mount_to_dict(mount) for name, mount in self.mounts.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], source: str = 'calibration') -> Rig:
        """Build a rig from the mapping of a YAML file.

        Raises:
            CalibrationError: A value is missing, unknown or impossible; `source` names the place.
        """
        try:
            mounts = {
                str(name): mount_from_dict(name, sensor)
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


def load_rig(path: str | Path = '', image_size: tuple[int, int] | None = None) -> Rig:
    """Read a rig from a calibration file; without a path, the rig of the simulated vehicle.

    The content tells the format: our YAML, a CameraInfo as YAML, `ost.yaml` of camera_calibration,
    Kalibr's camchain, koide3's and MUSES' `calib.json`, nuScenes' records, KITTI's texts.

    Args:
        path: The file; or the folder of KITTI's raw calibration or of nuScenes' tables.
        image_size: (height, width) of the reference image, for formats that do not hold it.
            Without it such intrinsics wait for `with_image_size`.

    Raises:
        CalibrationError: The file cannot be read or is not a calibration.
    """
    path = Path(path) if path else config_file(DEFAULT_RIG)
    try:
        rig = _read(path)
        return rig if image_size is None else rig.with_image_size(rig.reference, *image_size)
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise CalibrationError(f'{path}: cannot read the calibration ({error}).') from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, LookupError) as error:
        raise CalibrationError(f'{path}: not a complete calibration ({error!r}).') from error
    except CalibrationError as error:
        message = str(error)
        raise CalibrationError(
            message if message.startswith(str(path)) else f'{path}: {message}'
        ) from error


def _read(path: Path) -> Rig:
    if path.is_dir():
        return Rig(formats.folder_mounts(path))
    text = read_text(path, CalibrationError)
    if path.suffix == '.txt':
        return Rig(formats.text_mounts(text, path))
    data = parse_yaml(text, str(path), CalibrationError)  # JSON is YAML
    if isinstance(data, dict) and isinstance(data.get('sensors'), dict):
        return Rig.from_dict(data, str(path))
    return Rig(formats.mounts_of(data, path))
