"""ROS messages to core values and back, by attribute names alone: no ROS import."""

from mmseg_ros.messages.camera_info import camera_info_fields, decode_camera_info
from mmseg_ros.messages.cloud import cloud_fields, decode_cloud
from mmseg_ros.messages.compressed_depth import decode_compressed_depth
from mmseg_ros.messages.compressed_image import decode_compressed_image
from mmseg_ros.messages.event_stream import EventStream
from mmseg_ros.messages.events import decode_events, event_cloud_fields
from mmseg_ros.messages.header import stamp_ns
from mmseg_ros.messages.image import decode_depth, decode_image, image_fields
from mmseg_ros.messages.livox import decode_livox
from mmseg_ros.messages.sensor_decoder import SensorDecoder

__all__ = [
    'EventStream',
    'SensorDecoder',
    'camera_info_fields',
    'cloud_fields',
    'decode_camera_info',
    'decode_cloud',
    'decode_compressed_depth',
    'decode_compressed_image',
    'decode_depth',
    'decode_events',
    'decode_image',
    'decode_livox',
    'event_cloud_fields',
    'image_fields',
    'stamp_ns',
]
