"""The rig as the node knows it: the calibration file, and what comes in messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.config import CalibrationConfig
from mmseg_ros.core.errors import CalibrationError
from mmseg_ros.core.modalities import IMAGE, KINDS
from mmseg_ros.core.resources import config_file
from mmseg_ros.core.types import DEPTH, EVENT, RGB, Modality
from mmseg_ros.messages.sensor_poses import with_transform_poses
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.extrinsics import Mount, Rig, load_rig
from mmseg_ros.projection.intrinsics_rule import CAMERA_INFO, chosen_intrinsics, difference_text

_NEEDS_OWN_CAMERA = (DEPTH, EVENT)
_IMAGES = (RGB, IMAGE)
_UNKNOWN = Mount()


def find_rig(name_or_path: str) -> Rig:
    """Read a calibration by path, or by name from config/calibration/; '' gives an empty rig.

    Raises:
        CalibrationError: The file is no calibration, or there is none.
        ConfigError: There is none of that name.
    """
    if not name_or_path:
        return Rig()
    path = Path(name_or_path).expanduser()
    if path.exists():
        return load_rig(path)
    if path.suffix or len(path.parts) > 1:
        raise CalibrationError(f'calibration.file: {path} does not exist.')
    return load_rig(config_file(f'calibration/{name_or_path}.yaml'))


class Calibration:
    """Holds the current rig. Written by the executor thread, read by any.

    Attributes:
        rig: Intrinsics and extrinsics; replaced as a whole, never changed.
        explain_pose: Says why a sensor has no pose and what to do.
    """

    def __init__(
        self,
        rig: Rig,
        config: CalibrationConfig,
        kinds: Mapping[Modality, str],
        info_topic: Callable[[Modality], str],
    ) -> None:
        """Start from a rig.

        Args:
            rig: What the calibration file holds.
            config: How to use it.
            kinds: What each sensor is (rgb, depth, event, lidar or image).
            info_topic: Full name of a sensor's CameraInfo topic, for messages.
        """
        for name, kind in kinds.items():
            if config.depth_registered and kind == DEPTH:
                rig = rig.with_registered(name)
        self._rule = config.intrinsics
        self._rectified = {name for name, mount in rig.mounts.items() if mount.rectified}
        self._placed_by_file = tuple(
            name for name, mount in rig.mounts.items() if mount.T_base_sensor is not None
        )
        if self._rule == CAMERA_INFO:
            for name in rig.mounts:
                rig = rig.with_intrinsics(name, None)
        self._file_cameras = rig.cameras
        self.rig = rig
        self.explain_pose: Callable[[Modality], str] = self._explain_pose
        self._file = config.file
        self._kinds = kinds
        self._info_topic = info_topic
        self._received: dict[Modality, tuple[Any, ...]] = {}
        self._info_cameras: dict[Modality, CameraModel] = {}
        self._image_sizes: dict[Modality, tuple[int, int]] = {}

    def is_known(self, modality: Modality, message: Any) -> bool:
        """Return whether a CameraInfo says the same as the last one of this sensor."""
        return self._received.get(modality) == _content(message)

    def is_rectified(self, modality: Modality) -> bool:
        """Return whether the file says that images of a sensor are rectified."""
        return modality in self._rectified

    def update(self, modality: Modality, message: Any, camera: CameraModel) -> str:
        """Take the intrinsics of a CameraInfo, if they count (`calibration.intrinsics`).

        Returns:
            How they differ from those of the file, in a sentence; else ''.
        """
        self._received[modality] = _content(message)
        self._info_cameras[modality] = camera
        self.learn_size(modality, camera.height, camera.width)
        self._choose(modality)
        from_file = self._file_cameras.get(modality)
        if from_file is None:
            return ''
        difference = difference_text(self._rule, from_file, camera)
        return f'{modality}: {difference}.' if difference else ''

    def note_image_size(self, modality: Modality, height: int, width: int) -> None:
        """Take note of the size of a sensor's images; a CameraInfo of another one is not used."""
        if self._image_sizes.get(modality) != (height, width):
            self._image_sizes[modality] = (height, width)
            self.learn_size(modality, height, width)
            if modality in self._info_cameras:
                self._choose(modality)

    def size_note(self, modality: Modality, message: Any) -> str:
        """Return what a CameraInfo's size has to do with its rejection, in a sentence, or ''."""
        size = self._image_sizes.get(modality)
        height = (message.roi.height or message.height) // max(1, message.binning_y)
        width = (message.roi.width or message.width) // max(1, message.binning_x)
        if size is None or size == (height, width):
            return ''
        return f'it is of {width} x {height} pixels, but the images have {size[1]} x {size[0]}. '

    def size_conflict(self, modality: Modality) -> str:
        """Return how a sensor's CameraInfo and images differ in size and what to do, or ''."""
        camera, size = self._info_cameras.get(modality), self._image_sizes.get(modality)
        if camera is None or size is None or size == (camera.height, camera.width):
            return ''
        use = (
            f'the intrinsics of {self._file} are used'
            if self._chosen(modality, None) is not None
            else 'it is not used, and what is projected into this image pauses'
        )
        return (
            f'CameraInfo of {modality} on {self._info_topic(modality)} is of '
            f'{camera.width} x {camera.height} pixels, but the images have {size[1]} x {size[0]}: '
            f'{use}; publish the CameraInfo of the images as they come (with binning and roi set '
            'where they are binned or cropped).'
        )

    def _choose(self, modality: Modality) -> None:
        """Put the intrinsics that count into the rig."""
        conflict = self.size_conflict(modality)
        info = None if conflict else self._info_cameras.get(modality)
        chosen = self._chosen(modality, info)
        if chosen is not None or conflict:
            self.rig = self.rig.with_intrinsics(modality, chosen)

    def _chosen(self, modality: Modality, info: CameraModel | None) -> CameraModel | None:
        return chosen_intrinsics(self._rule, self._file_cameras.get(modality), info)

    def learn_size(self, modality: Modality, height: int, width: int) -> None:
        """Complete intrinsics of a file that does not hold the size of the image.

        Raises:
            CalibrationError: They cannot be those of an image of this size.
        """
        mount = self.rig.mounts.get(modality)
        if mount is None or mount.unsized is None:
            return
        self.rig = self.rig.with_image_size(modality, height, width)
        self._file_cameras = {**self._file_cameras, modality: self.rig.camera(modality)}

    def place(self, poses: Mapping[Modality, NDArray[np.float64]]) -> None:
        """Set the 4 x 4 poses that transforms tell; those of the file stay.

        Args:
            poses: Of all sensors that the transforms join. Others lose a pose of this kind.
        """
        self.rig = with_transform_poses(self.rig, self._placed_by_file, poses)

    def is_optical(self, modality: Modality) -> bool:
        """Return whether the frame of a sensor is optical, as of all that have pixels."""
        return KINDS[self._kinds.get(modality, IMAGE)].has_camera

    def lacks_pose(self, modalities: Iterable[Modality]) -> bool:
        """Return whether one of these sensors has no pose yet."""
        mounts = self.rig.mounts
        return any(mounts.get(name, _UNKNOWN).T_base_sensor is None for name in modalities)

    def missing(self, modality: Modality) -> str:
        """Return what is missing before samples of a sensor can be used and what to do, or ''.

        Images of the reference camera, and those that are aligned with it, need nothing.
        """
        kind, rig = self._kinds[modality], self.rig
        mount = rig.mounts.get(modality, _UNKNOWN)
        if kind in _IMAGES or (kind == DEPTH and mount.registered):
            return ''
        cameras = [modality, rig.reference] if kind in _NEEDS_OWN_CAMERA else [rig.reference]
        # Its own message tells the size that a file does not hold.
        unseen = [
            name
            for name in cameras
            if rig.mounts.get(name, _UNKNOWN).camera is None
            and not (name == modality and mount.unsized is not None)
        ]
        unplaced = [
            name
            for name in (modality, rig.reference)
            if rig.mounts.get(name, _UNKNOWN).T_base_sensor is None
        ]
        return ' '.join(
            [*map(self._explain_camera, unseen), *(self.explain_pose(name) for name in unplaced)]
        )

    def _explain_camera(self, modality: Modality) -> str:
        topic = self._info_topic(modality)
        conflict = self.size_conflict(modality)
        if conflict:
            return conflict
        if self.rig.mounts.get(modality, _UNKNOWN).unsized is not None:
            return (
                f'No image size of {modality}: {self._file} does not hold it, and neither an '
                f'image nor a CameraInfo on {topic} has come.'
            )
        if not self._file:
            return (
                f'No intrinsics of {modality}: no CameraInfo has come on {topic} and '
                'calibration.file is empty; publish the one or set the other.'
            )
        return (
            f'No intrinsics of {modality}: no CameraInfo has come on {topic} and {self._file} '
            'has none; publish or add them.'
        )

    def _explain_pose(self, modality: Modality) -> str:
        return (
            f'No pose of {modality}: calibration.file {self._file!r} has no T_base_sensor of it, '
            'and no transform joins it to a sensor that has one; add it.'
        )

    def frame_id(self, modality: Modality) -> str:
        """Return the frame that the calibration names for a sensor, or ''."""
        mount = self.rig.mounts.get(modality)
        return mount.frame_id if mount is not None else ''


def _content(message: Any) -> tuple[Any, ...]:
    return (
        message.header.frame_id,
        message.height,
        message.width,
        message.distortion_model,
        *(tuple(getattr(message, name)) for name in ('d', 'k', 'r', 'p')),
        message.binning_x,
        message.binning_y,
        message.roi.x_offset,
        message.roi.y_offset,
        message.roi.height,
        message.roi.width,
    )
