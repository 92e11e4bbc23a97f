"""Header stamps and sequence numbers of a whole recording, without decoding payloads."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np

from mmseg_ros.bag.reader import BagReader, RawMessage
from mmseg_ros.core.errors import SampleError
from mmseg_ros.sync.clock_doctor import TopicTimes

_STAMP = {0: struct.Struct('>iI'), 1: struct.Struct('<iI')}
_LENGTH = {0: struct.Struct('>I'), 1: struct.Struct('<I')}
_SEQUENCE = {0: struct.Struct('>Q'), 1: struct.Struct('<Q')}
_ENCAPSULATION = 4
_NUMBERED = ('event_camera_msgs/msg/EventPacket', 'event_array_msgs/msg/EventArray')


@dataclass(slots=True)
class RecordedStamps:
    """What the messages of a recording say about time.

    Attributes:
        times: Per topic whose messages begin with a header.
        unknown: Type of each topic that cannot be read, for lack of a definition or by damage.
        lost_packets: Packets that the sequence numbers of an event camera miss.
        malformed: Messages that are too short for a header.
        doubts: As of `BagReader.doubts`.
    """

    times: list[TopicTimes] = field(default_factory=list)
    unknown: dict[str, str] = field(default_factory=dict)
    lost_packets: dict[str, int] = field(default_factory=dict)
    malformed: dict[str, int] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()


def read_stamps(reader: BagReader) -> RecordedStamps:
    """Return the stamps of a recording.

    Raises:
        BagError: The file is damaged.
    """
    found = RecordedStamps(doubts=reader.doubts())
    stamps: dict[str, list[int]] = {}
    receipts: dict[str, list[int]] = {}
    numbers: dict[str, list[int]] = {}
    without_header: set[str] = set()
    for item in reader.raw():
        if item.topic in without_header:
            continue
        if item.topic not in stamps and not _begins_with_header(reader, item, found):
            without_header.add(item.topic)
            continue
        try:
            stamp_ns = _stamp_ns(item.data)
            if item.type_name in _NUMBERED:
                numbers.setdefault(item.topic, []).append(_sequence(item.data))
        except (struct.error, IndexError, KeyError):
            found.malformed[item.topic] = found.malformed.get(item.topic, 0) + 1
            continue
        stamps.setdefault(item.topic, []).append(stamp_ns)
        receipts.setdefault(item.topic, []).append(item.stamp_ns)
    found.times = [
        TopicTimes(topic, np.array(stamps[topic], np.int64), np.array(receipts[topic], np.int64))
        for topic in sorted(stamps)
    ]
    found.lost_packets = {topic: _lost(np.array(n, np.uint64)) for topic, n in numbers.items()}
    return found


def _begins_with_header(reader: BagReader, item: RawMessage, found: RecordedStamps) -> bool:
    try:
        message = reader.deserialize(item)
    except SampleError:
        found.unknown.setdefault(item.topic, item.type_name)
        return False
    names = getattr(message, '__dataclass_fields__', {})
    found.unknown.pop(item.topic, None)
    return next(iter(names), '') == 'header'


def _stamp_ns(data: bytes) -> int:
    """Return the stamp of a serialised message that begins with a header."""
    seconds, nanoseconds = _STAMP[data[1] & 1].unpack_from(data, _ENCAPSULATION)
    return int(seconds) * 1_000_000_000 + int(nanoseconds)


def _sequence(data: bytes) -> int:
    """Return `seq` of an event packet: header, height, width, seq, with CDR's alignment."""
    order = data[1] & 1
    (length,) = _LENGTH[order].unpack_from(data, _ENCAPSULATION + 8)
    at = 12 + length
    at += -at % 4 + 8
    at += -at % 8
    return int(_SEQUENCE[order].unpack_from(data, _ENCAPSULATION + at)[0])


def _lost(numbers: np.ndarray) -> int:  # type: ignore[type-arg]
    """Return how many numbers are missing; a count that starts again is no loss."""
    steps = np.diff(numbers.astype(np.int64))
    return int((steps[steps > 1] - 1).sum())
