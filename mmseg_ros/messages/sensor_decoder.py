"""How the messages of a sensor, of any type its kind may come in, become samples' payloads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from mmseg_ros.core.errors import MmsegError, SampleError
from mmseg_ros.core.modalities import (
    COMPRESSED_IMAGE_TYPE,
    IMAGE_TYPE,
    KINDS,
    LIVOX_TYPES,
    POINT_CLOUD_TYPE,
)
from mmseg_ros.core.types import DEPTH, EVENT, CloudData, Payload
from mmseg_ros.core.unexpected import log_once
from mmseg_ros.messages.cloud import decode_cloud
from mmseg_ros.messages.compressed_depth import decode_compressed_depth
from mmseg_ros.messages.compressed_image import decode_compressed_image
from mmseg_ros.messages.event_stream import EventStream
from mmseg_ros.messages.image import decode_depth, decode_image
from mmseg_ros.messages.livox import decode_livox
from mmseg_ros.projection.intensity import IntensityScale

Decode = Callable[[Any], Payload]

# Which types a kind may come in stands in `KINDS`.
_DECODERS: Mapping[str, Decode] = MappingProxyType(
    {
        IMAGE_TYPE: decode_image,
        COMPRESSED_IMAGE_TYPE: decode_compressed_image,
        POINT_CLOUD_TYPE: decode_cloud,
        **dict.fromkeys(LIVOX_TYPES, decode_livox),
    }
)
_DEPTH_DECODERS: Mapping[str, Decode] = MappingProxyType(
    {IMAGE_TYPE: decode_depth, COMPRESSED_IMAGE_TYPE: decode_compressed_depth}
)
_FIRST_POINTS = 1024


class SensorDecoder:
    """Decodes the messages of one sensor, whichever type they come in, live and offline.

    Args:
        kind: A key of `KINDS`.
        event_size: Returns (height, width) of an event camera; (0, 0) takes them from its
            messages.
        intensity_max: Value that counts as full intensity of a LiDAR; 0 lets its clouds decide.

    Attributes:
        intensity: The scale of a LiDAR's intensity.
    """

    def __init__(
        self,
        kind: str,
        event_size: Callable[[], tuple[int, int]] = lambda: (0, 0),
        intensity_max: float = 0.0,
    ) -> None:
        self.intensity = IntensityScale(intensity_max)
        self._losses: Counter[str] = Counter()
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
            log_once(error, 'decoding')
            raise SampleError(f'Cannot decode a {type_name}: {error!r}.') from error
        if isinstance(payload, CloudData):
            return self._measured(payload)
        return payload

    @property
    def losses(self) -> dict[str, int]:
        """Return how much of samples that were taken could not be used, by cause."""
        losses = dict(self._losses)
        if self.intensity.saturated:
            losses['points of saturated intensity'] = self.intensity.saturated
        if self._stream is not None:
            losses |= self._stream.counters.losses
        return losses

    def _measured(self, cloud: CloudData) -> CloudData:
        """Return a cloud on the sensor's scale of intensity; one without any point is rejected."""
        _require_points(cloud)
        if cloud.untimed:
            self._losses['points without a time of their own'] += cloud.untimed
        if cloud.time_fault:
            self._losses[f'clouds moved as a whole: {cloud.time_fault}'] += 1
        return replace(cloud, intensity_max=self.intensity.of(cloud))

    def _decode(self, type_name: str) -> Decode:
        if self._kind == EVENT:
            return self._events().decode
        known = dict.fromkeys(name for _, name in KINDS[self._kind].transports)
        if type_name not in known:
            raise SampleError(
                f'A {self._kind} sensor cannot come as {type_name}; supported: {", ".join(known)}.'
            )
        return (_DEPTH_DECODERS if self._kind == DEPTH else _DECODERS)[type_name]

    def _events(self) -> EventStream:
        size = self._event_size()
        if self._stream is None or size != self._stream_size:
            self._stream, self._stream_size = EventStream(*size), size
        return self._stream


def _require_points(cloud: CloudData) -> None:
    count = len(cloud.points)
    if count == 0:
        raise SampleError('The cloud is empty: it has 0 points.')
    x = cloud.points['x']
    # Nearly every cloud shows at its beginning that it is not empty.
    if not np.isfinite(x[:_FIRST_POINTS]).any() and not np.isfinite(x).any():
        raise SampleError(f'The cloud is empty: all of its {count} points are NaN.')
