"""A recording as the stream of sensor samples that the live node would have seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from mmseg_ros import messages
from mmseg_ros.bag.reader import BagReader
from mmseg_ros.bag.topics import ODOM_TOPIC, sensor_topic
from mmseg_ros.core.errors import CalibrationError, SampleError
from mmseg_ros.core.types import (
    DEPTH,
    EVENT,
    LIDAR,
    STANDARD_MODALITIES,
    FrameSet,
    Modality,
    Payload,
    SensorSample,
)
from mmseg_ros.projection.odometry import Odometry, add_odometry_message
from mmseg_ros.sync.collector import Collector

_COMPRESSED_IMAGE = 'sensor_msgs/msg/CompressedImage'
_ODOMETRY = 'odometry'


def sensor_topics(
    reader: BagReader, modalities: Sequence[Modality] = STANDARD_MODALITIES
) -> dict[Modality, str]:
    """Return the data topics that a bag holds, by modality.

    A camera recorded only as `<topic>/compressed` is found too.
    """
    found: dict[Modality, str] = {}
    for modality in modalities:
        topic = sensor_topic(modality)
        for candidate in (topic, topic + '/compressed'):
            if candidate in reader.topics:
                found[modality] = candidate
                break
    return found


def samples(
    reader: BagReader,
    topics: Mapping[Modality, str],
    event_size: tuple[int, int] = (0, 0),
    on_refused: Callable[[Modality, SampleError], None] | None = None,
    span_ns: tuple[int | None, int | None] = (None, None),
    odometry: Odometry | None = None,
) -> Iterator[SensorSample]:
    """Yield the sensor samples of a bag in the order of their receipt.

    Args:
        reader: An open bag.
        topics: Data topic per modality.
        event_size: Height and width of the event camera in pixels, where its messages lack them.
        on_refused: Called with each malformed message's modality (or `odometry`) and error; it is
            skipped. Without it the error is raised.
        span_ns: First bag stamp, and first one left out; None is open.
        odometry: Gets the poses of the bag, as they come between the samples.

    Raises:
        SampleError: A message is malformed and `on_refused` is not given.
        BagError: The file is damaged.
    """
    modalities = {topic: modality for modality, topic in topics.items()}
    decoder = _Decoder(event_size)
    poses = [ODOM_TOPIC] if odometry is not None and ODOM_TOPIC in reader.topics else []
    for item in reader.raw([*modalities, *poses], *span_ns):
        modality = modalities.get(item.topic, _ODOMETRY)
        try:
            message = reader.deserialize(item)
            stamp_ns = messages.stamp_ns(message.header)
            if odometry is not None and item.topic in poses:
                _add_pose(odometry, stamp_ns, message)
                continue
            payload = decoder.payload(modality, item.type_name, message)
        except SampleError as error:
            if on_refused is None:
                raise
            on_refused(modality, error)
            continue
        yield SensorSample(modality, stamp_ns, message.header.frame_id, payload, item.stamp_ns)


def frame_sets(stream: Iterable[SensorSample], collector: Collector) -> Iterator[FrameSet]:
    """Yield the sets of a replay; its clock is the receipt in the bag, so every run is the same.

    Args:
        stream: Samples in the order of their receipt.
        collector: A fresh collector.
    """
    for sample in stream:
        now_ns = sample.stamp_ns if sample.received_ns is None else sample.received_ns
        yield from collector.advance(now_ns)
        yield from collector.add(sample, now_ns)
    yield from collector.flush()


class _Decoder:
    """Decodes messages; an event camera's codec and clock go on from packet to packet."""

    def __init__(self, event_size: tuple[int, int]) -> None:
        self._event_size = event_size
        self._streams: dict[Modality, messages.EventStream] = {}

    def payload(self, modality: Modality, type_name: str, message: Any) -> Payload:
        """Return the payload of one message; an unknown modality is an image.

        Raises:
            SampleError: The message is malformed.
        """
        if modality == DEPTH:
            return messages.decode_depth(message)
        if modality == LIDAR:
            return messages.decode_cloud(message)
        if modality == EVENT:
            if modality not in self._streams:
                self._streams[modality] = messages.EventStream(*self._event_size)
            return self._streams[modality].decode(message)
        if type_name == _COMPRESSED_IMAGE:
            return messages.decode_compressed_image(message)
        return messages.decode_image(message)


def _add_pose(odometry: Odometry, stamp_ns: int, message: Any) -> None:
    try:
        add_odometry_message(odometry, stamp_ns, message)
    except CalibrationError as error:
        raise SampleError(str(error)) from error
