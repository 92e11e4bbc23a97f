"""Packets of inivation's cameras, plain and compressed, also real ones."""

import struct
from pathlib import Path

import numpy as np
import pytest
from event_packets import HEIGHT, START_NS, WIDTH, evt3, packet

from mmseg_ros.bag.reader import BagReader
from mmseg_ros.messages import EventStream

DATA = Path(__file__).parents[1] / 'data' / 'events'
RECORDING = Path(__file__).parents[3] / 'shared' / 'recordings' / 'libcaer_cmp'


def test_libcaer_events_and_their_31_bit_clock():
    last = (1 << 31) - 1
    content = struct.pack('<IiIi', (33 << 17) | (44 << 2) | 2, last, (1 << 17) | (2 << 2), 4)
    events = EventStream(HEIGHT, WIDTH).decode(packet('libcaer', content, time_base=START_NS))
    assert (events.x.tolist(), events.y.tolist()) == ([33, 1], [44, 2])
    assert (events.stamp_ns - START_NS).tolist() == [last * 1000, (last + 5) * 1000]
    assert events.polarity.tolist() == [True, False]


def test_libcaer_compressed_events():
    words = [(0, 1), (1, 5), (2, 33), (3, 0x800 | 44), (4, 100), (5, 0b101)]
    events = EventStream(HEIGHT, WIDTH).decode(packet('libcaer_cmp', evt3(*words), 0, START_NS))
    assert (events.x.tolist(), events.y.tolist()) == ([33, 33, 33], [44, 100, 102])
    assert events.polarity.tolist() == [True, False, False]
    assert set(events.stamp_ns.tolist()) == {START_NS + ((1 << 12) + 5) * 1000}


def plain_libcaer_compressed(content):
    """The events of a packet as (x, y, microseconds, polarity), decoded word by word."""
    high = low = column = base = base_polarity = 0
    for (word,) in struct.iter_unpack('<H', content):
        code, rest = word >> 12, word & 0xFFF
        now = (high << 12) | low
        if code == 0:
            high = rest
        elif code == 1:
            low = rest
        elif code == 2:
            column = rest & 0x7FF
        elif code == 3:
            yield column, rest & 0x7FF, now, rest >> 11
        elif code == 4:
            base, base_polarity = rest & 0x7FF, rest >> 11
        elif code == 5:
            for bit in range(8):
                if rest >> bit & 1:
                    yield column, base + bit, now, base_polarity
            base += 8


def test_a_real_packet_whose_time_base_is_in_nanoseconds():
    content = (DATA / 'libcaer_cmp_346x260.bin').read_bytes()
    base_ns = 1_744_227_144_732_712_000
    header_ns = 1_744_227_144_744_040_812
    msg = packet('libcaer_cmp', content, 101, base_ns, header_ns)
    events = EventStream(260, 346).decode(msg)
    expected = np.array(list(plain_libcaer_compressed(content)))
    assert len(events.x) == len(expected) > 6500
    np.testing.assert_array_equal(events.polarity, expected[:, 3])
    np.testing.assert_array_equal(events.x, expected[:, 0])
    np.testing.assert_array_equal(events.y, expected[:, 1])
    np.testing.assert_array_equal(events.stamp_ns, base_ns + expected[:, 2] * 1000)
    assert 0 < header_ns - events.stamp_ns[-1] < 10_000_000


@pytest.mark.skipif(not RECORDING.exists(), reason='the recording is not part of the project')
def test_a_real_recording_of_100_packets():
    stream, rises, falls, last_ns = EventStream(0, 0), 0, 0, 0
    with BagReader(RECORDING) as reader:
        for _, _, message in reader.messages(['/event_camera/events']):
            events = stream.decode(message)
            rises += np.count_nonzero(events.polarity)
            falls += np.count_nonzero(~events.polarity)
            assert last_ns <= events.stamp_ns[0]
            last_ns = events.stamp_ns[-1]
            assert (events.height, events.width) == (260, 346)
    assert (rises, falls) == (211_043, 360_223)
    assert stream.counters.lost_packets == 0
