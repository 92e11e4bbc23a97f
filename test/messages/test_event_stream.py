"""Packed event formats against a plain decoder, across packets, and against damage."""

import random
import struct
from types import SimpleNamespace

import numpy as np
import pytest
from event_packets import HEIGHT, START_NS, WIDTH, evt3, evt3_time, packet
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_ros.core.errors import SampleError
from mmseg_ros.messages import EventStream
from mmseg_ros.messages.event_stream import PACKET_ENCODINGS
from mmseg_ros.messages.prophesee import packet_words


@pytest.mark.parametrize('offset', [0, 1])
@pytest.mark.parametrize('frozen', [False, True])
def test_words_are_of_one_kind_whatever_holds_them(offset, frozen):
    data = np.frombuffer(bytearray(range(17)), np.uint8)[offset : offset + 16]
    data.flags.writeable = not frozen
    words = packet_words(data, '<u4', 'evt2')
    assert words.tobytes() == bytes(range(offset, offset + 16))
    assert words.flags.aligned
    assert not words.flags.writeable
    assert data.flags.writeable is not frozen


class TestEvt3:
    def test_single_and_vector_events(self):
        content = evt3(
            *evt3_time(5000), (0, 7), (2, 0x800 | 33), (3, 0x800 | 100), (4, 0b100000000001),
            (5, 0b00000010), (6, 904), (3, 5), (5, 0b1),
        )  # fmt: skip
        events = EventStream(HEIGHT, WIDTH).decode(packet('evt3', content))
        assert events.x.tolist() == [33, 100, 111, 113, 5]
        assert set(events.y.tolist()) == {7}
        assert events.polarity.tolist() == [True, True, True, True, False]
        assert np.diff(events.stamp_ns).tolist() == [0, 0, 0, 0]

    def test_state_goes_on_in_the_next_packet(self):
        stream = EventStream(HEIGHT, WIDTH)
        assert len(stream.decode(packet('evt3', evt3(*evt3_time(9000), (0, 3)))).x) == 0
        events = stream.decode(packet('evt3', evt3((2, 44)), seq=1))
        assert (events.x.tolist(), events.y.tolist()) == ([44], [3])
        assert stream.counters.lost_packets == 0

    def test_capitals_of_the_encoding(self):
        events = EventStream(HEIGHT, WIDTH).decode(
            packet('EVT3', evt3(*evt3_time(5000), (0, 7), (2, 33)))
        )
        assert (events.x.tolist(), events.y.tolist()) == ([33], [7])

    def test_events_before_the_first_time_are_left_out(self):
        content = evt3((0, 1), (2, 1), (6, 5), (2, 2), (8, 0), (2, 3))
        assert EventStream(HEIGHT, WIDTH).decode(packet('evt3', content)).x.tolist() == [3]

    def test_the_24_bit_clock_is_unwrapped(self):
        stream = EventStream(HEIGHT, WIDTH)
        wrap_us, stamps = 1 << 24, []
        for seq, elapsed_us in enumerate(range(wrap_us - 9000, 3 * wrap_us, 4_000_000)):
            content = evt3((0, 1), *evt3_time(elapsed_us % wrap_us), (2, 1))
            header_ns = START_NS + elapsed_us * 1000
            stamps.append(stream.decode(packet('evt3', content, seq, 0, header_ns)).stamp_ns[0])
        assert set(np.diff(stamps).tolist()) == {4_000_000_000}

    def test_a_small_step_back_is_no_wrap(self):
        content = evt3((0, 1), *evt3_time(9 << 12), (2, 1), *evt3_time(8 << 12), (2, 2))
        events = EventStream(HEIGHT, WIDTH).decode(packet('evt3', content))
        assert np.ptp(events.stamp_ns) == (1 << 12) * 1000

    def test_the_offset_follows_the_fastest_packet(self):
        stream = EventStream(HEIGHT, WIDTH)
        for seq, delay_ns in enumerate([9_000_000, 2_000_000, 5_000_000]):
            elapsed_us = seq * 10_000
            header_ns = START_NS + elapsed_us * 1000 + delay_ns
            content = evt3((0, 1), *evt3_time(elapsed_us), (2, 1))
            events = stream.decode(packet('evt3', content, seq, 0, header_ns))
        assert stream.offset_ns == START_NS + 2_000_000
        assert events.stamp_ns[0] == START_NS + 22_000_000

    def test_events_without_a_row_or_a_base_are_left_out(self):
        words = (*evt3_time(1), (2, 9), (4, 1), (0, 7), (2, 5), (4, 1), (3, 100), (4, 1))
        events = EventStream(HEIGHT, WIDTH).decode(packet('evt3', evt3(*words)))
        assert (events.x.tolist(), events.y.tolist()) == ([5, 100], [7, 7])

    def test_row_and_base_are_unknown_after_a_lost_packet(self):
        stream = EventStream(HEIGHT, WIDTH)
        stream.decode(packet('evt3', evt3(*evt3_time(1), (0, 7), (3, 100))))
        events = stream.decode(packet('evt3', evt3((2, 5), (4, 1), (0, 8), (4, 1), (2, 6)), seq=2))
        assert (events.x.tolist(), events.y.tolist()) == ([6], [8])

    @pytest.mark.parametrize('vectors', [200, 5500, 12000])
    def test_vectors_that_run_off_the_sensor_do_not_come_back(self, vectors):
        words = [*evt3_time(1), (0, 7), (3, 100), *[(4, 0)] * vectors, (4, 1)]
        stream = EventStream(HEIGHT, WIDTH)
        with pytest.raises(SampleError, match='1 of 1 events'):
            stream.decode(packet('evt3', evt3(*words)))
        assert stream.counters.events_outside == 1

    def test_lost_packets_are_counted(self):
        stream = EventStream(HEIGHT, WIDTH)
        for seq in (10, 11, 15):
            stream.decode(packet('evt3', evt3(*evt3_time(1)), seq))
        assert stream.counters.lost_packets == 3


def test_mono_events():
    words = [(5 << 0) | (33 << 32) | (44 << 48) | (1 << 63), (9 << 0) | (1 << 32) | (2 << 48)]
    content = struct.pack('<2Q', *words)
    events = EventStream(HEIGHT, WIDTH).decode(packet('mono', content, time_base=START_NS))
    assert (events.x.tolist(), events.y.tolist()) == ([33, 1], [44, 2])
    assert (events.stamp_ns - START_NS).tolist() == [5, 9]
    assert events.polarity.tolist() == [True, False]


def test_evt2_events():
    words = [(8 << 28) | 100, (1 << 28) | (5 << 22) | (33 << 11) | 44, (9 << 22) | (1 << 11) | 2]
    content = struct.pack('<3I', *words)
    stream = EventStream(HEIGHT, WIDTH)
    events = stream.decode(packet('evt2', content))
    assert (events.x.tolist(), events.y.tolist()) == ([33, 1], [44, 2])
    assert events.polarity.tolist() == [True, False]
    assert np.diff(events.stamp_ns).tolist() == [4000]
    assert stream.offset_ns == START_NS - (100 * 64 + 5) * 1000
    # The upper time bits are known from the packet before.
    events = stream.decode(packet('evt2', struct.pack('<I', words[1]), seq=1))
    assert events.x.tolist() == [33]


def test_evt21_events_are_up_to_32_of_a_word():
    words = [
        (8 << 60) | (100 << 32),
        (1 << 60) | (5 << 54) | (32 << 43) | (44 << 32) | 0x80000005,
        (9 << 54) | (1 << 43) | (2 << 32) | 1,
        (10 << 60) | 7,
        (14 << 60) | 3,
    ]
    events = EventStream(HEIGHT, WIDTH).decode(packet('evt21', struct.pack('<5Q', *words)))
    assert events.x.tolist() == [32, 34, 63, 1]
    assert events.y.tolist() == [44, 44, 44, 2]
    assert events.polarity.tolist() == [True, True, True, False]
    assert np.diff(events.stamp_ns).tolist() == [0, 0, 4000]


@pytest.mark.parametrize('encoding', PACKET_ENCODINGS)
def test_the_size_comes_from_the_message_where_nobody_told_it(encoding):
    events = EventStream(0, 0).decode(packet(encoding, b''))
    assert (events.height, events.width) == (HEIGHT, WIDTH)
    events = EventStream(48, 64).decode(packet(encoding, b''))
    assert (events.height, events.width) == (48, 64)


def test_a_size_that_nobody_tells_is_named():
    msg = packet('evt3', b'')
    msg.height = msg.width = 0
    with pytest.raises(SampleError, match='size of the event sensor is not known'):
        EventStream(0, 0).decode(msg)


def test_arrays_of_single_events():
    def event(x, y, nanosec, polarity):
        return SimpleNamespace(
            x=x, y=y, ts=SimpleNamespace(sec=10, nanosec=nanosec), polarity=polarity
        )

    msg = SimpleNamespace(events=[event(1, 2, 7, True), event(3, 4, 5, False)])
    events = EventStream(HEIGHT, WIDTH).decode(msg)
    assert events.x.tolist() == [3, 1]
    assert events.stamp_ns.tolist() == [10_000_000_005, 10_000_000_007]
    assert len(EventStream(HEIGHT, WIDTH).decode(SimpleNamespace(events=[])).x) == 0
    with pytest.raises(SampleError, match='without x, y, ts, polarity'):
        EventStream(HEIGHT, WIDTH).decode(SimpleNamespace(events=[SimpleNamespace(x=1)]))


@pytest.mark.parametrize('encoding', ['rgb8', 'bgr8', 'mono8'])
def test_event_frames(encoding):
    pixels = np.full((4, 6, 3), 0 if encoding != 'mono8' else 128, np.uint8)
    red, blue = (0, 2) if encoding == 'rgb8' else (2, 0)
    pixels[1, 2, red], pixels[3, 4, blue] = 255, 255
    if encoding == 'mono8':
        pixels = np.full((4, 6), 128, np.uint8)
        pixels[1, 2], pixels[3, 4] = 255, 0
    stamp = SimpleNamespace(sec=1, nanosec=5)
    msg = SimpleNamespace(
        header=SimpleNamespace(stamp=stamp, frame_id=''), encoding=encoding, height=4, width=6,
        step=pixels.strides[0], is_bigendian=0, data=pixels.tobytes(),
    )  # fmt: skip
    events = EventStream(4, 6).decode(msg)
    assert (events.x.tolist(), events.y.tolist()) == ([2, 4], [1, 3])
    assert events.polarity.tolist() == [True, False]
    assert events.stamp_ns.tolist() == [1_000_000_004] * 2
    with pytest.raises(SampleError, match='8-bit and 640 x 480'):
        EventStream(HEIGHT, WIDTH).decode(msg)


def test_damage_is_rejected_and_counted():
    stream = EventStream(HEIGHT, WIDTH)
    outside = evt3(*evt3_time(1), (0, 1), (2, 700))
    for content, encoding, named in [
        (b'123', 'evt3', 'no multiple of 2'),
        (b'1234567', 'mono', 'cut off'),
        (b'', 'h264', "'h264'; supported: evt2, evt21, evt3"),
        (outside, 'evt3', '1 of 1 events'),
    ]:
        with pytest.raises(SampleError, match=named):
            stream.decode(packet(encoding, content))
    big = packet('evt3', b'')
    big.is_bigendian = True
    with pytest.raises(SampleError, match='big-endian'):
        stream.decode(big)
    broken = packet('evt3', b'')
    broken.seq = 'x'
    with pytest.raises(SampleError, match='cannot be read'):
        stream.decode(broken)
    with pytest.raises(SampleError, match='is no event message'):
        stream.decode(SimpleNamespace())
    assert stream.counters.rejected == 7
    assert stream.counters.packets == 0


@settings(max_examples=100, deadline=None)
@given(
    encoding=st.sampled_from([*PACKET_ENCODINGS, 'other']),
    contents=st.lists(st.binary(max_size=400), min_size=1, max_size=4),
    time_base=st.integers(0, 2**62),
)
def test_random_bytes_never_crash(encoding, contents, time_base):
    stream = EventStream(HEIGHT, WIDTH)
    for seq, content in enumerate(contents):
        try:
            events = stream.decode(packet(encoding, content, seq, time_base))
        except SampleError:
            continue
        assert (np.diff(events.stamp_ns) >= 0).all()
        assert (events.x < WIDTH).all()
        assert (events.y < HEIGHT).all()
    assert stream.counters.packets + stream.counters.rejected == len(contents)


def test_a_cut_packet_gives_the_events_before_the_cut():
    rng = random.Random(0)
    words = [*evt3_time(100), (0, 5)] + [(2, rng.randrange(600)) for _ in range(50)]
    content = evt3(*words)
    events = EventStream(HEIGHT, WIDTH).decode(packet('evt3', content[:40]))
    assert len(events.x) == 17
