"""One event camera's messages over time: decoder state, clock offset, lost packets."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.limits import limits
from mmseg_ros.core.types import EventData
from mmseg_ros.messages import event_codecs as codecs
from mmseg_ros.messages.buffers import as_bytes
from mmseg_ros.messages.event_frames import from_frame
from mmseg_ros.messages.event_points import event_data, from_array, from_cloud, require_event_count
from mmseg_ros.messages.header import stamp_ns
from mmseg_ros.messages.prophesee import WORD_TYPES, decode_prophesee, packet_words
from mmseg_ros.projection.event_window import events_in_window

PACKET_ENCODINGS = (*WORD_TYPES, 'mono', 'libcaer', 'libcaer_cmp')
_NS_PER_US = 1000
# Three years: a sensor's own clock is younger, the time since the epoch is older.
_ABSOLUTE_NS = 10**17
_OFFSET_PACKETS = 200
_LARGEST_SHARE_OUTSIDE = 0.01
# No packet is that long: an event further from the middle one has a time that was never set.
_LONGEST_PACKET_NS = 10**9


@dataclass
class EventCounters:
    """What a stream has seen.

    Attributes:
        packets: Messages decoded.
        lost_packets: Gaps in the sequence numbers of EventPacket messages.
        events: Events given out.
        events_outside: Events dropped because they lie outside the sensor.
        events_stray: Events dropped because their time is a second or more from all others.
        rejected: Messages that could not be decoded.
    """

    packets: int = 0
    lost_packets: int = 0
    events: int = 0
    events_outside: int = 0
    events_stray: int = 0
    rejected: int = 0

    @property
    def losses(self) -> dict[str, int]:
        """Return what was lost of packets that were taken, by cause, without zeros."""
        losses = {
            'event packets lost on the way': self.lost_packets,
            'events outside the sensor': self.events_outside,
            'events whose time was never set': self.events_stray,
        }
        return {cause: count for cause, count in losses.items() if count}


class EventStream:
    """Decodes the messages of one event camera.

    Compressed formats go on across messages, and sensors count time from their own start; the
    offset to the header clock is the smallest of (header stamp - first sensor time) over the last
    200 packets, since transport only ever adds delay.

    Args:
        height: Rows of the sensor; 0 takes the size from messages that tell it.
        width: Columns of the sensor.
    """

    def __init__(self, height: int, width: int) -> None:
        self.counters = EventCounters()
        self._size_is_told = height > 0 and width > 0
        self._height, self._width = height, width
        self._state = np.zeros(codecs.STATE_SIZE, np.int64)
        self._offsets_ns: deque[int] = deque(maxlen=_OFFSET_PACKETS)
        self._next_seq: int | None = None

    @property
    def offset_ns(self) -> int | None:
        """Header clock minus sensor clock in nanoseconds; None if the sensor has no own clock."""
        return min(self._offsets_ns, default=None)

    def decode(self, msg: Any) -> EventData:
        """Return the events of the next message, oldest first, on the clock of its header.

        Raises:
            SampleError: The type of the message is unknown or its content does not fit together.
        """
        try:
            events = self._without_strays(self._decode(msg))
        except SampleError:
            self.counters.rejected += 1
            raise
        except (AttributeError, TypeError, ValueError, OverflowError) as error:
            self.counters.rejected += 1
            raise SampleError(f'Event message cannot be read ({error}).') from error
        self.counters.packets += 1
        self.counters.events += len(events.x)
        return events

    def _decode(self, msg: Any) -> EventData:
        if hasattr(msg, 'point_step'):
            self._require_size()
            return from_cloud(msg, self._height, self._width)
        if not self._size_is_told:
            self._height, self._width = int(msg.height), int(msg.width)
            self._require_size()
        if hasattr(msg, 'time_base'):
            return self._packet(msg)
        if hasattr(msg, 'encoding'):
            return from_frame(msg, self._height, self._width)
        if hasattr(msg, 'events'):
            return from_array(msg, self._height, self._width)
        raise SampleError(
            f'{type(msg).__name__} is no event message; supported: PointCloud2 with x, y, t, p; '
            'event_camera_msgs/EventPacket; dvs_msgs/EventArray; event frames as Image.'
        )

    def _require_size(self) -> None:
        if self._height < 1 or self._width < 1:
            raise SampleError(
                'The size of the event sensor is not known: these messages do not tell it, and no '
                'CameraInfo or calibration does.'
            )

    def _without_strays(self, events: EventData) -> EventData:
        """Leave out events whose time was never set: one must not move the end of the packet."""
        stamps = events.stamp_ns
        if not len(stamps):
            return events
        middle_ns = int(stamps[len(stamps) // 2])
        nearest_ns = middle_ns - _LONGEST_PACKET_NS, middle_ns + _LONGEST_PACKET_NS
        if nearest_ns[0] < stamps[0] and stamps[-1] < nearest_ns[1]:
            return events
        kept = events_in_window(events, nearest_ns)
        self.counters.events_stray += len(stamps) - len(kept.stamp_ns)
        return kept

    def _packet(self, msg: Any) -> EventData:
        self._follow_sequence(int(msg.seq))
        if msg.is_bigendian:
            raise SampleError('EventPacket with big-endian content is not supported.')
        data, base_ns = as_bytes(msg.events), int(msg.time_base)
        encoding = str(msg.encoding).strip().lower()
        if encoding in WORD_TYPES:
            most = limits().window_events
            x, y, times_us, polarity = decode_prophesee(encoding, data, self._state, most)
            times_ns = times_us * _NS_PER_US
        elif encoding == 'libcaer_cmp':
            x, y, times_ns, polarity = _libcaer_compressed(data, base_ns)
        elif encoding == 'mono':
            x, y, times_ns, polarity = _mono(data, base_ns)
        elif encoding == 'libcaer':
            x, y, times_ns, polarity = _libcaer(data, base_ns)
        else:
            return _by_event_camera_py(msg)
        inside = (x < self._width) & (y < self._height)
        outside = len(x) - int(np.count_nonzero(inside))
        if outside:
            self._drop_outside(outside, len(x), encoding)
            x, y, times_ns, polarity = x[inside], y[inside], times_ns[inside], polarity[inside]
        stamps = self._on_header_clock(times_ns, stamp_ns(msg.header))
        return event_data(x, y, stamps, polarity, self._height, self._width)

    def _on_header_clock(self, times_ns: NDArray[np.int64], header_ns: int) -> NDArray[np.int64]:
        if not len(times_ns) or times_ns[0] > _ABSOLUTE_NS:
            return times_ns
        self._offsets_ns.append(header_ns - int(times_ns[0]))
        return times_ns + min(self._offsets_ns)

    def _follow_sequence(self, seq: int) -> None:
        if self._next_seq is not None and seq != self._next_seq:
            self.counters.lost_packets += max(seq - self._next_seq, 1)
            codecs.forget_place(self._state)
        self._next_seq = seq + 1

    def _drop_outside(self, outside: int, total: int, encoding: str) -> None:
        self.counters.events_outside += outside
        if outside > _LARGEST_SHARE_OUTSIDE * total:
            raise SampleError(
                f'{outside} of {total} events of an {encoding!r} packet lie outside the '
                f'{self._width} x {self._height} sensor: the packet is damaged, or the size in '
                'its CameraInfo or calibration is wrong.'
            )


def _mono(data: NDArray[np.uint8], base_ns: int) -> codecs.Columns:
    words = packet_words(data, '<u8', 'mono')
    require_event_count(len(words))
    times_ns = (words & 0xFFFFFFFF).astype(np.int64) + base_ns
    x = ((words >> 32) & 0xFFFF).astype(np.uint16)
    return x, ((words >> 48) & 0x7FFF).astype(np.uint16), times_ns, (words >> 63).astype(np.bool_)


def _libcaer(data: NDArray[np.uint8], base_ns: int) -> codecs.Columns:
    pairs = packet_words(data, '<u8', 'libcaer').view('<u4').reshape(-1, 2)
    require_event_count(len(pairs))
    word, raw_us = pairs[:, 0], pairs[:, 1].astype(np.int32)
    times_ns = codecs.unwrapped_libcaer_times(raw_us) * _NS_PER_US + base_ns
    x, y = ((word >> 17) & 0x7FFF).astype(np.uint16), ((word >> 2) & 0x7FFF).astype(np.uint16)
    return x, y, times_ns, ((word >> 1) & 1).astype(np.bool_)


def _libcaer_compressed(data: NDArray[np.uint8], base_ns: int) -> codecs.Columns:
    words = packet_words(data, '<u2', 'libcaer_cmp')
    count = codecs.count_vector_words(words, 3, 5, 5)
    columns = codecs.event_columns(count, limits().window_events)
    state = np.zeros(codecs.STATE_SIZE, np.int64)
    n = codecs.decode_libcaer_compressed(words, state, *columns)
    x, y, times_us, polarity = columns
    return x[:n], y[:n], times_us[:n] * _NS_PER_US + base_ns, polarity[:n]


def _by_event_camera_py(msg: Any) -> EventData:
    """Let event_camera_py, where it is installed, decode what this module does not."""
    try:
        from event_camera_py import Decoder
    except ImportError:
        raise SampleError(
            f'Unknown event encoding {msg.encoding!r}; supported: {", ".join(PACKET_ENCODINGS)} '
            '(and those of event_camera_py, which is not installed).'
        ) from None
    decoder = Decoder()
    decoder.decode(msg)
    events = decoder.get_cd_events()
    times_ns = events['t'].astype(np.int64) * _NS_PER_US
    stamps = times_ns - (times_ns[0] if len(times_ns) else 0) + stamp_ns(msg.header)
    height, width = int(msg.height), int(msg.width)
    return event_data(events['x'], events['y'], stamps, events['p'] > 0, height, width)
