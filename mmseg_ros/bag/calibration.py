"""The sensor rig as a recording describes it: /tf_static and CameraInfo."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros import messages
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.bag.topics import BASE_FRAME_ID, TF_STATIC_TOPIC, camera_info_topic
from mmseg_ros.core.errors import CalibrationError, SampleError
from mmseg_ros.core.types import RGB, Modality
from mmseg_ros.projection.camera import CameraModel
from mmseg_ros.projection.extrinsics import Mount, Rig
from mmseg_ros.projection.transforms import invert, pose

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
    edges = _static_edges(reader)
    mounts: dict[Modality, Mount] = {}
    for modality, topic in topics.items():
        camera = _first_camera(reader, camera_info_topic(modality))
        frame_id = _first_frame_id(reader, topic) or (camera.frame_id if camera else '')
        T_base_sensor = _from_base(frame_id, edges)
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


def _static_edges(reader: BagReader) -> dict[str, tuple[str, NDArray[np.float64]]]:
    """Return child frame -> (parent frame, T_parent_child 4 x 4); later messages win."""
    edges: dict[str, tuple[str, NDArray[np.float64]]] = {}
    for _, _, message in reader.messages([TF_STATIC_TOPIC]):
        for item in message.transforms:
            move, turn = item.transform.translation, item.transform.rotation
            matrix = pose([move.x, move.y, move.z], [turn.x, turn.y, turn.z, turn.w])
            child = item.child_frame_id.lstrip('/')
            edges[child] = (item.header.frame_id.lstrip('/'), matrix)
    return edges


def _from_base(
    frame_id: str, edges: Mapping[str, tuple[str, NDArray[np.float64]]]
) -> NDArray[np.float64] | None:
    """Return T_base_frame 4 x 4, or None where no chain joins the two."""
    root, T_root_frame = _to_root(frame_id.lstrip('/'), edges)
    base_root, T_root_base = _to_root(BASE_FRAME_ID, edges)
    if root != base_root:
        return None
    return invert(T_root_base) @ T_root_frame


def _to_root(
    frame_id: str, edges: Mapping[str, tuple[str, NDArray[np.float64]]]
) -> tuple[str, NDArray[np.float64]]:
    T_root_frame = np.eye(4)
    passed = [frame_id]
    while frame_id in edges:
        frame_id, T_parent_child = edges[frame_id]
        T_root_frame = T_parent_child @ T_root_frame
        if frame_id in passed:
            raise CalibrationError(
                f'/tf_static holds a loop: {" -> ".join([*passed, frame_id])}; each frame may '
                'have one parent only.'
            )
        passed.append(frame_id)
    return frame_id, T_root_frame


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
