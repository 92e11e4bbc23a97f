"""Arguments of the node's launch files, and what each sets: a parameter or a topic."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

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

TOPICS: Mapping[str, str] = MappingProxyType(
    {
        'rgb_topic': 'rgb/image_raw',
        'rgb_info_topic': 'rgb/camera_info',
        'depth_topic': 'depth/image',
        'depth_info_topic': 'depth/camera_info',
        'event_topic': 'event/events',
        'event_info_topic': 'event/camera_info',
        'lidar_topic': 'lidar/points',
        'odom_topic': 'odom',
    }
)
"""Argument -> topic of the node that it remaps."""

PLAIN = ('params_file', 'log_level')
"""Arguments that are neither."""
