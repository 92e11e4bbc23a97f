"""Arguments of the node's launch files, and what each sets: a parameter or a topic."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mmseg_ros.core.modalities import KINDS, ODOM_TOPIC, camera_info_topic, sensor_topic
from mmseg_ros.core.types import STANDARD_MODALITIES

PARAMETERS: Mapping[str, tuple[str, type]] = MappingProxyType(
    {
        'use_sim_time': ('use_sim_time', bool),
        'autostart': ('autostart', bool),
        'model': ('model.bundle', str),
        'backend': ('model.backend', str),
        'precision': ('model.precision', str),
        'referring': ('referring.bundle', str),
        'calibration': ('calibration.file', str),
    }
)
"""Argument -> (parameter of the node, its type)."""


def _sensor_topics() -> dict[str, str]:
    topics = {}
    for name in STANDARD_MODALITIES:
        topics[f'{name}_topic'] = sensor_topic(name).removeprefix('/')
        if KINDS[name].has_camera:
            topics[f'{name}_info_topic'] = camera_info_topic(name).removeprefix('/')
    return topics


TOPICS: Mapping[str, str] = MappingProxyType(
    {
        **_sensor_topics(),
        'odom_topic': ODOM_TOPIC.removeprefix('/'),
    }
)
"""Argument -> topic of the node that it remaps."""

PLAIN = ('params_file', 'log_level')
"""Arguments that are neither."""
