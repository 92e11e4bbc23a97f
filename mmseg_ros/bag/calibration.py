"""The sensor rig as a recording describes it: /tf_static and CameraInfo."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from mmseg_ros import messages
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.core.errors import CalibrationError, SampleError
from mmseg_ros.core.modalities import BASE_FRAME_ID, TF_STATIC_TOPIC, camera_info_topic
from mmseg_ros.core.types import RGB, Modality
from mmseg_ros.messages.transforms import FrameTree
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.extrinsics import Mount, Rig

_log = logging.getLogger(__name__)


def rig_from_bag(
    reader: BagReader, topics: Mapping[Modality, str], reference: Modality = RGB
) -> Rig:
    """Return the rig of a recording.

    The pose of a sensor without a transform stays unknown, with a warning; the alignment then
    refuses its samples while the others go on.

    Args:
        reader: An open bag.
        topics: Data topic per modality; the frame of a sensor is that of its first message.
        reference: Modality whose image the labels are made in.

    Raises:
        CalibrationError: A CameraInfo is malformed, or /tf_static holds a loop.
    """
    frames = _static_frames(reader)
    mounts: dict[Modality, Mount] = {}
    for modality, topic in topics.items():
        camera = _first_camera(reader, camera_info_topic(modality))
        frame_id = _first_frame_id(reader, topic) or (camera.frame_id if camera else '')
        T_base_sensor = frames.T(BASE_FRAME_ID, frame_id)
        if T_base_sensor is None:
            _log.warning(
                '%s: /tf_static has no chain from %s to %s, the frame of %s; only a camera can '
                'be used without it.',
                reader.path,
                BASE_FRAME_ID,
                frame_id or '(no message)',
                modality,
            )
        mounts[modality] = Mount(frame_id, T_base_sensor, camera)
    return Rig(mounts, reference)


def _static_frames(reader: BagReader) -> FrameTree:
    frames = FrameTree()
    for _, _, message in reader.messages([TF_STATIC_TOPIC]):
        for problem in frames.add(message):
            _log.warning('%s: %s: %s', reader.path, TF_STATIC_TOPIC, problem)
    return frames


def _first_camera(reader: BagReader, topic: str) -> CameraModel | None:
    message = _first(reader, topic)
    if message is None:
        return None
    try:
        return messages.decode_camera_info(message)
    except SampleError as error:
        raise CalibrationError(f'{reader.path}, {topic}: {error}') from error


def _first_frame_id(reader: BagReader, topic: str) -> str:
    message = _first(reader, topic)
    return '' if message is None else str(message.header.frame_id)


def _first(reader: BagReader, topic: str) -> Any:
    return next((message for _, _, message in reader.messages([topic])), None)
