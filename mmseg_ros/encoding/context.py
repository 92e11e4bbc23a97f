"""What an encoding may need besides the plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.types import Plane
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.projection.fit import Fit


@dataclass(frozen=True, eq=False)
class EncodingContext:
    """Facts about the camera and the sensor.

    Attributes:
        camera: Reference camera at the size of the plane, if it is calibrated.
        T_base_camera: 4 x 4 pose of the reference camera above ground, if it is known.
        value_range: Lowest and highest value of a 16-bit or float image; from the manifest.
    """

    camera: CameraModel | None = None
    T_base_camera: NDArray[np.float64] | None = None
    value_range: tuple[float, float] | None = None

    @classmethod
    def of_rig(cls, rig: Rig, fit: Fit) -> EncodingContext:
        """Return what a rig knows about its reference camera, for planes of this fit."""
        mount = rig.mounts.get(rig.reference)
        if mount is None:
            return cls()
        camera = None if mount.camera is None else fit.camera(mount.camera)
        return cls(camera, mount.T_base_sensor)


def require_channels(plane: Plane, encoding: str, *channels: int) -> None:
    """Raise SampleError unless the plane has one of these numbers of channels."""
    if plane.valid.shape != plane.values.shape[:2]:
        raise SampleError(
            f'Encoding {encoding!r} needs to know of each pixel whether it is valid, but the '
            f'values have shape {plane.values.shape} and `valid` has {plane.valid.shape}.'
        )
    if plane.values.ndim != 3 or plane.values.shape[2] not in channels:
        raise SampleError(
            f'Encoding {encoding!r} takes a plane of {" or ".join(map(str, channels))} '
            f'channels, but got shape {plane.values.shape}.'
        )
