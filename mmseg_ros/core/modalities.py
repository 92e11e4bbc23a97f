"""What the name and the kind of a sensor mean: its topics, message types, encoding and folders.

A modality is a name. Its kind says what its messages hold; a name that is no kind itself, such as
`thermal` or `lidar_rear`, is an image unless the configuration says otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from mmseg_ros.core.types import DEPTH, EVENT, LIDAR, RGB, STANDARD_MODALITIES, Modality

Kind: TypeAlias = str
IMAGE: Kind = 'image'
AUTO: Kind = 'auto'


@dataclass(frozen=True, slots=True)
class KindFacts:
    """What all sensors of a kind have in common.

    Attributes:
        topic: Last part of the data topic, below the sensor's name.
        transports: Suffix of the topic and message type of each way in, most usual first.
        has_camera: Whether it has pixels and so a CameraInfo.
        encoding: How its plane enters a network unless the bundle says otherwise.
        folder: Folder of its images in DeLiVER's layout. word: Word in their file names.
    """

    topic: str
    transports: tuple[tuple[str, str], ...]
    has_camera: bool
    encoding: str
    folder: str
    word: str


IMAGE_TYPE = 'sensor_msgs/msg/Image'
COMPRESSED_IMAGE_TYPE = 'sensor_msgs/msg/CompressedImage'
POINT_CLOUD_TYPE = 'sensor_msgs/msg/PointCloud2'
LIVOX_TYPES = tuple(
    f'{package}/msg/CustomMsg'
    for package in ('livox_ros_driver2', 'livox_ros_driver', 'livox_interfaces')
)
EVENT_TYPES = (
    POINT_CLOUD_TYPE,
    IMAGE_TYPE,
    'event_camera_msgs/msg/EventPacket',
    'event_array_msgs/msg/EventArray',
    'dvs_msgs/msg/EventArray',
    'prophesee_event_msgs/msg/EventArray',
)

_IMAGES = (('', IMAGE_TYPE), ('/compressed', COMPRESSED_IMAGE_TYPE))
_DEPTH = (
    ('', IMAGE_TYPE),
    ('/compressedDepth', COMPRESSED_IMAGE_TYPE),
    ('/compressed', COMPRESSED_IMAGE_TYPE),
)

KINDS: Mapping[Kind, KindFacts] = MappingProxyType(
    {
        RGB: KindFacts('image_raw', _IMAGES, True, 'rgb', 'img', 'rgb'),
        DEPTH: KindFacts('image', _DEPTH, True, 'hha', 'hha', 'depth'),
        EVENT: KindFacts(
            'events',
            tuple(('', name) for name in EVENT_TYPES),
            True,
            'polarity',
            'event',
            'event',
        ),
        LIDAR: KindFacts(
            'points',
            tuple(('', name) for name in (POINT_CLOUD_TYPE, *LIVOX_TYPES)),
            False,
            'range_intensity_height',
            'lidar',
            'lidar',
        ),
        IMAGE: KindFacts('image_raw', _IMAGES, True, 'grey', '', ''),
    }
)

_TRANSPORTS = ('compressed', 'compressedDepth', 'theora', 'ffmpeg', 'zstd')
BASE_FRAME_ID = 'base_link'
TF_STATIC_TOPIC = '/tf_static'
TF_TOPIC = '/tf'
ODOM_TOPIC = '/odom'
TRUTH_LABELS_TOPIC = '/truth/labels'
TRUTH_POINTS_TOPIC = '/truth/points'


def kind_of(modality: Modality, configured: Kind = AUTO) -> Kind:
    """Return what a sensor's messages hold: as configured, else by its name, else images.

    >>> kind_of('lidar'), kind_of('thermal'), kind_of('lidar_rear', 'lidar')
    ('lidar', 'image', 'lidar')
    """
    if configured != AUTO:
        return configured
    return modality if modality in STANDARD_MODALITIES else IMAGE


def sensor_topic(modality: Modality, kind: Kind = AUTO) -> str:
    """Return the data topic of a sensor, as the node has it below the root namespace.

    >>> sensor_topic('rgb'), sensor_topic('lidar_rear', 'lidar')
    ('/rgb/image_raw', '/lidar_rear/points')
    """
    return f'/{modality}/{KINDS[kind_of(modality, kind)].topic}'


def camera_info_topic(modality: Modality) -> str:
    """Return the CameraInfo topic of a sensor."""
    return f'/{modality}/camera_info'


def camera_info_beside(
    modality: Modality, topic: str, present: Collection[str] | None = None
) -> str:
    """Return the CameraInfo topic of a sensor whose data come on `topic`.

    As image_transport does: `camera_info` beside the image, of whatever transport.

    Args:
        modality: The sensor.
        topic: Its data topic.
        present: All topics of a recording. If none of them is beside the data, the modality's own
            is returned.

    >>> camera_info_beside('rgb', '/cam/image_raw/compressed')
    '/cam/camera_info'
    """
    parts = topic.split('/')[:-1]
    if topic.split('/')[-1] in _TRANSPORTS:
        parts = parts[:-1]
    beside = '/'.join([*parts, 'camera_info'])
    return beside if present is None or beside in present else camera_info_topic(modality)


def standard_encoding(modality: Modality, kind: Kind = AUTO) -> str:
    """Return the encoding that a sensor has unless a bundle or recipe says otherwise."""
    return KINDS[kind_of(modality, kind)].encoding


SENSOR_TOPICS: Mapping[Modality, str] = MappingProxyType(
    {name: sensor_topic(name) for name in STANDARD_MODALITIES}
)
STANDARD_ENCODINGS: Mapping[Modality, str] = MappingProxyType(
    {name: standard_encoding(name) for name in STANDARD_MODALITIES}
)
DELIVER_FOLDERS: Mapping[Modality, tuple[str, str]] = MappingProxyType(
    {name: (KINDS[name].folder, KINDS[name].word) for name in STANDARD_MODALITIES}
)
"""Modality -> (folder, word in the file name); depth is stored as HHA images."""
