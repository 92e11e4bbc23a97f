"""Which message types each kind of sensor may come in, and how they become samples' payloads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from mmseg_ros.core.errors import MmsegError, SampleError
from mmseg_ros.core.types import (
    DEPTH,
    EVENT,
    LIDAR,
    RGB,
    STANDARD_MODALITIES,
    CloudData,
    Modality,
    Payload,
)
from mmseg_ros.messages.cloud import decode_cloud
from mmseg_ros.messages.compressed_depth import decode_compressed_depth
from mmseg_ros.messages.compressed_image import decode_compressed_image
from mmseg_ros.messages.event_stream import EventStream
from mmseg_ros.messages.image import decode_depth, decode_image
from mmseg_ros.messages.livox import decode_livox

Decode = Callable[[Any], Payload]

IMAGE_KIND = 'image'
IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED_IMAGE = 'sensor_msgs/msg/CompressedImage'
POINT_CLOUD = 'sensor_msgs/msg/PointCloud2'
LIVOX_TYPES = tuple(
    f'{package}/msg/CustomMsg'
    for package in ('livox_ros_driver2', 'livox_ros_driver', 'livox_interfaces')
)
EVENT_TYPES = (
    POINT_CLOUD,
    IMAGE,
    'event_camera_msgs/msg/EventPacket',
    'event_array_msgs/msg/EventArray',
    'dvs_msgs/msg/EventArray',
    'prophesee_event_msgs/msg/EventArray',
)

_IMAGES: dict[str, Decode] = {IMAGE: decode_image, COMPRESSED_IMAGE: decode_compressed_image}
_DECODERS: Mapping[str, Mapping[str, Decode]] = MappingProxyType(
    {
        RGB: _IMAGES,
        IMAGE_KIND: _IMAGES,
        DEPTH: {IMAGE: decode_depth, COMPRESSED_IMAGE: decode_compressed_depth},
        LIDAR: {POINT_CLOUD: decode_cloud, **dict.fromkeys(LIVOX_TYPES, decode_livox)},
    }
)
TRANSPORTS: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        RGB: (('', IMAGE), ('/compressed', COMPRESSED_IMAGE)),
        IMAGE_KIND: (('', IMAGE), ('/compressed', COMPRESSED_IMAGE)),
        DEPTH: (
            ('', IMAGE),
            ('/compressedDepth', COMPRESSED_IMAGE),
            ('/compressed', COMPRESSED_IMAGE),
        ),
        LIDAR: tuple(('', name) for name in (POINT_CLOUD, *LIVOX_TYPES)),
        EVENT: tuple(('', name) for name in EVENT_TYPES),
    }
)
"""(Suffix of the topic, message type) per kind, in the order in which they are preferred."""

_FIRST_POINTS = 1024


def kind_of(modality: Modality) -> str:
    """Return the kind that a sensor's name stands for: rgb, depth, event, lidar or image."""
    return modality if modality in STANDARD_MODALITIES else IMAGE_KIND


class SensorDecoder:
    """Decodes the messages of one sensor, whichever type they come in, live and offline.

    Args:
        kind: rgb, depth, event, lidar or image.
        event_size: Returns (height, width) of an event camera; (0, 0) takes them from its
            messages.
    """

    def __init__(
        self, kind: str, event_size: Callable[[], tuple[int, int]] = lambda: (0, 0)
    ) -> None:
        self._kind = kind
        self._event_size = event_size
        self._stream: EventStream | None = None
        self._stream_size = (0, 0)

    def payload(self, type_name: str, message: Any) -> Payload:
        """Return what a message holds.

        Raises:
            MmsegError: The type does not fit the sensor, or the message is malformed or empty.
        """
        try:
            payload = self._decode(type_name)(message)
        except MmsegError:
            raise
        except Exception as error:  # a message of any content costs no more than itself
            raise SampleError(f'Cannot decode a {type_name}: {error!r}.') from error
        return _with_content(payload)

    def _decode(self, type_name: str) -> Decode:
        if self._kind == EVENT:
            return self._events().decode
        known = _DECODERS[self._kind]
        if type_name not in known:
            raise SampleError(
                f'A {self._kind} sensor cannot come as {type_name}; supported: {", ".join(known)}.'
            )
        return known[type_name]

    def _events(self) -> EventStream:
        size = self._event_size()
        if self._stream is None or size != self._stream_size:
            self._stream, self._stream_size = EventStream(*size), size
        return self._stream


def _with_content(payload: Payload) -> Payload:
    """Return the payload; a cloud without any point is rejected."""
    if isinstance(payload, CloudData):
        count = len(payload.points)
        if count == 0:
            raise SampleError('The cloud is empty: it has 0 points.')
        x = payload.points['x']
        # Nearly every cloud shows at its beginning that it is not empty.
        if not np.isfinite(x[:_FIRST_POINTS]).any() and not np.isfinite(x).any():
            raise SampleError(f'The cloud is empty: all of its {count} points are NaN.')
    return payload
