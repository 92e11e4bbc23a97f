"""A recording as the stream of sensor samples that the live node would have seen."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros import messages
from mmseg_ros.bag.calibration import frames_of_bag
from mmseg_ros.bag.reader import BagReader, RawMessage
from mmseg_ros.core.config import SensorConfig
from mmseg_ros.core.errors import CalibrationError, ConfigError, MmsegError, SampleError
from mmseg_ros.core.modalities import KINDS, ODOM_TOPIC, kind_of, sensor_topic
from mmseg_ros.core.types import STANDARD_MODALITIES, FrameSet, Modality, SensorSample
from mmseg_ros.core.unexpected import reason_of
from mmseg_ros.messages.sensor_decoder import SensorDecoder
from mmseg_ros.messages.transforms import FrameTree
from mmseg_ros.projection.cloud_frames import CloudFrames, Join
from mmseg_ros.projection.odometry import Odometry, add_odometry_message
from mmseg_ros.sync.collector import Collector

_ODOMETRY = 'odometry'
_log = logging.getLogger(__name__)


def sensor_topics(
    reader: BagReader,
    modalities: Sequence[Modality] = STANDARD_MODALITIES,
    given: Mapping[Modality, str] | None = None,
) -> dict[Modality, str]:
    """Return the data topics that a bag holds, by modality.

    Args:
        reader: An open bag.
        modalities: Sensors to look for.
        given: Topics that a user named; the others are on the node's own.

    Raises:
        ConfigError: The bag lacks a topic that was given.

    A sensor recorded only through one of the transports that the node reads, e.g. a camera as
    `<topic>/compressed`, is found too. One that is there only in a form that nobody reads here
    (`/ffmpeg`, `/theora`, an unknown type) is named in the log.
    """
    found: dict[Modality, str] = {}
    given = given or {}
    for modality in modalities:
        topic = given.get(modality) or sensor_topic(modality)
        transports = KINDS[kind_of(modality)].transports
        names = [topic + suffix for suffix, _ in transports if topic + suffix in reader.topics]
        if names:
            found[modality] = names[0]
        elif modality in given:
            raise ConfigError(
                f'{reader.path} has no topic {topic} for {modality!r}; it has '
                f'{", ".join(sorted(reader.topics)) or "none"}.'
            )
        else:
            _warn_of_other_transports(reader, modality, topic)
    return found


def _warn_of_other_transports(reader: BagReader, modality: Modality, topic: str) -> None:
    others = [
        f'{name} ({summary.type_name})'
        for name, summary in sorted(reader.topics.items())
        if name.startswith(topic + '/')
    ]
    if others:
        readable = ', '.join(topic + suffix for suffix in _suffixes(modality))
        _log.warning(
            '%s: %s is there only as %s, which is not read; republish it as one of %s.',
            reader.path,
            modality,
            ', '.join(others),
            readable,
        )


def _suffixes(modality: Modality) -> list[str]:
    return list(dict.fromkeys(suffix for suffix, _ in KINDS[kind_of(modality)].transports))


def decoders_of(
    topics: Iterable[Modality],
    event_size: tuple[int, int] = (0, 0),
    sensors: Mapping[Modality, SensorConfig] = MappingProxyType({}),
) -> dict[Modality, SensorDecoder]:
    """Return one decoder per sensor; they count what was lost of samples that were taken.

    Args:
        topics: The sensors.
        event_size: Height and width of the event camera in pixels, where its messages lack them.
        sensors: What each sensor is, as for the node.
    """
    decoders = {}
    for name in topics:
        config = sensors.get(name, SensorConfig())
        kind = kind_of(name, config.kind)
        decoders[name] = SensorDecoder(kind, lambda: event_size, config.intensity_max)
    return decoders


def samples(
    reader: BagReader,
    topics: Mapping[Modality, str],
    event_size: tuple[int, int] = (0, 0),
    on_rejected: Callable[[Modality, MmsegError], None] | None = None,
    span_ns: tuple[int | None, int | None] = (None, None),
    odometry: Odometry | None = None,
    decoders: Mapping[Modality, SensorDecoder] | None = None,
    beside: Mapping[str, Callable[[RawMessage], None]] = MappingProxyType({}),
) -> Iterator[SensorSample]:
    """Yield the sensor samples of a bag in the order of their receipt.

    Args:
        reader: An open bag.
        topics: Data topic per modality.
        event_size: Height and width of the event camera in pixels, where its messages lack them.
        on_rejected: Called with each malformed message's modality (or `odometry`) and error; it is
            skipped. Without it the error is raised.
        span_ns: First bag stamp, and first one left out; None is open.
        odometry: Gets the poses of the bag, as they come between the samples.
        decoders: As of `decoders_of`, where the caller asks them afterwards what was lost.
        beside: Takes messages of other topics as they come, by topic.

    Raises:
        MmsegError: A message is malformed and `on_rejected` is not given.
        BagError: The file is damaged.
    """
    modalities = {topic: modality for modality, topic in topics.items()}
    decoders = decoders or decoders_of(topics, event_size)
    clouds = CloudFrames(_join(reader))
    poses = [ODOM_TOPIC] if odometry is not None and ODOM_TOPIC in reader.topics else []
    for item in reader.raw([*modalities, *poses, *beside], *span_ns):
        if item.topic in beside:
            beside[item.topic](item)
        if item.topic not in modalities and item.topic not in poses:
            continue
        modality = modalities.get(item.topic, _ODOMETRY)
        try:
            message = reader.deserialize(item)
            stamp_ns = messages.stamp_ns(message.header)
            if odometry is not None and item.topic in poses:
                _add_pose(odometry, stamp_ns, message)
                continue
            payload = decoders[modality].payload(item.type_name, message)
            frame_id = str(message.header.frame_id)
            sample = clouds.unified(
                SensorSample(modality, stamp_ns, frame_id, payload, item.stamp_ns)
            )
        except Exception as error:  # a message of any content costs no more than itself
            reason = (
                error
                if isinstance(error, MmsegError)
                else SampleError(reason_of(error, 'taking in'))
            )
            if on_rejected is None:
                raise reason from error
            on_rejected(modality, reason)
            continue
        yield sample


def _join(reader: BagReader) -> Join:
    """Return where transforms come from; /tf_static is read when the first one is asked for."""
    trees: list[FrameTree] = []

    def join(target: str, source: str) -> NDArray[np.float64] | None:
        if not trees:
            trees.append(frames_of_bag(reader))
        return trees[0].T(target, source)

    return join


def frame_sets(stream: Iterable[SensorSample], collector: Collector) -> Iterator[FrameSet]:
    """Yield the frames of a replay; its clock is the receipt in the bag, so every run is the same.

    Args:
        stream: Samples in the order of their receipt.
        collector: A fresh collector.
    """
    for sample in stream:
        now_ns = sample.stamp_ns if sample.received_ns is None else sample.received_ns
        yield from collector.advance(now_ns)
        yield from collector.add(sample, now_ns)
    yield from collector.flush()


def _add_pose(odometry: Odometry, stamp_ns: int, message: Any) -> None:
    try:
        add_odometry_message(odometry, stamp_ns, message)
    except CalibrationError as error:
        raise SampleError(str(error)) from error
