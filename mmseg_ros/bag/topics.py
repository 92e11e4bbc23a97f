"""Names of the topics and frames in a recording, as the live node has them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mmseg_ros.core.types import DEPTH, EVENT, LIDAR, RGB, Modality

SENSOR_TOPICS: Mapping[Modality, str] = MappingProxyType(
    {
        RGB: '/rgb/image_raw',
        DEPTH: '/depth/image',
        EVENT: '/event/events',
        LIDAR: '/lidar/points',
    }
)
"""Data topic per standard modality; any other modality is an image on `/<name>/image_raw`."""

CAMERA_INFO_TOPICS: Mapping[Modality, str] = MappingProxyType(
    {RGB: '/rgb/camera_info', DEPTH: '/depth/camera_info', EVENT: '/event/camera_info'}
)
"""Intrinsics per modality; any other modality has them on `/<name>/camera_info`."""

BASE_FRAME_ID = 'base_link'
TF_STATIC_TOPIC = '/tf_static'
ODOM_TOPIC = '/odom'
TRUTH_LABELS_TOPIC = '/truth/labels'
TRUTH_POINTS_TOPIC = '/truth/points'


def sensor_topic(modality: Modality) -> str:
    """Return the data topic of a modality."""
    return SENSOR_TOPICS.get(modality, f'/{modality}/image_raw')


def camera_info_topic(modality: Modality) -> str:
    """Return the CameraInfo topic of a modality."""
    return CAMERA_INFO_TOPICS.get(modality, f'/{modality}/camera_info')
