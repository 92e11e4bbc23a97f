"""ROS messages to core values and back, by attribute names alone: no ROS import."""

from mmseg_ros.messages.camera_info import camera_info_fields, decode_camera_info
from mmseg_ros.messages.cloud import cloud_fields, decode_cloud
from mmseg_ros.messages.event_stream import EventStream
from mmseg_ros.messages.events import decode_events, event_cloud_fields
from mmseg_ros.messages.header import stamp_ns
from mmseg_ros.messages.image import (
    decode_compressed_image,
    decode_depth,
    decode_image,
    image_fields,
)

__all__ = [
    'EventStream',
    'camera_info_fields',
    'cloud_fields',
    'decode_camera_info',
    'decode_cloud',
    'decode_compressed_image',
    'decode_depth',
    'decode_events',
    'decode_image',
    'event_cloud_fields',
    'image_fields',
    'stamp_ns',
]
