"""The sensor rig of a recording: calibration file, /tf_static and /tf, CameraInfo."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from mmseg_ros import messages
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.core.errors import MmsegError, SampleError
from mmseg_ros.core.modalities import TF_STATIC_TOPIC, TF_TOPIC, camera_info_beside
from mmseg_ros.core.types import LIDAR, RGB, Modality
from mmseg_ros.messages.sensor_poses import base_frame, sensor_poses, with_transform_poses
from mmseg_ros.messages.transforms import FrameTree
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.extrinsics import Rig
from mmseg_ros.projection.intrinsics_rule import AUTO, chosen_intrinsics, difference_text

_log = logging.getLogger(__name__)


def rig_from_bag(
    reader: BagReader,
    topics: Mapping[Modality, str],
    reference: Modality = RGB,
    *,
    given: Rig | None = None,
    intrinsics: str = AUTO,
    infos: Mapping[Modality, str] | None = None,
) -> Rig:
    """Return the rig of a recording: what a calibration file gives, and from the bag the rest.

    The reference camera has its place also if its images are not in the bag. The pose of a sensor
    without a transform stays unknown, with a warning; the alignment then rejects its samples while
    the others go on. The same holds for intrinsics that are malformed or implausible.

    Args:
        reader: An open bag.
        topics: Data topic per modality; the frame of a sensor is that of its first message.
        reference: Modality whose image the labels are made in.
        given: Content of a calibration file.
        intrinsics: Who wins, `auto`, `file` or `camera_info`.
        infos: CameraInfo topic per modality, where it is not the one beside the data.

    Raises:
        CalibrationError: The transforms of the sensors hold a loop.
    """
    source = _Source(reader, {**dict.fromkeys([reference], ''), **topics}, infos or {})
    rig = given or Rig(reference=reference)
    for modality in source.topics:
        rig = _with_intrinsics(rig, source, modality, intrinsics)
    return _with_poses(rig, source)


def frames_of_bag(reader: BagReader) -> FrameTree:
    """Return the fixed transforms of a recording; those that are skipped are named in the log."""
    frames = FrameTree()
    for topic in (TF_STATIC_TOPIC, TF_TOPIC):
        named: set[str] = set()
        for item in reader.raw([topic]):
            try:
                skipped = frames.add(reader.deserialize(item), topic == TF_STATIC_TOPIC)
            except SampleError as error:
                skipped = [str(error)]
            for text in set(skipped) - named:
                named.add(text)
                _log.warning('%s, %s: %s', reader.path, topic, text)
    return frames.fixed()


class _Source:
    """What a recording says about its sensors, read when asked for."""

    def __init__(
        self, reader: BagReader, topics: Mapping[Modality, str], infos: Mapping[Modality, str]
    ) -> None:
        self.reader = reader
        self.topics = topics
        self._infos = infos
        self._first: dict[str, Any] = {}

    def camera(self, modality: Modality, rectified: bool) -> CameraModel | None:
        """Return the first CameraInfo that can be used; the last fault is told if none can."""
        topic = self.info_topic(modality)
        fault = ''
        for item in self.reader.raw([topic]):
            try:
                message = self.reader.deserialize(item)
                return messages.decode_camera_info(message, rectified)
            except MmsegError as error:
                if str(error) == fault:
                    continue
                fault = str(error)
                _log.warning('%s, %s: %s', self.reader.path, topic, fault)
        return None

    def info_topic(self, modality: Modality) -> str:
        return self._infos.get(modality) or camera_info_beside(
            modality, self.topics.get(modality, ''), self.reader.topics
        )

    def first(self, modality: Modality) -> Any:
        """Return the first message of a sensor that can be deserialised, or None."""
        topic = self.topics.get(modality, '')
        if topic not in self._first:
            self._first[topic] = next(self._readable(topic), None)
        return self._first[topic]

    def _readable(self, topic: str) -> Any:
        for item in self.reader.raw([topic]):
            try:
                yield self.reader.deserialize(item)
            except SampleError:
                continue

    def frame_id(self, modality: Modality) -> str:
        message = self.first(modality)
        return '' if message is None else str(getattr(message.header, 'frame_id', ''))

    def image_size(self, modality: Modality) -> tuple[int, int] | None:
        """Return (height, width) of a sensor's first message, if it is an image."""
        message = self.first(modality)
        if message is None:
            return None
        if getattr(message, 'height', 0) > 1 and getattr(message, 'width', 0) > 1:
            return int(message.height), int(message.width)
        if hasattr(message, 'format'):
            try:
                pixels = messages.decode_compressed_image(message).pixels
            except SampleError:
                return None
            return int(pixels.shape[0]), int(pixels.shape[1])
        return None


def _with_intrinsics(rig: Rig, source: _Source, modality: Modality, rule: str) -> Rig:
    mount = rig.mounts.get(modality)
    from_info = source.camera(modality, mount is not None and mount.rectified)
    size = source.image_size(modality)
    if from_info is not None:
        size = from_info.height, from_info.width
    if size is not None:
        rig = rig.with_image_size(modality, *size)
    from_file = rig.cameras.get(modality)
    if from_file is not None and from_info is not None:
        difference = difference_text(rule, from_file, from_info)
        if difference:
            _log.warning('%s, %s: %s.', source.reader.path, modality, difference)
    chosen = chosen_intrinsics(rule, from_file, from_info)
    frame_id = source.frame_id(modality) or (from_info.frame_id if from_info else '')
    return rig.with_frame(modality, frame_id).with_intrinsics(modality, chosen)


def _with_poses(rig: Rig, source: _Source) -> Rig:
    """Add poses from the transforms; those of the file stay, and others hang on them."""
    if not any(rig.mounts[name].T_base_sensor is None for name in source.topics):
        return rig
    tree = frames_of_bag(source.reader)
    frames = {name: rig.mounts[name].frame_id for name in source.topics}
    optical = [name for name in frames if name != LIDAR]
    poses = sensor_poses(tree, frames, optical)
    known = [name for name, mount in rig.mounts.items() if mount.T_base_sensor is not None]
    rig = with_transform_poses(rig, known, poses)
    _warn_of_missing(rig, source, tree, frames)
    return rig


def _warn_of_missing(
    rig: Rig, source: _Source, tree: FrameTree, frames: Mapping[Modality, str]
) -> None:
    base = base_frame(tree, list(frames.values())) or 'the other sensors'
    for name, frame_id in frames.items():
        if rig.mounts[name].T_base_sensor is not None:
            continue
        if not frame_id:
            _log.warning(
                '%s: no message of %s names its frame, so it has no pose; only a camera can be '
                'used without it.',
                source.reader.path,
                name,
            )
            continue
        moving = [parent for parent in tree.ancestors(frame_id) if parent in tree.moving]
        because = f' ({moving[0]} moves on {TF_TOPIC})' if moving else ''
        _log.warning(
            '%s: /tf_static and /tf have no fixed chain from %s to %s, the frame of %s%s; only a '
            'camera can be used without it.',
            source.reader.path,
            base,
            frame_id,
            name,
            because,
        )
