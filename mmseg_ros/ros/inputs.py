"""Which topics and message types each sensor may come on."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2

from mmseg_ros.bag.topics import camera_info_topic, sensor_topic
from mmseg_ros.core.config import SensorConfig
from mmseg_ros.core.types import DEPTH, LIDAR, RGB, STANDARD_MODALITIES, Modality, Payload
from mmseg_ros.messages import (
    decode_cloud,
    decode_compressed_image,
    decode_depth,
    decode_image,
)
from mmseg_ros.messages.event_stream import EventStream
from mmseg_ros.ros.calibration import Calibration
from mmseg_ros.ros.intake import Decode, Intake
from mmseg_ros.ros.subscriptions import Candidate

IMAGE = 'image'
_OPTIONAL_EVENT_TYPES = (('event_camera_msgs', 'EventPacket'), ('dvs_msgs', 'EventArray'))


def kinds_of(sensors: Mapping[Modality, SensorConfig]) -> dict[Modality, str]:
    """Return what each sensor's messages hold: rgb, depth, event, lidar or image."""
    return {name: _kind(name, config) for name, config in sensors.items()}


def input_topic(modality: Modality) -> str:
    """Return the relative name of a sensor's data topic."""
    return sensor_topic(modality).lstrip('/')


def info_topic(modality: Modality) -> str:
    """Return the relative name of a sensor's CameraInfo topic."""
    return camera_info_topic(modality).lstrip('/')


def data_candidates(
    modality: Modality, kind: str, intake: Intake, calibration: Calibration
) -> list[Candidate]:
    """Return the ways in which a sensor's data may be published, best first."""
    topic = input_topic(modality)

    def candidate(message_class: Any, decode: Decode, suffix: str = '') -> Candidate:
        callback = partial(intake.on_message, modality, decode)
        return _candidate(topic + suffix, message_class, callback)

    if kind in (RGB, IMAGE):
        return [
            candidate(Image, decode_image),
            candidate(CompressedImage, decode_compressed_image, '/compressed'),
        ]
    if kind == DEPTH:
        return [candidate(Image, decode_depth)]
    if kind == LIDAR:
        return [candidate(PointCloud2, decode_cloud)]

    decode = _EventDecoder(modality, calibration)
    return [candidate(message_class, decode) for message_class in _event_classes()]


def info_candidates(modality: Modality, kind: str, intake: Intake) -> list[Candidate]:
    """Return how a sensor's CameraInfo may be published; nothing for a LiDAR."""
    if kind == LIDAR:
        return []
    callback = partial(intake.on_camera_info, modality)
    return [_candidate(info_topic(modality), CameraInfo, callback)]


class _EventDecoder:
    """Decodes one event camera's messages, whose codecs go on from packet to packet."""

    def __init__(self, modality: Modality, calibration: Calibration) -> None:
        self._modality = modality
        self._calibration = calibration
        self._size: tuple[int, int] | None = None

    def __call__(self, message: Any) -> Payload:
        size = self._calibration.image_size(self._modality)
        if size != self._size:
            self._stream = EventStream(*size)
            self._size = size
        return self._stream.decode(message)


def _kind(name: Modality, config: SensorConfig) -> str:
    if config.kind != 'auto':
        return config.kind
    return name if name in STANDARD_MODALITIES else IMAGE


def _candidate(topic: str, message_class: Any, callback: Callable[[Any], None]) -> Candidate:
    package = message_class.__module__.split('.')[0]
    return Candidate(topic, f'{package}/msg/{message_class.__name__}', message_class, callback)


def _event_classes() -> list[Any]:
    """Return the message classes that events may come in; drivers' own types if installed."""
    classes: list[Any] = [PointCloud2, Image]
    for package, name in _OPTIONAL_EVENT_TYPES:
        try:
            classes.append(getattr(importlib.import_module(f'{package}.msg'), name))
        except ImportError:
            continue
    return classes
