"""Which topics and message types each sensor may come on."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CameraInfo

from mmseg_ros.core.config import SensorConfig
from mmseg_ros.core.modalities import (
    KINDS,
    camera_info_beside,
    camera_info_topic,
    kind_of,
    sensor_topic,
)
from mmseg_ros.core.types import Modality
from mmseg_ros.messages.sensor_decoder import SensorDecoder
from mmseg_ros.ros.calibration import Calibration
from mmseg_ros.ros.intake import Intake
from mmseg_ros.ros.subscriptions import Candidate
from mmseg_ros.ros.transports import transport_topic


def kinds_of(sensors: Mapping[Modality, SensorConfig]) -> dict[Modality, str]:
    """Return what each sensor's messages hold: rgb, depth, event, lidar or image."""
    return {name: kind_of(name, config.kind) for name, config in sensors.items()}


def input_topic(modality: Modality, kind: str, config: SensorConfig) -> str:
    """Return the name of a sensor's data topic: as configured, else relative."""
    return config.topic or sensor_topic(modality, kind).lstrip('/')


def info_topic(modality: Modality, config: SensorConfig) -> str:
    """Return the name of a sensor's CameraInfo topic: as configured, else beside the data."""
    if config.camera_info:
        return config.camera_info
    if config.topic:
        return camera_info_beside(modality, config.topic)
    return camera_info_topic(modality).lstrip('/')


def data_candidates(
    node: Node,
    modality: Modality,
    config: SensorConfig,
    intake: Intake,
    calibration: Calibration,
) -> list[Candidate]:
    """Return the ways in which a sensor's data may be published, best first."""
    kind = kind_of(modality, config.kind)
    event_size = partial(_event_size, calibration, modality)
    decoder = SensorDecoder(kind, event_size, config.intensity_max)
    intake.decoders[modality] = decoder
    return [
        _candidate(
            transport_topic(node, input_topic(modality, kind, config), suffix),
            message_class,
            partial(intake.on_message, modality, partial(decoder.payload, type_name)),
        )
        for suffix, type_name in KINDS[kind].transports
        if (message_class := _message_class(type_name)) is not None
    ]


def info_candidates(modality: Modality, config: SensorConfig, intake: Intake) -> list[Candidate]:
    """Return how a sensor's CameraInfo may be published; nothing for a sensor without pixels."""
    if not KINDS[kind_of(modality, config.kind)].has_camera:
        return []
    callback = partial(intake.on_camera_info, modality)
    return [_candidate(info_topic(modality, config), CameraInfo, callback)]


def _event_size(calibration: Calibration, modality: Modality) -> tuple[int, int]:
    """Return (height, width) of an event camera; (0, 0) where only its messages know them."""
    camera = calibration.rig.cameras.get(modality)
    return (camera.height, camera.width) if camera is not None else (0, 0)


def _candidate(topic: str, message_class: Any, callback: Callable[[Any], None]) -> Candidate:
    package = message_class.__module__.split('.')[0]
    return Candidate(topic, f'{package}/msg/{message_class.__name__}', message_class, callback)


def _message_class(type_name: str) -> Any:
    """Return a message's class; None where its package is not installed."""
    package, _, name = type_name.split('/')
    try:
        return getattr(importlib.import_module(f'{package}.msg'), name)
    except (ImportError, AttributeError):
        return None
